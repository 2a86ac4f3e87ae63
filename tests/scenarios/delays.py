"""Several nodes in one history: one API server, whose watches and answers take their time.

What is under way arrives in an order drawn from a seed; only what one watch tells keeps its order.
Clocks are alike and nothing is lost: the simulation is for what is worse.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from itertools import count
from random import Random
from typing import Any

from l2announcer.core import lease
from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.answers import AnswerTable, Place, WireProtocol
from l2announcer.core.candidacy import LEASE_PREFIX
from l2announcer.core.effects import Call, LeaseWrite, ReadService, ReadServices
from l2announcer.core.facts import (
    Fact,
    Gone,
    LeaseWritten,
    Links,
    Listed,
    Resign,
    Seen,
    ServiceRead,
    ServicesRead,
)
from l2announcer.core.model import Key, Kind, Node, Policy, Service
from l2announcer.wire import arp
from tests.scenarios.driver import KINDS, Driver, holding, link

ASKER = bytes.fromhex("0242ac1300fe")
ASKER_ADDRESS = IPv4Address("172.19.0.1")
STEPS = 20_000


class Machine(Driver):
    """One node of a world, which carries out its calls."""

    def __init__(self, world: World, number: int) -> None:
        super().__init__(node=f"node{number}")
        self.alive = True
        terms = replace(self.announcer.config.terms, holding=holding(boot=f"boot-{number}"))
        self.announcer = Announcer(Config(terms=terms, lb_ipam=False))
        self.leases = world.leases
        self.told_at = 0.0
        self._world = world
        self._mac = bytes((2, 0, 0, 0, 0, number))
        self._table: AnswerTable | None = None
        self._wake_number = 0

    def start(self) -> None:
        """Know everything as it is, and go on from there."""
        self.now, world = self._world.now, self._world
        version = str(world.version)
        nodes = tuple(Node(key=Key("", each), resource_version="1") for each in world.names)
        services = tuple(world.services.values())
        for kind, objects in (
            (Kind.SERVICE, services),
            (Kind.POLICY, tuple(world.policies)),
            (Kind.POOL, ()),
            (Kind.LEASE, ()),
            (Kind.NODE, nodes),
        ):
            self.handle(Listed(kind, objects, version))
        self.handle(Links((link(mac=self._mac),)))
        self.step()

    def deliver(self, fact: Fact) -> None:
        if self.alive:
            self.now = self._world.now
            self.handle(fact)
            self.step()

    def step(self) -> None:
        world = self._world
        self.now = world.now
        effects = self.poll()
        if effects.answers is not None:
            self._table = effects.answers
        world.check()
        for call in effects.calls:
            world.after(world.delay(), partial(self._arrive, call))
        self._wake_number += 1
        if effects.wake_at < self.now + 60.0:
            wait = max(effects.wake_at - self.now, 1e-6)
            world.after(wait, partial(self._wake, self._wake_number))

    def answers_for(self, address: IPv4Address) -> bool:
        """Would it answer a request for the address now?"""
        if not self.alive or self._table is None:
            return False
        place = self._table.places.get(Place(2, WireProtocol.ARP))
        question = arp.request(mac=ASKER, sender=ASKER_ADDRESS, target=address)
        return place is not None and isinstance(place.answer(question, self._world.now), bytes)

    def outcome(self, call: Call) -> Fact:
        match call:
            case ReadService():
                return ServiceRead(call.key, self._world.services.get(call.key))
            case ReadServices():
                return ServicesRead(tuple(self._world.services.values()))
            case _:
                return super().outcome(call)

    def _wake(self, number: int) -> None:
        if self.alive and number == self._wake_number:
            self.step()

    def _arrive(self, call: Call) -> None:
        """The call reaches the API server."""
        world = self._world
        self.version = world.version
        fact = self.outcome(call)
        world.version = self.version
        if isinstance(call, LeaseWrite) and isinstance(fact, LeaseWritten):
            world.tell(Seen(Kind.LEASE, fact.record))
        world.after(world.delay(), partial(self.deliver, fact))


class World:
    """The nodes, the API server, and the time. `delay_seconds` is what one way takes at most."""

    def __init__(self, seed: int, *, nodes: int, delay_seconds: float = 0.02) -> None:
        self.rng = Random(seed)
        self.now = 1000.0
        self.version = 100
        self.leases: dict[str, dict[str, Any]] = {}
        self.services: dict[Key, Service] = {}
        self.policies: list[Policy] = []
        self.names = [f"node{number}" for number in range(nodes)]
        self.machines = [Machine(self, number) for number in range(nodes)]
        self._delay_seconds = delay_seconds
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()

    def delay(self) -> float:
        return self.rng.uniform(0.0, self._delay_seconds)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + seconds, next(self._number), action))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        for _ in range(STEPS):
            if not self._queue or self._queue[0][0] > end:
                break
            self.now, _, action = heapq.heappop(self._queue)
            action()
        else:
            raise AssertionError("the nodes never come to rest")
        self.now = end

    def put(self, service: Service) -> None:
        """Somebody writes a Service."""
        self.version += 1
        stamped = replace(service, resource_version=str(self.version))
        self.services[service.key] = stamped
        self.tell(Seen(Kind.SERVICE, stamped))

    def delete(self, key: Key) -> None:
        """Somebody deletes a Service, if it is there."""
        if self.services.pop(key, None) is not None:
            self.version += 1
            self.tell(Gone(Kind.SERVICE, key, str(self.version)))

    def write_lease(self, name: str, **spec: Any) -> None:
        """Somebody writes a Lease by hand."""
        self.version += 1
        known = self.leases[name]
        metadata = {**known["metadata"], "resourceVersion": str(self.version)}
        self.leases[name] = {"metadata": metadata, "spec": {**known["spec"], **spec}}
        self.tell(Seen(Kind.LEASE, lease.decode(self.leases[name])))

    def cordon(self, number: int) -> None:
        """Somebody takes a node out of service."""
        self.version += 1
        key, version = Key("", self.names[number]), str(self.version)
        self.tell(Seen(Kind.NODE, Node(key=key, resource_version=version, unschedulable=True)))

    @property
    def holders(self) -> dict[str, str]:
        """Who holds each Lease of a Service."""
        return {
            name: raw["spec"]["holderIdentity"]
            for name, raw in self.leases.items()
            if name.startswith(LEASE_PREFIX)
        }

    @property
    def transitions(self) -> int:
        """How often Leases of Services changed hands."""
        return sum(self.leases[name]["spec"]["leaseTransitions"] for name in self.holders)

    def tell(self, fact: Seen | Gone) -> None:
        """Every watch tells of it, each in its order."""
        assert fact.kind in KINDS.values()
        for machine in self.machines:
            at = max(machine.told_at, self.now + self.delay())
            machine.told_at = at
            self.after(at - self.now, partial(machine.deliver, fact))

    def resign(self, number: int) -> None:
        self.machines[number].deliver(Resign())

    def kill(self, number: int) -> None:
        self.machines[number].alive = False

    def answering(self, address: str) -> list[int]:
        """Which nodes answer for it."""
        asked = IPv4Address(address)
        return [
            number for number, machine in enumerate(self.machines) if machine.answers_for(asked)
        ]

    def check(self) -> None:
        """At no instant do two nodes answer for one address."""
        addresses = {each for one in self.services.values() for each in one.external_ips}
        for address in addresses:
            answering = self.answering(address)
            assert len(answering) < 2, f"nodes {answering} answer for {address} at {self.now}"
