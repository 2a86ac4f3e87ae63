"""Services that share addresses, and thieves who name them: what becomes of them, and what may not.

Rules of this file; a violation is a broken one:
- one answer: at no instant do two nodes answer for a shared address. Excused is from whom a hand
  took a Lease, until its watch has told it, and who holds over (hold_over_judge).
- all or nothing: who knows all Services answers for an address only by the Leases of all that are
  held together for it, as far as it knows of those.
- not asked for: who knows all that the API says answers only for what a policy selects here.
- silent first: a Lease is given up by a node that does not answer for anything of its group.
- not theirs: no node takes the Lease of one that merely names another's address.

Each address has one Service that has it for good, the anchor: so at any two instants somebody is
the same among those that have it. (Where nobody is, only the segment can keep two views apart.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address
from math import inf
from typing import Any

from l2announcer.core.candidacy import lease_name
from l2announcer.core.effects import LeaseWrite
from l2announcer.core.model import Key, Kind
from l2announcer.wire import arp
from tests.fakes.patching import MERGE_PATCH
from tests.fakes.resources import LEASES, NAMESPACES, SERVICES
from tests.sim import objects
from tests.sim.api import Api
from tests.sim.hold_over_judge import HoldOverJudge
from tests.sim.lease_judge import LeaseJudge
from tests.sim.node import Node
from tests.sim.objects import LEASE_NAMESPACE, NAMESPACE, Json, addresses, selected
from tests.sim.overlap import Overlaps
from tests.sim.stage import Stage
from tests.sim.timeline import SOONEST_SECONDS, Timeline

SHARED = ("172.19.200.1", "172.19.200.2")
THIEF, THIEVES = "thief", "thieves"
KNOWN_KINDS = (Kind.SERVICE, Kind.POLICY, Kind.NODE)
_ASKER = b"\x02\x00\x00\x00\xff\x02"


def shares(found: Json) -> bool:
    """Is it one of those that share, or of the thieves?"""
    return bool(found["metadata"].get("labels", {}).get("shares"))


class Sharers:
    """What people do to such Services. The first two are anchors."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._api = stage.api

    def populate(self) -> None:
        if not self._stage.plan.sharing:
            return
        name = {"metadata": {"name": THIEVES}}
        self._api.store.create(NAMESPACES, name, now=self._api.unix)
        for number in range(self._stage.plan.sharing):
            self._create(number)

    def calm(self) -> None:
        for number in range(self._stage.plan.sharing):
            if self._api.find(Kind.SERVICE, _name(number)) is None:
                self._create(number)
            self._patch(_name(number), {"metadata": {"labels": {"announce": "yes"}}})

    def change(self) -> str:
        """One of them comes, goes, is announced or not, or has other addresses."""
        rng = self._stage.rng
        if rng.random() < 0.2:
            return self._change_thief()
        number = rng.randrange(self._stage.plan.sharing)
        name = _name(number)
        found = self._api.find(Kind.SERVICE, name)
        if found is None:
            self._create(number)
            return f"{name} created"
        lot = rng.random()
        if number < len(SHARED) or lot < 0.3:
            wanted = found["metadata"]["labels"]["announce"] == "yes"
            value = "no" if wanted else "yes"
            self._patch(name, {"metadata": {"labels": {"announce": value}}})
            return f"{name} announce={value}"
        if lot < 0.5:
            self._api.store.delete(SERVICES, namespace=NAMESPACE, name=name, now=self._api.unix)
            return f"{name} deleted"
        some = self._some()
        self._patch(name, {"spec": {"externalIPs": some}})
        return f"{name} has {some} now"

    def clear_lease(self) -> str:
        """A hand takes one of the Leases from its holder."""
        number = self._stage.rng.randrange(self._stage.plan.sharing)
        name = lease_name(Key(NAMESPACE, _name(number)))
        if self._api.find(Kind.LEASE, name) is None:
            return f"{name} does not exist"
        patch = {"spec": {"holderIdentity": ""}}
        where = {"namespace": LEASE_NAMESPACE, "name": name}
        self._api.store.patch(LEASES, patch, MERGE_PATCH, **where)
        return name

    def _change_thief(self) -> str:
        """Younger than the anchors by whole seconds: of two of one age the uid would decide."""
        if self._stage.timeline.now < 2.0:
            return "no thief yet"
        where = {"namespace": THIEVES, "name": THIEF}
        if self._api.store.exists(SERVICES, THIEVES, THIEF):
            self._api.store.delete(SERVICES, **where, now=self._api.unix)
            return "the thief is gone"
        found = _service(THIEF, list(SHARED))
        self._api.store.create(SERVICES, found, namespace=THIEVES, now=self._api.unix)
        return "a thief"

    def _some(self) -> list[str]:
        return [each for each in SHARED if self._stage.rng.random() < 0.6]

    def _create(self, number: int) -> None:
        some = [SHARED[number]] if number < len(SHARED) else self._some()
        found = _service(_name(number), some)
        self._api.store.create(SERVICES, found, namespace=NAMESPACE, now=self._api.unix)

    def _patch(self, name: str, patch: Json) -> None:
        self._api.store.patch(SERVICES, patch, MERGE_PATCH, namespace=NAMESPACE, name=name)


def _name(number: int) -> str:
    return f"share{number}"


def _service(name: str, named: list[str]) -> Json:
    found = objects.service(name, "")
    found["metadata"]["labels"]["shares"] = "yes"
    found["spec"]["externalIPs"] = named
    return found


class SharingJudge:
    """Judges what nodes do about shared addresses; with the judge's own eyes, where it has them."""

    def __init__(
        self,
        nodes: list[Node],
        timeline: Timeline,
        api: Api,
        leases: LeaseJudge,
        overlaps: Overlaps,
        hold_over: HoldOverJudge,
        breaks: Callable[[str, str], None],
    ) -> None:
        self._nodes = nodes
        self._timeline = timeline
        self._api = api
        self._leases = leases
        self._overlaps = overlaps
        self._hold_over = hold_over
        self._breaks = breaks
        self._looked_at: set[tuple[Node, Node, str]] = set()
        self._services: list[Any] = []
        self._together: dict[str, list[str]] = {}  # the Leases, by address
        self._questions = {
            address: arp.request(
                mac=_ASKER, sender=IPv4Address("172.19.0.1"), target=IPv4Address(address)
            )
            for address in SHARED
        }

    def services_are(self, services: list[Any]) -> None:
        """Take in all Services as they are stored now."""
        self._services = [
            one for one in services if shares(one) and one["metadata"]["namespace"] == NAMESPACE
        ]
        self._together = {address: self._held_together(address) for address in SHARED}

    def stepped(self, node: Node) -> None:
        """Check after every step."""
        if not self._services:
            return
        for address, question in self._questions.items():
            answers = node.would_answer(question)
            self._overlaps.answers(node, address, self._timeline.now, yes=answers)
            if answers:
                self._check_right(node, address)
                self._check_overlap(node, address)

    def hands_out(self, node: Node, write: LeaseWrite) -> None:
        """Check a Lease write that a node begins."""
        if write.name == lease_name(Key(THIEVES, THIEF)):
            self._breaks("not theirs", f"{node} takes the Lease of a thief")
        given_up = write.body["spec"]["holderIdentity"] != node.process[0]
        if not given_up or not self._knows(node, (Kind.SERVICE,)):
            return
        for address in self._addresses_of(write.name):
            if node.would_answer(self._questions[address]):
                self._breaks(
                    "silent first", f"{node} gives up {write.name} and answers for {address}"
                )

    def unanswered(self) -> list[str]:
        """For which addresses there isn't one node that answers, and may, as in the end it must.

        While a group changes hands there may be none for a moment.
        """
        found = []
        for address, question in self._questions.items() if self._services else ():
            answering = [node for node in self._nodes if node.would_answer(question)]
            if len(answering) != 1 or not self._selects(answering[0], address):
                found.append(f"{answering} answer for {address}")
        return found

    def _check_right(self, node: Node, address: str) -> None:
        if not self._knows(node, (Kind.SERVICE,)):
            return
        for name in self._together[address]:
            lease = self._leases[name]
            # Who holds over may have a process before it to thank for its tenure.
            own = lease.record is not None and (lease.writer or ())[:2] == node.process[:2]
            if not own and node.watches[Kind.LEASE].processed >= lease.version:
                self._breaks(
                    "all or nothing",
                    f"{node} answers for {address}, but {lease.writer} holds {name}",
                )
        if self._knows(node, KNOWN_KINDS) and not self._selects(node, address):
            self._breaks("not asked for", f"{node} answers for {address}")

    def _check_overlap(self, node: Node, address: str) -> None:
        for other in self._nodes:
            if other is node or not other.would_answer(self._questions[address]):
                continue
            if not (self._excused(node, other, address) or self._excused(other, node, address)):
                self._breaks("one answer", f"{node} and {other} answer for {address}")

    def _excused(self, node: Node, other: Node, address: str) -> bool:
        """May the node not know yet that the other answers?"""
        told = node.watches[Kind.LEASE].processed
        leases = [self._leases[name] for name in self._together[address]]
        if any(one.writer != node.process and told < one.cleared for one in leases):
            return True
        # Whose clock stood still cannot know it, until the wire says so.
        names = self._together[address]
        paused = (self._overlaps.stood_still(node, one) for one in names)
        if any(paused) and self._overlaps.unheard(node, address, other, other.mac):
            return True
        excused_until = [self._hold_over.excuses(node, address, other, name) for name in names]
        until = max(excused_until, default=-inf)
        if self._timeline.now > until:
            return False
        pair = (node, other, address)
        if until < inf and pair not in self._looked_at:
            self._looked_at.add(pair)
            self._timeline.at(until + SOONEST_SECONDS, partial(self._look_again, *pair))
        return True

    def _look_again(self, node: Node, other: Node, address: str) -> None:
        self._looked_at.discard((node, other, address))
        if all(each.would_answer(self._questions[address]) for each in (node, other)):
            self._check_overlap(node, address)

    def _knows(self, node: Node, kinds: tuple[Kind, ...]) -> bool:
        last = self._api.last_version
        return all(node.watches[kind].processed >= last[kind] for kind in kinds)

    def _selects(self, node: Node, address: str) -> bool:
        policy, known = self._api.policy(), self._api.find(Kind.NODE, node.name)
        carriers = [one for one in self._services if address in addresses(one)]
        return any(selected(one, policy, known) for one in carriers)

    def _addresses_of(self, lease: str) -> list[str]:
        return [address for address in SHARED if lease in self._together[address]]

    def _held_together(self, address: str) -> list[str]:
        """The Leases of all that have the address, or share one with those."""
        reached, before = {address}, set[str]()
        found: list[Any] = []
        while reached != before:
            before = set(reached)
            found = [one for one in self._services if reached & set(addresses(one))]
            reached.update(each for one in found for each in addresses(one))
        return [lease_name(Key(NAMESPACE, one["metadata"]["name"])) for one in found]
