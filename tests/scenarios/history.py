"""A node in a history: what it called for and when, and a segment with hosts that answer probes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.effects import (
    Call,
    Effects,
    LeaseWrite,
    Message,
    ReadLease,
)
from l2announcer.core.facts import (
    Claimed,
    Fact,
    LeaseRefused,
    Refusal,
    Seen,
)
from l2announcer.core.model import Holding, Key, Kind, LeaseRecord, Policy, Service
from tests.scenarios.driver import NODE, Driver, holding

BLUE = Key("default", "blue")
LEASE = "cilium-l2announce-default-blue"
HEARTBEAT = f"l2announcer-node-{NODE}"
VIP, OTHER_VIP = "172.19.0.240", "172.19.0.241"
HERE = {(VIP, "eth0")}
OTHER_MAC = bytes.fromhex("0242ac1300ff")
L, R = 15.0, 2.0
TENURE = 13.5  # 90 % of L


class Node(Driver):
    """Notes each call with its instant; `hosts` answer probes, `lost` answers never arrive."""

    def __init__(self, known_as: Holding | None = None, rank: int = 0, *, node: str = NODE) -> None:
        super().__init__(node=node)
        terms = self.announcer.config.terms
        terms = replace(terms, holding=known_as or holding(), rank=rank)
        self.announcer = Announcer(Config(terms=terms, lb_ipam=False))
        self.calls: list[tuple[float, Call]] = []
        self.hosts: dict[str, bytes] = {}
        self.lost: set[str] = set()

    def carry_out(self, effects: Effects) -> bool:
        self.calls += [(self.now, call) for call in effects.calls]
        answers = [
            Claimed(
                *_answerer(frame.announcement.address, self.hosts), frame.announcement.interface
            )
            for frame in effects.frames
            if frame.message is Message.PROBE and str(frame.announcement.address) in self.hosts
        ]
        self.handle(*answers)
        return super().carry_out(effects) or bool(answers)

    def _write(self, call: LeaseWrite) -> Fact:
        outcome = super()._write(call)
        if call.name in self.lost:
            return LeaseRefused(call.name, Refusal.UNAVAILABLE)
        return outcome

    def about(self, name: str = LEASE) -> list[tuple[float, Call]]:
        """The calls about one Lease."""
        return [
            (at, call)
            for at, call in self.calls
            if isinstance(call, LeaseWrite | ReadLease) and call.name == name
        ]

    @property
    def handed_out_at(self) -> float:
        """When the last write of the Lease was."""
        return max(at for at, call in self.about() if isinstance(call, LeaseWrite))

    def until(self, instant: float) -> None:
        self.settle(instant - self.now)

    def show(self, record: LeaseRecord) -> None:
        """The watch tells of the Lease."""
        self.handle(Seen(Kind.LEASE, record))

    def held_by_other(self, **spec: Any) -> LeaseRecord:
        """The Lease as another client of it wrote it; no annotation of ours counts."""
        base = {"holderIdentity": "other", "leaseDurationSeconds": 15, "renewTime": "t1"}
        return self.put_lease(LEASE, **{**base, **spec})

    @property
    def spec(self) -> dict[str, Any]:
        found: dict[str, Any] = self.leases[LEASE]["spec"]
        return found


def _answerer(address: Any, hosts: dict[str, bytes]) -> tuple[Any, bytes]:
    return address, hosts[str(address)]


def service(key: Key = BLUE, address: str = VIP) -> Service:
    return Service(key=key, uid=str(key), external_ips=(address,))


def prepared(
    known_as: Holding | None = None, rank: int = 0, interfaces: tuple[str, ...] = ()
) -> Node:
    """A node that would announce blue, as soon as it holds the Lease; nothing polled yet."""
    node = Node(known_as, rank)
    node.warm()
    everything = Policy(key=Key("", "p"), external_ips=True, interfaces=interfaces)
    node.handle(Seen(Kind.POLICY, node.stamped(everything)))
    node.handle(Seen(Kind.SERVICE, node.stamped(service())))
    return node
