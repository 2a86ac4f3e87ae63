"""Drives one Announcer through a history: calls are answered by a willing API server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any

from l2announcer.core import lease
from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.candidacy import State, lease_name
from l2announcer.core.effects import (
    Call,
    DeleteLease,
    Effects,
    Event,
    Gratuitous,
    LeaseWrite,
    Message,
    ReadHosts,
    ReadLease,
    ReadService,
    ReadServices,
    StatusWrite,
    Transition,
)
from l2announcer.core.facts import (
    Fact,
    Gone,
    HostsRead,
    LeaseDeleted,
    LeaseRead,
    LeaseRefused,
    LeaseWritten,
    Links,
    Listed,
    Object,
    Refusal,
    Seen,
    ServiceRead,
    ServicesRead,
    StatusRefused,
)
from l2announcer.core.model import (
    Announcement,
    EndpointSlice,
    Holding,
    Key,
    Kind,
    LeaseRecord,
    Link,
    Node,
    Policy,
    Pool,
    Service,
    Span,
)
from l2announcer.core.terms import Terms

NODE = "worker"
MAC = bytes.fromhex("0242ac130003")
KINDS: dict[type, Kind] = {
    Service: Kind.SERVICE,
    Policy: Kind.POLICY,
    Node: Kind.NODE,
    Pool: Kind.POOL,
    LeaseRecord: Kind.LEASE,
    EndpointSlice: Kind.ENDPOINT_SLICE,
}


def holding(boot: str = "boot-1", netns: int = 4026531840) -> Holding:
    return Holding(boot=boot, netns=netns)


def link(name: str = "eth0", index: int = 2, mac: bytes = MAC, **fields: Any) -> Link:
    return Link(index=index, name=name, mac=mac, **{"up": True, "carrier": True, **fields})


class Driver:
    """One node, `now` in seconds; its API server holds Leases and answers at once.

    `refuse` maps a Lease's name to why its next writes are refused.
    """

    def __init__(self, *, lb_ipam: bool = False, node: str = NODE) -> None:
        terms = Terms(node=node, namespace="kube-system", holding=holding())
        self.announcer = Announcer(Config(terms=terms, lb_ipam=lb_ipam))
        self.now = 1000.0
        self.version = 100
        self.leases: dict[str, dict[str, Any]] = {}
        self.writes: list[LeaseWrite] = []
        self.refuse: dict[str, Refusal] = {}
        self.frames: list[Gratuitous] = []
        self.events: list[Event] = []
        self.statuses: list[StatusWrite] = []
        self.transitions: list[Transition] = []
        self.wake_at = inf
        self.slices: dict[Key, EndpointSlice] = {}
        self.span = Span()  # whose EndpointSlices are watched
        self.away = False  # is the API server? Then no EndpointSlices are listed

    def warm(
        self, *, labels: Mapping[str, str] | None = None, links: tuple[Link, ...] = ()
    ) -> None:
        """Everything listed once: a node with its labels and links, and nothing else."""
        name = self.announcer.terms.node
        node = Node(key=Key("", name), resource_version="1", labels=labels or {})
        for kind in (Kind.SERVICE, Kind.POLICY, Kind.POOL, Kind.LEASE):
            self.handle(Listed(kind, ()))
        self.handle(Listed(Kind.NODE, (node,)))
        self.handle(Links(links or (link(),)))
        self.settle()

    def handle(self, *facts: Fact) -> None:
        for fact in facts:
            self.announcer.handle(fact, self.now)

    def see(self, found: Object) -> None:
        """An object as it is now, at a fresh version; then everything that follows."""
        self.handle(Seen(KINDS[type(found)], self.stamped(found)))
        self.settle()

    def gone(self, kind: Kind, key: Key) -> None:
        self.version += 1
        self.handle(Gone(kind, key, str(self.version)))
        self.settle()

    def stamped(self, found: Any) -> Any:
        """The same at the next resourceVersion."""
        self.version += 1
        return replace(found, resource_version=str(self.version))

    def settle(self, seconds: float = 0.1) -> None:
        """Run for a while: effects are carried out, wake-ups obeyed, calls answered at once."""
        end = self.now + seconds
        for _ in range(1000):
            effects = self.poll()
            if self.carry_out(effects):
                continue
            if effects.wake_at > end:
                break
            self.now = max(self.now, effects.wake_at)
        else:
            raise AssertionError("the core never came to rest")
        self.now = end

    def poll(self) -> Effects:
        effects = self.announcer.poll(self.now, 1_700_000_000 + self.now)
        self.wake_at = effects.wake_at
        self.frames += effects.frames
        self.events += effects.events
        self.transitions += effects.transitions
        return effects

    def carry_out(self, effects: Effects) -> bool:
        """Answer every call; False when there was nothing to do."""
        listed = effects.endpoints is not None and not self.away
        if effects.endpoints is not None:
            self.span = effects.endpoints
        if listed:
            self.list_endpoints()
        for call in effects.calls:
            self.handle(self.outcome(call))
        return bool(effects.calls) or listed

    def list_endpoints(self) -> None:
        """The EndpointSlices that are watched are listed."""
        within = tuple(s for s in self.slices.values() if self.span.covers(s.service.name))
        self.handle(Listed(Kind.ENDPOINT_SLICE, within, str(self.version), span=self.span))

    def outcome(self, call: Call) -> Fact:
        """Carry out one call."""
        services = self.announcer.cluster.services
        match call:
            case LeaseWrite():
                self.writes.append(call)
                return self._write(call)
            case ReadLease():
                raw = self.leases.get(call.name)
                return LeaseRead(call.name, lease.decode(raw) if raw else None)
            case DeleteLease():
                return self._delete(call)
            case ReadService():
                return ServiceRead(call.key, services.get(call.key))
            case ReadServices():
                return ServicesRead(tuple(services.values()))
            case ReadHosts():
                return HostsRead({})
            case StatusWrite():
                self.statuses.append(call)
                return StatusRefused(call.kind, call.key, Refusal.CONFLICT)

    def put_lease(self, name: str, **spec: Any) -> LeaseRecord:
        """Somebody else writes a Lease; the record as a watch would show it."""
        self.version += 1
        known = self.leases.get(name, {"metadata": {"name": name}, "spec": {}})
        self.leases[name] = {
            "metadata": {**known["metadata"], "resourceVersion": str(self.version)},
            "spec": {**known["spec"], **spec},
        }
        return lease.decode(self.leases[name])

    def join(
        self,
        name: str,
        *,
        annotations: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        **said: Any,
    ) -> None:
        """Another node takes part: its Node object, and its heartbeat that says so."""
        self.see(Node(key=Key("", name), annotations=annotations or {}, labels=labels or {}))
        record = LeaseRecord(
            name=f"l2announcer-node-{name}",
            resource_version="",
            holder=name,
            duration_seconds=180,
            renew_time=f"t{self.version}",
            holding=Holding(boot="theirs", netns=1, **said),
        )
        self.see(record)

    # What came of it

    @property
    def granted(self) -> set[Announcement]:
        """What would be answered for now."""
        return {
            grant.announcement
            for contest in self.announcer.contests.values()
            for grant in contest.grants
            if grant.tenure.valid(self.now)
        }

    @property
    def answered(self) -> set[tuple[str, str]]:
        """The same, as pairs of texts."""
        return {(str(address), interface) for address, interface in self.granted}

    def state(self, key: Key) -> tuple[State, str]:
        candidacy = self.announcer.candidacy(key)
        if candidacy is not None:
            return candidacy.state(self.now, self.announcer.terms)
        reasons = self.announcer.selections.of(key).reasons
        return State.NOT_SELECTED, "; ".join(str(reason) for reason in reasons)

    def holder(self, key: Key) -> str | None:
        raw = self.leases.get(lease_name(key))
        return raw["spec"]["holderIdentity"] if raw else None

    def announced(self) -> list[tuple[str, str]]:
        """Addresses and interfaces of the unasked announcements so far."""
        return [
            (str(frame.announcement.address), frame.announcement.interface)
            for frame in self.frames
            if frame.message is Message.ANNOUNCE
        ]

    def _write(self, call: LeaseWrite) -> Fact:
        standing = self.leases.get(call.name)
        if call.name in self.refuse:
            return LeaseRefused(call.name, self.refuse[call.name])
        if call.create is (standing is not None):
            why = Refusal.CONFLICT if call.create else Refusal.MISSING
            return LeaseRefused(call.name, why)
        sent = call.body["metadata"].get("resourceVersion")
        if standing is not None and sent != standing["metadata"]["resourceVersion"]:
            return LeaseRefused(call.name, Refusal.CONFLICT)
        self.version += 1
        metadata = {"uid": f"uid-{self.version}", **call.body["metadata"]}
        metadata["resourceVersion"] = str(self.version)
        raw = {**call.body, "metadata": metadata}
        self.leases[call.name] = raw
        return LeaseWritten(lease.decode(raw))

    def _delete(self, call: DeleteLease) -> Fact:
        """As the API server does; the watch tells of it."""
        found = self.leases.get(call.name, {"metadata": {}})["metadata"]
        if not found:
            return LeaseDeleted(call.name, Refusal.MISSING)
        if (found["uid"], found["resourceVersion"]) != (call.uid, call.version):
            return LeaseDeleted(call.name, Refusal.CONFLICT)
        self.version += 1
        del self.leases[call.name]
        self.handle(Gone(Kind.LEASE, Key("kube-system", call.name), str(self.version)))
        return LeaseDeleted(call.name)
