"""What must never happen, checked whenever a node may have begun to answer.

Rules of this file; a violation is a broken one (more: lease_judge, hold_over_judge):
- one answer: at no instant do two nodes answer for an address (excuses: overlap, and
  hold_over_judge for those that hold over).
- ask first: nobody begins to answer while a stranger or a host on its segment answers already;
  who was given the Lease goes on as its giver did.
- read first: nobody begins to answer for what was no Service's any more when the tenure began.
- not asked for: a node that knows all that the API says answers only for what a policy selects.
- not its own: a node that knows that somebody else wrote a Lease does not answer by it.
- silent first: a release or a gift is handed out by a node that does not answer any more.
- one write: for each Lease a process has one write in flight.
- restless, budget: see pace_judge.
- two owners, a host's, renumbered: see ipam_judge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from math import inf
from typing import Any

from l2announcer.core.candidacy import lease_name
from l2announcer.core.effects import Gratuitous, LeaseWrite
from l2announcer.core.facts import Claimed, Fact, Gone, Seen
from l2announcer.core.first_answer import PROBE_WAIT_SECONDS
from l2announcer.core.heartbeat import heartbeat_name
from l2announcer.core.lease import GIVEN_SECONDS, given_to
from l2announcer.core.model import Key, Kind, LeaseRecord, Service
from l2announcer.core.predecessor import Kind as Predecessor
from l2announcer.wire import arp
from tests.sim import sharing
from tests.sim.api import Api
from tests.sim.hold_over_judge import HoldOverJudge, Machine
from tests.sim.host import Host
from tests.sim.ipam_judge import IpamJudge
from tests.sim.lease_judge import LeaseJudge
from tests.sim.node import Node
from tests.sim.objects import NAMESPACE, Json, addresses, selected, serves
from tests.sim.overlap import Overlaps
from tests.sim.pace_judge import PaceJudge
from tests.sim.plan import Plan
from tests.sim.sharing import SharingJudge
from tests.sim.stranger import Stranger
from tests.sim.timeline import SOONEST_SECONDS, Timeline

_KNOWN_KINDS = (Kind.SERVICE, Kind.POLICY, Kind.NODE)
_ASKER = b"\x02\x00\x00\x00\xff\x01"


@dataclass(frozen=True, slots=True)
class Violation:
    """What happened when (seconds of virtual time), and which rule it breaks."""

    at: float
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.at:.6f} {self.rule}: {self.what}"


class Judge:
    """Sees everything; `note` keeps a trace where one is wanted."""

    def __init__(
        self,
        plan: Plan,
        timeline: Timeline,
        api: Api,
        note: Callable[[str, object], None] | None = None,
    ) -> None:
        self.violations: list[Violation] = []
        self.nodes: list[Node] = []
        self.strangers: list[Stranger] = []
        self.hosts: list[Host] = []
        self.services: dict[str, Json] = {}  # by address
        self._plan = plan
        self._timeline = timeline
        self._api = api
        self._note = note
        self._questions: dict[str, bytes] = {}  # by address
        self._owners: dict[str, str] = {}  # the last Service to have an address
        self._gone_at: dict[str, float] = {}  # when it lost it
        self._leases = LeaseJudge(self.breaks)
        self._overlaps = Overlaps()
        self._ipam = IpamJudge(api, self._leases, self._overlaps, self.breaks)
        self.hold_over = HoldOverJudge(plan, timeline, self._overlaps, self.breaks)
        self.sharing = SharingJudge(
            self.nodes, timeline, api, self._leases, self._overlaps, self.hold_over, self.breaks
        )
        self._looked_at: set[tuple[Machine, Machine, str]] = set()  # again, at some time
        self._pace = PaceJudge(self.breaks)
        api.listeners.append(self)

    def trace(self, who: str, what: object) -> None:
        if self._note is not None:
            self._note(who, what)

    def breaks(self, rule: str, what: str) -> None:
        if rule in self._plan.unjudged:
            return
        self.violations.append(Violation(self._timeline.now, rule, what))
        self.trace("VIOLATION", f"{rule}: {what}")

    # What nodes do

    def stepped(self, node: Node) -> None:
        """Check after every step, and whenever a node goes on."""
        self._pace.stepped(node, self._timeline.now)
        self.sharing.stepped(node)
        for address, question in self._questions.items():
            before, lease = self._overlaps.since(node, address) < inf, self._lease_of(address)
            answers = self._follow(node, address, question)
            self.hold_over.answers(node, address, lease, before=before, yes=answers)
            if answers and not before:
                self.hold_over.check_return(node, address, lease, self._others(node, address))
            if answers:
                self._check_right(node, address)
                self._check_overlap(node, address)

    def begins(self, stranger: Stranger) -> None:
        """Check when a stranger may have begun to answer."""
        for address, question in self._questions.items():
            if self._follow(stranger, address, question):
                self._check_overlap(stranger, address)

    def announces(self, node: Node, service: Key) -> None:
        """Check a first answer: whoever answered before it must have been heard."""
        for address, owner in self._owners.items():
            if owner == service.name and node.would_answer(self._questions[address]):
                self._check_read(node, address)
                self._check_asked(node, address)

    def _check_read(self, node: Node, address: str) -> None:
        gone_at = self._gone_at.get(address, inf)
        if gone_at < self._overlaps.tenure_since(node.process, self._lease_of(address)):
            self.breaks("read first", f"{node} answers for {address}, which is nobody's any more")

    def _check_asked(self, node: Node, address: str) -> None:
        asked_at = self._timeline.now - PROBE_WAIT_SECONDS - 2.0 * self._plan.frame_delay
        if self._plan.lost_frames or node.disturbed_at > asked_at or self._goes_on(node, address):
            return
        there: list[Stranger | Host] = [
            stranger
            for stranger in self.strangers
            if stranger.would_answer(self._questions[address])
            and self._answered_since(stranger, address) < self.hold_over.probed_at(node, address)
        ]
        there += [
            host
            for host in self.hosts
            if str(host.address) == address and host.answers_since < asked_at
        ]
        for other in there:
            if other.side == node.side:
                self.breaks("ask first", f"{node} answers for {address}, as {other} does")

    def _answered_since(self, stranger: Stranger, address: str) -> float:
        """Since when a stranger answers; one that goes on does so unannounced."""
        return max(self._overlaps.since(stranger, address), stranger.disturbed_at)

    def _goes_on(self, node: Node, address: str) -> bool:
        """Was the Lease given to a node by one that answered until then, whoever else did?"""
        core, now = node.announcer, self._timeline.now
        contest = core.contests.get(self._lease_of(address)) if core is not None else None
        given = contest is not None and contest.elector.predecessor.kind is Predecessor.GIVER
        # The gift itself may have been under way for as long as a request may take.
        return (
            given and self._overlaps.ended(address) > now - self._plan.timeout - 2 * GIVEN_SECONDS
        )

    def hears(self, node: Node, claim: Claimed) -> None:
        """Take in that a claim reached a node."""
        self._overlaps.hears(node, claim, self._timeline.now)

    def reached(self, node: Node, claim: Claimed) -> None:
        """Take in that a claim reached a node's card."""
        self.hold_over.reached(node, claim)

    def sends(self, node: Node, frame: Gratuitous) -> None:
        """Check what a node sends unasked."""
        self.hold_over.sends(node, frame, self._lease_of(str(frame.announcement.address)))

    def told(self, node: Node, fact: Fact) -> None:
        """Take in what the API server told a process."""
        self.hold_over.told(node, fact)

    def hands_out(self, node: Node, write: LeaseWrite) -> None:
        """Check a Lease write that a node begins."""
        self._pace.writes(node, self._timeline.now)
        if write.name in node.writing:
            self.breaks("one write", f"{node} has two writes of {write.name} in flight")
        self.sharing.hands_out(node, write)
        watch, spec = node.watches[Kind.LEASE], write.body["spec"]
        self._leases.hands_out(
            node.process, write.name, listed=watch.listed, processed=watch.processed
        )
        now = self._timeline.now
        self._overlaps.hands_out(node.process, write.name, spec["renewTime"], now)
        if spec["holderIdentity"] == node.process[0]:
            return
        self.hold_over.gives_up(node.process, write.name)
        for address in self.services:
            if self._lease_of(address) == write.name and node.would_answer(
                self._questions[address]
            ):
                self.breaks(
                    "silent first", f"{node} gives up {write.name} and answers for {address}"
                )

    @property
    def machines(self) -> list[Node | Stranger]:
        """All that may answer."""
        return [*self.nodes, *self.strangers]

    def answering(self, address: str) -> list[Node | Stranger]:
        """Who would answer now."""
        question = self._questions[address]
        return [machine for machine in self.machines if machine.would_answer(question)]

    def changes_hands(self, address: str) -> bool:
        """Is its Lease on the way from one node to another, so that nobody answers for a moment?"""
        name = self._lease_of(address)
        cores = (node.announcer for node in self.nodes)
        contests = (core.contests.get(name) for core in cores if core is not None)
        electors = [contest.elector for contest in contests if contest is not None]
        given = given_to(self._leases[name].record)
        return bool(given) or any(each.transferring or each.taking for each in electors)

    def eligible(self, address: str) -> list[Node | Stranger]:
        """Who may announce the address, by what the API says now, and can."""
        up = (machine for machine in self.machines if machine.alive() and machine.link_up)
        return [machine for machine in up if self._selects(machine, address)]

    # What is stored

    def changed(self, kind: Kind, version: int, fact: Seen | Gone) -> None:
        """Take in a change on the API server."""
        self.trace("api", fact)
        if kind is Kind.SERVICE:
            self._services_are(self._api.services())
            if isinstance(fact, Seen) and isinstance(fact.object, Service):
                self._ipam.service_is(fact.object, by_hand=self._api.writer is None)
        elif kind is Kind.LEASE:
            self._lease_is(version, fact)

    def _services_are(self, services: list[Any]) -> None:
        before, self.services = self.services, {}
        self.sharing.services_are(services)
        own = [service for service in services if not sharing.shares(service)]
        self._ipam.services_are(own)
        for service in own:
            for address in addresses(service):
                self.services[address] = service
                self._owners[address] = service["metadata"]["name"]
                self._questions.setdefault(
                    address,
                    arp.request(
                        mac=_ASKER, sender=IPv4Address("172.19.0.1"), target=IPv4Address(address)
                    ),
                )

        for address in before.keys() - self.services:
            self._gone_at[address] = self._timeline.now
        for address in self.services.keys() - before:
            self._gone_at.pop(address, None)

    def _lease_is(self, version: int, fact: Seen | Gone) -> None:
        writer: Any = self._api.writer
        name, after = "", None
        if isinstance(fact, Gone):
            name = fact.key.name
        elif isinstance(fact.object, LeaseRecord):
            name, after = fact.object.name, fact.object
        now, before = self._timeline.now, self._leases[name].writer
        changed = self._leases.changed(name, after, writer=writer, version=version, now=now)
        if changed and after is not None and writer is not None:
            taken = before != writer
            self._overlaps.accepted(writer, name, after.renew_time, taken=taken)

    # The checks of a step

    def _check_right(self, node: Node, address: str) -> None:
        watches = node.watches
        last = self._api.last_version
        kinds = _KNOWN_KINDS + ((Kind.ENDPOINT_SLICE,) if self._plan.local else ())
        knows_all = all(k in watches and watches[k].processed >= last[k] for k in kinds)
        if knows_all and not self._selects(node, address):
            self.breaks("not asked for", f"{node} answers for {address}")
        if address not in self.services:
            return
        lease = self._leases[self._lease_of(address)]
        lenient = self._plan.holds_over  # a process before this one may have held it
        for one in filter(None, (lease, self._leases.beat_of(lease))):
            if not one.is_of(node.process, lenient=lenient):
                if watches[Kind.LEASE].processed >= one.version:
                    what = f"{node} answers for {address}, but {one.writer} holds it"
                    self.breaks("not its own", what)
                return

    def _follow(self, machine: Node | Stranger, address: str, question: bytes) -> bool:
        """Does it answer?"""
        answers = machine.would_answer(question)
        self._overlaps.answers(machine, address, self._timeline.now, yes=answers)
        return answers

    def _check_overlap(self, machine: Node | Stranger, address: str) -> None:
        answering = self.answering(address)
        for other in answering:
            if other is not machine and not self._allowed(machine, other, address):
                self.breaks("one answer", f"{machine} and {other} answer for {address}")

    def _allowed(self, one: Node | Stranger, other: Node | Stranger, address: str) -> bool:
        """May the two answer now? Of a stranger only what is by right is held against ours."""
        if isinstance(one, Stranger):
            one, other = other, one
        if isinstance(one, Stranger):
            return True
        if isinstance(other, Stranger):
            by_right = self._leases[self._lease_of(address)].writer == other.process
            return not by_right or self._excused(one, other, address)
        return self._excused(one, other, address) or self._excused(other, one, address)

    def _excused(self, node: Node, other: Node | Stranger, address: str) -> bool:
        """May the node not know yet that the other answers?"""
        name = self._lease_of(address)
        lease = self._leases[name]
        taken = lease.writer != node.process
        cleared = max(lease.cleared, self._leases[heartbeat_name(node.name)].cleared)
        untold = taken and node.watches[Kind.LEASE].processed < cleared
        stood_still = self._overlaps.stood_still(node, name)
        unheard = self._overlaps.unheard(node, address, other, other.mac)
        unknown = (untold or stood_still) and unheard
        return unknown or self._holds_over(node, other, address)

    def _holds_over(self, node: Node, other: Machine, address: str) -> bool:
        """May the node answer beside the other since it gets no answer from the API server?"""
        until = self.hold_over.excuses(node, address, other, self._lease_of(address))
        if self._timeline.now > until:
            return False
        pair = (node, other, address)
        if until < inf and pair not in self._looked_at:
            self._looked_at.add(pair)
            self._timeline.at(until + SOONEST_SECONDS, partial(self._look_again, *pair))
        return True

    def _look_again(self, node: Node, other: Machine, address: str) -> None:
        self._looked_at.discard((node, other, address))
        question = self._questions[address]
        if node.would_answer(question) and other.would_answer(question):
            self._check_overlap(node, address)

    def _others(self, node: Node, address: str) -> list[Machine | Host]:
        """Who else would answer."""
        hosts = [h for h in self.hosts if str(h.address) == address and h.answers_since < inf]
        return [each for each in (*self.answering(address), *hosts) if each is not node]

    def _lease_of(self, address: str) -> str:
        owner = self._owners.get(address)
        return lease_name(Key(NAMESPACE, owner)) if owner else ""

    def _selects(self, node: Node | Stranger, address: str) -> bool:
        service = self.services.get(address)
        if service is None:
            return False
        policy, known = self._api.policy(), self._api.find(Kind.NODE, node.name)
        if self._plan.local:
            slice_ = self._api.find(Kind.ENDPOINT_SLICE, service["metadata"]["name"])
            if not serves(slice_, node.name):
                return False
        return selected(service, policy, known)
