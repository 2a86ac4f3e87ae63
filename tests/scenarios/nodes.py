"""Several nodes on one API server, each told by its watch what the others wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import Any

from l2announcer.core import lease
from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.candidacy import LEASE_PREFIX
from l2announcer.core.effects import (
    Effects,
    LeaseWrite,
    ReadLease,
    ReadService,
    ReadServices,
)
from l2announcer.core.facts import (
    Fact,
    LeaseRead,
    LeaseRefused,
    LeaseWritten,
    Links,
    Listed,
    Refusal,
    Resign,
    Seen,
    ServiceRead,
    ServicesRead,
)
from l2announcer.core.model import PREFERRED_NODE, Holding, Key, Kind, LeaseRecord, Policy
from l2announcer.core.model import Node as KubernetesNode
from l2announcer.core.terms import Terms
from tests.scenarios.driver import link
from tests.scenarios.history import HERE, LEASE, Node, service


class Peer(Node):
    """One of several nodes. One that is `dead` does nothing; one that is `cut` gets no answers."""

    def __init__(self, peers: Peers, name: str, terms: dict[str, Any]) -> None:
        self._peers = peers
        super().__init__(Holding(boot=f"boot-{name}", netns=1), node=name)
        settled: Terms = replace(self.announcer.config.terms, **terms)
        self.announcer = Announcer(Config(terms=settled, lb_ipam=False))
        self.name = name
        self.dead = False
        self.cut = False
        self.leases = peers.leases
        self.listed = Listed(Kind.LEASE, ())

    def handle(self, *facts: Fact) -> None:
        """Take in facts; the first list of Leases has what is there."""
        for fact in facts:
            leases = isinstance(fact, Listed) and fact.kind is Kind.LEASE
            super().handle(self.listed if leases else fact)

    @property
    def version(self) -> int:
        """One count for all of them."""
        return self._peers.version

    @version.setter
    def version(self, version: int) -> None:
        self._peers.version = version

    def carry_out(self, effects: Effects) -> bool:
        if not self.cut:
            return super().carry_out(effects)
        self.calls += [(self.now, call) for call in effects.calls]
        for call in effects.calls:
            match call:
                case LeaseWrite():
                    self.handle(LeaseRefused(call.name, Refusal.UNAVAILABLE))
                case ReadLease():
                    self.handle(LeaseRead(call.name, None, Refusal.UNAVAILABLE))
                case ReadService():
                    self.handle(ServiceRead(call.key, None, Refusal.UNAVAILABLE))
                case ReadServices():
                    self.handle(ServicesRead(None))
        return bool(effects.calls)

    def _write(self, call: LeaseWrite) -> Fact:
        standing = self.leases.get(call.name)
        outcome = super()._write(call)
        if isinstance(outcome, LeaseWritten) or self.leases.get(call.name) is not standing:
            self._peers.wrote(call.name)
        return outcome


class Peers:
    """Nodes a, b, … that all may announce blue, and as many Services more as are asked for.

    Those named in `by_heartbeat` keep their Leases by their heartbeats. `log` has what blue's Lease
    became, in order.
    """

    def __init__(
        self, names: str = "ab", services: int = 0, by_heartbeat: str = "", **terms: Any
    ) -> None:
        self.version = 100
        self._services_more = services
        self._terms = terms
        self.leases: dict[str, dict[str, Any]] = {}
        self.log: list[LeaseRecord] = []
        self.now = 1000.0
        self._events: list[LeaseRecord] = []
        self.nodes = {
            name: Peer(self, name, {**terms, "node_leases": name in by_heartbeat}) for name in names
        }
        for node in self.nodes.values():
            self._acquaint(node, names)
        self.prefer("")

    def _acquaint(self, node: Peer, names: Iterable[str]) -> None:
        node.now = self.now
        node.warm()
        for other in names:
            node.handle(Seen(Kind.NODE, node.stamped(KubernetesNode(key=Key("", other)))))
        everything = Policy(key=Key("", "p"), external_ips=True)
        node.handle(Seen(Kind.POLICY, node.stamped(everything)))
        for number in range(self._services_more):
            found = service(Key("default", f"more-{number}"), f"198.51.100.{number}")
            node.handle(Seen(Kind.SERVICE, node.stamped(found)))

    def start_again(self, name: str, *, by_heartbeat: bool, boot: str = "") -> None:
        """Another process on a node, on the same boot unless one is named; it lists everything."""
        version = self.version
        peer = Peer(self, name, {**self._terms, "node_leases": by_heartbeat})
        self.version = version
        if boot:
            terms = peer.announcer.config.terms
            terms = replace(terms, holding=replace(terms.holding, boot=boot))
            peer.announcer = Announcer(Config(terms=terms, lb_ipam=False))
        self.nodes[name] = peer
        records = tuple(lease.decode(raw) for raw in self.leases.values())
        peer.listed = Listed(Kind.LEASE, records, str(self.version))
        self._acquaint(peer, self.nodes)
        peer.handle(Seen(Kind.SERVICE, peer.stamped(service())))

    def __getitem__(self, name: str) -> Peer:
        return self.nodes[name]

    def wrote(self, name: str) -> None:
        record = lease.decode(self.leases[name])
        self._events.append(record)
        if name == LEASE:
            self.log.append(record)

    def tell(self) -> None:
        """Every watch brings what was written since."""
        events, self._events = self._events, []
        for node in self.nodes.values():
            for record in events:
                node.show(record)

    def prefer(self, name: str) -> None:
        """Blue asks for a node by name."""
        annotations = {PREFERRED_NODE: name} if name else {}
        self.version += 1
        found = replace(service(), annotations=annotations, resource_version=str(self.version))
        for node in self.nodes.values():
            node.handle(Seen(Kind.SERVICE, found))

    def cordon(self, name: str, *, cordoned: bool) -> None:
        """Somebody takes a node out of service, or lets it in again."""
        self.version += 1
        key, version = Key("", name), str(self.version)
        found = KubernetesNode(key=key, resource_version=version, unschedulable=cordoned)
        for node in self.nodes.values():
            node.handle(Seen(Kind.NODE, found))

    def plug(self, name: str, *, carrier: bool) -> None:
        """A node's one link loses its other end, or has it again."""
        self.nodes[name].handle(Links((link(carrier=carrier),)))

    def holders(self) -> dict[str, str]:
        """Who holds each Lease of a Service."""
        return {name: raw["spec"]["holderIdentity"] for name, raw in self._services.items()}

    def transitions(self) -> int:
        """How often any of them changed hands since it was first held."""
        return sum(raw["spec"]["leaseTransitions"] for raw in self._services.values())

    @property
    def _services(self) -> dict[str, dict[str, Any]]:
        return {n: raw for n, raw in self.leases.items() if n.startswith(LEASE_PREFIX)}

    def resign(self, name: str) -> None:
        self.nodes[name].handle(Resign())

    def run(self, seconds: float) -> None:
        """Let all nodes run for a while. At no instant do two of them answer."""
        end = self.now + seconds
        while self.now <= end:
            acted = False
            wake_at = inf
            for node in self.nodes.values():
                node.now = self.now
                if node.dead:
                    continue
                effects = node.poll()
                self.judge()
                acted |= self.carry_out(node, effects)
                self.judge()
                wake_at = min(wake_at, effects.wake_at)
            self.tell()
            if not acted:
                self.now = max(min(wake_at, end + 0.001), self.now)
        self.now = end

    def carry_out(self, node: Peer, effects: Effects) -> bool:
        return node.carry_out(effects)

    def judge(self) -> None:
        answered = Counter(pair for node in self.nodes.values() for pair in node.granted)
        assert not answered or max(answered.values()) == 1, answered

    @property
    def answering(self) -> str:
        """Which node answers; empty for none."""
        found = (node.name for node in self.nodes.values() if node.answered >= HERE)
        return next(found, "")
