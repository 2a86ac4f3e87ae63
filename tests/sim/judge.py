"""What must never happen, checked whenever a node may have begun to answer.

Rules of this file; a violation is a broken one:
- one answer: at no instant do two nodes answer for an address.
- not asked for: a node that knows all that the API says answers only for what a policy selects.
- not its own: a node that knows that somebody else wrote a Lease does not answer by it.
- silent first: a release is handed out by a node that does not answer any more.
- one write: for each Lease a process has one write in flight.
- seconds: a renewal is later by whole seconds, since other clients compare no finer.
- too early: a Lease that names a holder is taken when it was left alone for its duration; one that
  vanished is made anew by a node that knew it, other than its holder, after the same time.
- transitions: they grow by one with every change of holder, and at no other time.
- restless: a process steps only when there is something to do.
- two owners: LB IPAM gives an address to one Service, or to those that may share it.
- a host's: it gives none that a node has.
- renumbered: it takes none away, since nothing that happens here is a reason.

A hand that clears or deletes a Lease takes it from a holder that cannot know: until its watch has
told it, only the wire keeps it apart from the next one, and that is not held against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from l2announcer.core.candidacy import lease_name
from l2announcer.core.effects import LeaseWrite
from l2announcer.core.facts import Gone, Seen
from l2announcer.core.lease import unix_microseconds
from l2announcer.core.model import Key, Kind, LeaseRecord, Service
from l2announcer.wire import arp
from tests.sim.api import Api
from tests.sim.node import Node
from tests.sim.objects import HOSTS, NAMESPACE, Json, addresses, selected, shares
from tests.sim.timeline import Timeline

CLOCK_ERROR = 0.001  # of two clocks, each 500 ppm off
STEPS_A_SECOND = 400
_KNOWN_KINDS = (Kind.SERVICE, Kind.POLICY, Kind.NODE)
_ASKER = b"\x02\x00\x00\x00\xff\x01"

Writer = tuple[str, str, int] | None


@dataclass(frozen=True, slots=True)
class Violation:
    """What happened when (seconds of virtual time), and which rule it breaks."""

    at: float
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.at:.6f} {self.rule}: {self.what}"


@dataclass(slots=True)
class _LeaseState:
    """The last change of a Lease's spec: who made it, when, and what stands."""

    writer: Writer = None
    at: float = 0.0
    version: int = 0
    record: LeaseRecord | None = None
    cleared: int = 0  # the version at which a hand last took it from its holder
    vanished: LeaseRecord | None = None  # what was deleted, while nothing stands
    vanished_version: int = 0


@dataclass(slots=True)
class _Pace:
    second: int = -1
    steps: int = 0


@dataclass(slots=True)
class Judge:
    """Sees everything; `note` keeps a trace where one is wanted."""

    timeline: Timeline
    note: Callable[[str, object], None] | None = None
    violations: list[Violation] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    questions: dict[str, bytes] = field(default_factory=dict)  # by address
    leases: dict[str, _LeaseState] = field(default_factory=dict)
    services: dict[str, Json] = field(default_factory=dict)  # by address
    api: Api | None = None
    given: dict[str, frozenset[str]] = field(default_factory=dict)  # by uid
    _bases: dict[tuple[Writer, str], tuple[int, int]] = field(default_factory=dict)  # of writes
    _paces: dict[Node, _Pace] = field(default_factory=dict)

    def trace(self, who: str, what: object) -> None:
        if self.note is not None:
            self.note(who, what)

    def breaks(self, rule: str, what: str) -> None:
        self.violations.append(Violation(self.timeline.now, rule, what))
        self.trace("VIOLATION", f"{rule}: {what}")

    # What nodes do

    def stepped(self, node: Node) -> None:
        """Check after every step, and whenever a node goes on."""
        self._check_pace(node)
        if not node.alive() or node.frozen:
            return
        for address, question in self.questions.items():
            if not node.would_answer(question):
                continue
            self._check_right(node, address)
            others = [n for n in self.nodes if n is not node and n.would_answer(question)]
            if others and not any(self._excused(n, address) for n in (node, *others)):
                self.breaks("one answer", f"{node} and {others} answer for {address}")

    def hands_out(self, node: Node, write: LeaseWrite) -> None:
        """Check a Lease write that a node begins."""
        if write.name in node.writing:
            self.breaks("one write", f"{node} has two writes of {write.name} in flight")
        watch = node.watches[Kind.LEASE]
        self._bases[node.process, write.name] = (watch.listed, watch.processed)
        if write.body["spec"]["holderIdentity"]:
            return
        for address, service in self.services.items():
            name = lease_name(Key(NAMESPACE, service["metadata"]["name"]))
            if name == write.name and node.would_answer(self.questions[address]):
                self.breaks("silent first", f"{node} releases {name} and answers for {address}")

    def answering(self, address: str) -> list[Node]:
        """Who would answer now."""
        return [node for node in self.nodes if node.would_answer(self.questions[address])]

    def eligible(self, address: str) -> list[Node]:
        """Who may announce the address, by what the API says now, and can."""
        return [n for n in self.nodes if n.alive() and n.link_up and self._selects(n, address)]

    # What is stored

    def changed(self, kind: Kind, version: int, fact: Seen | Gone) -> None:
        """Take in a change on the API server."""
        assert self.api is not None
        self.trace("api", fact)
        if kind is Kind.SERVICE:
            self._services_are(self.api.services())
            if isinstance(fact, Seen) and isinstance(fact.object, Service):
                self._service_is(fact.object, by_hand=self.api.writer is None)
        elif kind is Kind.LEASE:
            self._lease_is(version, fact)

    def _services_are(self, services: list[Any]) -> None:
        self.services = {}
        for service in services:
            for address in addresses(service):
                if address in HOSTS:
                    self.breaks("a host's", f"{service['metadata']['name']} has {address}")
                if address in self.services and not shares(service, self.services[address]):
                    names = [one["metadata"]["name"] for one in (self.services[address], service)]
                    self.breaks("two owners", f"{address} belongs to {names}")
                self.services[address] = service
                self.questions.setdefault(
                    address,
                    arp.request(
                        mac=_ASKER, sender=IPv4Address("172.19.0.1"), target=IPv4Address(address)
                    ),
                )

    def _service_is(self, service: Service, *, by_hand: bool) -> None:
        shown = frozenset(entry.ip for entry in service.ingress)
        lost = self.given.get(service.uid, frozenset()) - shown
        self.given[service.uid] = shown
        if lost and not by_hand:
            self.breaks("renumbered", f"{service.key} lost {set(lost)}, and has {set(shown)}")

    def _lease_is(self, version: int, fact: Seen | Gone) -> None:
        assert self.api is not None
        writer: Any = self.api.writer
        if isinstance(fact, Gone):
            name, after = fact.key.name, None
        else:
            assert isinstance(fact.object, LeaseRecord)
            name, after = fact.object.name, fact.object
        known = self.leases.get(name, _LeaseState())
        before = known.record
        if before is not None and after is not None and before.spec == after.spec:
            return
        state = _LeaseState(writer, self.timeline.now, version, after, known.cleared)
        self.leases[name] = state
        if writer is None:
            state.cleared = version
        if after is None:
            state.vanished = before
            state.writer, state.vanished_version = known.writer, known.version
        lost = before
        if before is None and self._knew(known, self._bases.get((writer, name))):
            lost = known.vanished
        if lost is None or after is None or writer is None:
            return
        taken = known.writer is None or known.writer[:2] != writer[:2]
        waited = self.timeline.now - known.at
        if lost.holder and taken and waited < lost.duration_seconds * (1 - CLOCK_ERROR):
            self.breaks("too early", f"{writer} wrote {name} {waited:.3f} s after {known.writer}")
        if before is None:
            return
        moments = [unix_microseconds(one.renew_time) // 1_000_000 for one in (before, after)]
        if before.holder == after.holder and not taken and moments[0] >= moments[1]:
            self.breaks("seconds", f"{writer} wrote {name}: {before.renew_time, after.renew_time}")
        if not after.holder:
            grown = 0
        elif before.holder:
            grown = int(before.holder != after.holder)
        else:
            grown = 1
        if not taken or before.holder != after.holder:
            self._check_transitions(name, before, after, grown)

    def _knew(self, gone: _LeaseState, basis: tuple[int, int] | None) -> bool:
        """Had the process watched the Lease while it was there, when it handed its write out?"""
        if basis is None:
            return False
        listed, processed = basis
        return listed < gone.version and processed >= gone.vanished_version

    def _check_transitions(
        self, name: str, before: LeaseRecord, after: LeaseRecord, grown: int
    ) -> None:
        if after.transitions != before.transitions + grown:
            self.breaks(
                "transitions",
                f"{name} went from {before.holder!r}/{before.transitions}"
                f" to {after.holder!r}/{after.transitions}",
            )

    # The checks of a step

    def _check_pace(self, node: Node) -> None:
        pace = self._paces.setdefault(node, _Pace())
        second = int(self.timeline.now)
        if second != pace.second:
            pace.second, pace.steps = second, 0
        pace.steps += 1
        if pace.steps == STEPS_A_SECOND:
            self.breaks("restless", f"{node} made {pace.steps} steps within a second")

    def _check_right(self, node: Node, address: str) -> None:
        api = self.api
        assert api is not None
        watches = node.watches
        knows_all = all(watches[k].processed >= api.last_version[k] for k in _KNOWN_KINDS)
        if knows_all and not self._selects(node, address):
            self.breaks("not asked for", f"{node} answers for {address}")
        if address not in self.services:
            return
        lease = self._lease(address)
        own = lease.record is not None and lease.writer == node.process
        if not own and watches[Kind.LEASE].processed >= lease.version:
            self.breaks("not its own", f"{node} answers for {address}, but {lease.writer} holds it")

    def _excused(self, node: Node, address: str) -> bool:
        """Did a hand take the Lease from this node, which has not heard of that yet?"""
        lease = self._lease(address)
        return lease.writer != node.process and node.watches[Kind.LEASE].processed < lease.cleared

    def _lease(self, address: str) -> _LeaseState:
        service = self.services.get(address)
        if service is None:
            return _LeaseState()
        return self.leases.get(
            lease_name(Key(NAMESPACE, service["metadata"]["name"])), _LeaseState()
        )

    def _selects(self, node: Node, address: str) -> bool:
        assert self.api is not None
        service = self.services.get(address)
        if service is None:
            return False
        policy, known = self.api.policy(), self.api.find(Kind.NODE, node.name)
        return selected(service, policy, known)
