"""A node on which Cilium's agent announces Services, among ours: electors as in client-go.

Rules of this file, which are Cilium's and not ours:
- The agent has one elector for each Service that is selected for its node; one that ends begins
  anew while the Service is selected.
- What it leads is answered for by a program in the kernel. That goes on without the agent for as
  long as a Lease lasts after the agent's last sign of life, which it gives once a second.
- A take-over is announced once. Carrier is not looked at. Nobody is listened to.
- Once a minute it deletes every Lease of a Service that has no holder, without looking again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address
from math import inf
from typing import Protocol

from l2announcer.core.candidacy import LEASE_PREFIX, lease_name
from l2announcer.core.effects import Call
from l2announcer.core.facts import Fact, Gone, Seen
from l2announcer.core.model import Key, Kind
from l2announcer.wire import arp
from tests.fakes.resources import LEASES
from tests.sim.api import Api
from tests.sim.client_go import LeaderElector, Timing
from tests.sim.lease_judge import STRANGER
from tests.sim.objects import LEASE_NAMESPACE, NAMESPACE, addresses, selected
from tests.sim.plan import Plan
from tests.sim.segment import Segment
from tests.sim.timeline import UNIX_START, Action, Timeline

SIGN_OF_LIFE_SECONDS = 1.0
SWEEP_SECONDS = 60.0


class Observer(Protocol):
    """Who judges what a node does."""

    def begins(self, stranger: Stranger) -> None: ...
    def trace(self, who: str, what: object) -> None: ...


class Stranger:
    """One machine, and the agent on it while that runs."""

    def __init__(
        self,
        number: int,
        *,
        plan: Plan,
        timeline: Timeline,
        api: Api,
        segment: Segment,
        observer: Observer,
    ) -> None:
        self.name = f"cilium{number}"
        self.mac = bytes((2, 0, 0, 0, 2, number))
        self.side = 0
        self.link_up = True
        self.cut = False
        self.slow = False
        self.frozen = False
        self.incarnation = 0
        self.disturbed_at = -inf  # when it last may have missed a frame
        self._runs = False
        self._signed_at = -inf
        self._timing = Timing(*plan.strangers_timing)
        self._electors: dict[str, LeaderElector] = {}  # by Service
        self._led: set[str] = set()
        self._map: set[IPv4Address] = set()  # of the program in the kernel
        self._selected: dict[str, frozenset[str]] = {}
        self._held: list[Action] = []
        self._wall_offset = plan.stream(f"wall {self.name}").choice((0.0, 0.0, 1.5, -3600.0))
        self._rng = plan.stream(self.name)
        self._timeline = timeline
        self._api = api
        self._segment = segment
        self._observer = observer
        api.listeners.append(self)

    def __repr__(self) -> str:
        return self.name

    @property
    def process(self) -> tuple[str, str, int]:
        """Which process this is, among all that ever wrote a Lease."""
        return (self.name, STRANGER, self.incarnation)

    # Life and death

    def alive(self) -> bool:
        return self._runs

    def launch(self) -> None:
        """Start the agent: what the last one left in the kernel is taken out."""
        self.incarnation += 1
        self._runs = True
        self._map = set()
        self._look()
        self._sign()
        self.later(SWEEP_SECONDS, self._sweep)

    def die(self, *, machine: bool) -> None:
        """End the agent at once, and the machine too or not."""
        if self._runs and not self.frozen:
            self._signed_at = self._timeline.now - self._rng.uniform(0.0, SIGN_OF_LIFE_SECONDS)
        self._runs = self.frozen = False
        self._electors, self._led, self._selected, self._held = {}, set(), {}, []
        if machine:
            self._map = set()

    def freeze(self) -> None:
        self._signed_at = self._timeline.now
        self.frozen = True

    def resume(self) -> None:
        if not self.frozen:
            return
        self.frozen = False
        self.disturbed_at = self._timeline.now
        held, self._held = self._held, []
        for action in held:
            action()
        self._observer.begins(self)

    def stand(self, side: int) -> None:
        """Be on this side of a segment that is parted."""
        self.side = side
        self.disturbed_at = self._timeline.now

    def mend(self) -> None:
        """End whatever ails it."""
        self.cut = self.slow = False
        self.link_up = True
        self.stand(0)
        self.resume()

    def when_running(self, action: Action) -> None:
        if self.frozen:
            self._held.append(action)
        elif self._runs:
            action()

    # What its electors act through

    def wall(self) -> float:
        return UNIX_START + self._timeline.now + self._wall_offset

    def later(self, seconds: float, action: Action) -> None:
        then = partial(self._in, self.incarnation, action)
        self._timeline.after(seconds, partial(self.when_running, then))

    def call(self, call: Call, deliver: Callable[[Fact], None]) -> None:
        self._observer.trace(self.name, call)
        incarnation = self.incarnation

        def outcome(fact: Fact) -> None:
            self.when_running(partial(self._in, incarnation, partial(deliver, fact)))

        self._api.start(self, call, self.process, outcome)

    def _in(self, incarnation: int, action: Action) -> None:
        if self._runs and incarnation == self.incarnation:
            action()

    def _sign(self) -> None:
        self._signed_at = self._timeline.now
        self.later(SIGN_OF_LIFE_SECONDS, self._sign)

    def _sweep(self) -> None:
        if not self.cut and self._api.accepts:
            for name, lease in self._api.leases().items():
                if name.startswith(LEASE_PREFIX) and not lease["spec"].get("holderIdentity"):
                    self.later(self._api.latency(slow=self.slow), partial(self._delete, name))
        self.later(SWEEP_SECONDS, self._sweep)

    def _delete(self, name: str) -> None:
        if name in self._api.leases():
            self._api.store.delete(LEASES, namespace=LEASE_NAMESPACE, name=name, now=self._api.unix)

    # What is selected

    def changed(self, kind: Kind, _version: int, _fact: Seen | Gone) -> None:
        """Hear of a change on the server, a little later."""
        if kind in {Kind.SERVICE, Kind.POLICY, Kind.NODE} and self._runs:
            self.later(self._api.latency(slow=self.slow), self._look)

    def _look(self) -> None:
        """See what is selected now, or try again where the API server gives no answer."""
        if self.cut or not self._api.accepts:
            self.later(1.0, self._look)
            return
        policy, node = self._api.policy(), self._api.find(Kind.NODE, self.name)
        self._selected = {
            service["metadata"]["name"]: frozenset(addresses(service))
            for service in self._api.services()
            if addresses(service) and selected(service, policy, node)
        }
        for name in self._selected:
            if name not in self._electors:
                self._elect(name)
        for name in self._electors.keys() - self._selected:
            self._electors[name].cancel()
        self._update()

    def _elect(self, name: str) -> None:
        elector = LeaderElector(
            lease_name(Key(NAMESPACE, name)),
            self,
            self._timing,
            self._timeline,
            self._rng,
            started=partial(self._starts, name),
            stopped=partial(self._stops, name),
        )
        self._electors[name] = elector
        elector.run()

    def _starts(self, name: str) -> None:
        if name in self._electors:
            self._led.add(name)
            self._update()

    def _stops(self, name: str) -> None:
        self._led.discard(name)
        del self._electors[name]
        self.later(0.0, partial(self._elect_again, name))
        self._update()

    def _elect_again(self, name: str) -> None:
        if name in self._selected and name not in self._electors:
            self._elect(name)

    # The wire

    def _update(self) -> None:
        """Put into the kernel what is led, and announce what is new there."""
        wanted = {
            IPv4Address(address) for name in self._led for address in self._selected.get(name, ())
        }
        new, self._map = wanted - self._map, wanted
        for address in sorted(new):
            self._segment.carry(self, arp.announcement_as_reply(mac=self.mac, address=address))
        if new:
            self._observer.begins(self)

    def _answers(self, address: IPv4Address) -> bool:
        lives = self._runs and not self.frozen
        if not lives and self._timeline.now > self._signed_at + self._timing.duration:
            return False
        return self.link_up and address in self._map

    def would_answer(self, question: bytes) -> bool:
        """Would an ARP request for the address get a reply from here, now?"""
        packet = arp.parse(question)
        return packet is not None and self._answers(packet.target_address)

    def hear(self, frame: bytes) -> None:
        packet = arp.parse(frame)
        if packet is None or packet.operation is not arp.Operation.REQUEST:
            return
        if self._answers(packet.target_address):
            reply = arp.reply(
                mac=self.mac,
                address=packet.target_address,
                to_mac=packet.sender_mac,
                to_address=packet.sender_address,
            )
            self._segment.carry(self, reply)
