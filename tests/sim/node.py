"""A node of the simulation: a real core, driven by the real step, in a world that may stop it.

Rules of this file:
- A process that is frozen does nothing. When it goes on, all that came meanwhile is there at once,
  but it may read one connection before the other.
- A process that has died sends nothing any more but what has left it already.
- A machine that is paused does nothing either, and its clocks stand still: it cannot know that it
  was paused. What was sent to it meanwhile comes late, and frames may be lost.
- The card answers only while the process runs: by the installed table, at the node's own clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Protocol

from l2announcer import pump
from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.answers import AnswerTable, Place, PlaceAnswers, WireProtocol
from l2announcer.core.effects import (
    Call,
    Event,
    Gratuitous,
    LeaseWrite,
    Message,
    StatusWrite,
    Transition,
)
from l2announcer.core.facts import (
    Claimed,
    Fact,
    LeaseRead,
    LeaseRefused,
    LeaseWritten,
    Links,
    Resign,
)
from l2announcer.core.model import ALWAYS_WATCHED, Holding, Key, Kind, Link, Span
from l2announcer.core.terms import Terms
from tests.sim.api import Api
from tests.sim.inbox import Inbox, Received, Way
from tests.sim.objects import LEASE_NAMESPACE
from tests.sim.plan import Plan
from tests.sim.segment import Segment, unasked
from tests.sim.timeline import SOONEST_SECONDS, Action, Clock, Timeline
from tests.sim.watch import Told, Watch

INTERFACE = "eth0"
INDEX = 2
STOP_SECONDS = 2.0
ANNOUNCED = "Announced"  # the reason of the Event about a first answer
UNREAD_SECONDS = 0.005  # for which a process that goes on may leave a connection unread
RETRANSMISSION_SECONDS = 3.0  # until a peer's TCP tries again to reach a machine that was paused


class Observer(Protocol):
    """Who judges what a node does."""

    def stepped(self, node: Node) -> None: ...
    def hands_out(self, node: Node, write: LeaseWrite) -> None: ...
    def hears(self, node: Node, claim: Claimed) -> None: ...
    def reached(self, node: Node, claim: Claimed) -> None: ...
    def sends(self, node: Node, frame: Gratuitous) -> None: ...
    def told(self, node: Node, fact: Fact) -> None: ...
    def announces(self, node: Node, service: Key) -> None: ...
    def trace(self, who: str, what: object) -> None: ...


class Node:
    """One machine and, while it runs, the process on it. `incarnation` counts the processes."""

    def __init__(
        self,
        name: str,
        number: int,
        *,
        plan: Plan,
        timeline: Timeline,
        api: Api,
        segment: Segment,
        observer: Observer,
    ) -> None:
        self.name = name
        self.number = number
        self.mac = bytes((2, 0, 0, 0, 0, number))
        self.side = 0
        self.link_up = True
        self.cut = False
        self.slow = False
        self.lag_until = 0.0
        self.ambush: Action | None = None  # happens soon after the next write
        self.boots = 0
        self.incarnation = 0
        self.announcer: Announcer | None = None
        self.frozen = False
        self.writing: set[str] = set()
        self.watches: dict[Kind, Watch] = {}
        self.paused_at = -inf  # when the clocks last began to stand still
        self.disturbed_at = -inf  # when it last went on, or may have missed a frame
        rng = self._rng = plan.stream(f"node {number}")
        self.clock = Clock(1.0 + rng.choice((-5e-4, 5e-4, rng.uniform(-5e-4, 5e-4))), 0.0, 0.0)
        self._card: PlaceAnswers | None = None
        self._plan = plan
        self._timeline = timeline
        self._api = api
        self._segment = segment
        self._observer = observer
        self._inbox = Inbox()
        self._deaf = False  # a paused machine whose card drops what comes
        self._held: list[Callable[[], None]] = []
        self._step_number = 0
        self._step_at = 0.0
        self.boot()

    def __repr__(self) -> str:
        return f"{self.name}#{self.number}"

    # Life and death

    @property
    def boot_id(self) -> str:
        return f"boot-{self.number}-{self.boots}"

    @property
    def process(self) -> tuple[str, str, int]:
        """Which process this is, among all that ever wrote a Lease."""
        return (self.name, self.boot_id, self.incarnation)

    @property
    def holds(self) -> bool:
        """Does it believe that it may answer for something, or give addresses where many ask?"""
        if self.announcer is None:
            return False
        if self._plan.asking:
            now = self.clock.boot(self._timeline.now)
            return self.announcer.controller.elector.tenure.valid(now)
        return bool(self.announcer.tally.held)

    def boot(self) -> None:
        """Start the machine: its clocks begin anew, or show whatever they show."""
        self.boots += 1
        self.clock.offset = self._rng.uniform(10.0, 1e6) - self._timeline.now * self.clock.rate
        self.clock.wall_offset = self._rng.choice((0.0, 0.0, -3600.0, 900.0, 1.5))

    def alive(self) -> bool:
        return self.announcer is not None

    def launch(self) -> None:
        """Start the process."""
        self.incarnation += 1
        chance = self._plan.by_heartbeat
        by_heartbeat = chance > 0.0 and self._rng.random() < chance
        holding = Holding(boot=self.boot_id, netns=4026531840)
        terms = Terms(
            node=self.name,
            namespace=LEASE_NAMESPACE,
            holding=holding,
            duration_seconds=self._plan.duration_seconds,
            renew_seconds=self._plan.renew_seconds,
            request_seconds=self._plan.timeout,
            holds_over=self._plan.holds_over,
            quiet_seconds=self._plan.quiet_seconds,
            node_leases=by_heartbeat,
        )
        self.announcer = Announcer(Config(terms=terms))
        self.watches = {
            kind: Watch(kind, self, self._api, self._timeline, self._rng)
            for kind in Kind
            if kind in ALWAYS_WATCHED
        }
        self._api.listeners += self.watches.values()
        self.tell(self._links())

    def die(self) -> None:
        """End the process at once."""
        for watch in self.watches.values():
            watch.ended = True
            self._api.listeners.remove(watch)
        self.announcer, self._card, self.watches = None, None, {}
        self.frozen = False
        self.clock.go(self._timeline.now)
        self._inbox, self._held, self.writing = Inbox(), [], set()
        self._cancel_step()

    def resign(self) -> None:
        """Ask the process to stop, and stop it when it has, or after two seconds."""
        self.tell(Resign())
        self._timeline.after(STOP_SECONDS, partial(self._stop, self.incarnation))

    def _stop(self, incarnation: int) -> None:
        if self.alive() and self.incarnation == incarnation and not self.frozen:
            self.die()

    def freeze(self) -> None:
        self.frozen = True
        self._cancel_step()

    def suspend(self) -> None:
        """Pause the whole machine, its clocks too."""
        self.freeze()
        self.paused_at = self._timeline.now
        self.clock.stop(self._timeline.now)
        self._deaf = self._rng.random() < 0.5

    def resume(self) -> None:
        """Go on: the frames that wait, what waits to be sent, and one step, in any order."""
        if not self.frozen:
            return
        self.frozen = self._deaf = False
        self.disturbed_at = self._timeline.now
        paused = self.clock.stopped_at is not None
        self.clock.go(self._timeline.now)
        held, self._held = self._held, []
        self._rng.shuffle(held)
        for action in held:
            action()
        self._observer.stepped(self)
        if self._rng.random() < 0.5:
            self._inbox.hold_back(self._rng)
            longest = RETRANSMISSION_SECONDS if paused else UNREAD_SECONDS
            self._timeline.after(self._rng.uniform(0.0, longest), self._read_all)
        self._step_in(0.0)

    def _read_all(self) -> None:
        self._inbox.release()
        if self.alive() and not self.frozen:
            self._step_in(0.0)

    def when_running(self, action: Callable[[], None]) -> None:
        """Do something that only a running process does: now, when it goes on, or never."""
        if self.frozen:
            self._held.append(action)
        elif self.alive():
            action()

    def stand(self, side: int) -> None:
        """Be on this side of a segment that is parted."""
        self.side = side
        self.disturbed_at = self._timeline.now

    def set_link(self, *, up: bool) -> None:
        self.link_up = up
        self.disturbed_at = self._timeline.now
        self.tell(self._links())

    def _links(self) -> Links:
        link = Link(index=INDEX, name=INTERFACE, mac=self.mac, up=True, carrier=self.link_up)
        return Links((link,))

    # Facts

    def tell(self, fact: Fact) -> None:
        """Let the process know; it takes a moment until it steps."""
        self._tell(Received(fact))

    def told(self, watch: Watch, version: int, fact: Told) -> None:
        """A watch says something."""
        self._tell(Received(fact, watch, version))

    def _tell(self, received: Received) -> None:
        if not self.alive():
            return
        self._inbox.append(received)
        if not self.frozen:
            self._step_in(self._rng.uniform(0.0, 0.0003))

    def _outcome(self, incarnation: int, fact: Fact) -> None:
        if incarnation != self.incarnation:
            return
        self._observer.trace(repr(self), fact)
        if isinstance(fact, LeaseWritten):
            self.writing.discard(fact.record.name)
        elif isinstance(fact, LeaseRefused | LeaseRead):
            self.writing.discard(fact.name)
        self._tell(Received(fact, Way.CALLS))

    def _step_in(self, seconds: float) -> None:
        at = self._timeline.now + seconds
        if at < self._step_at or self._step_at <= self._timeline.now:
            self._schedule(at)

    def _cancel_step(self) -> None:
        self._step_number += 1
        self._step_at = -1.0

    def _schedule(self, at: float) -> None:
        self._step_number += 1
        self._step_at = at
        self._timeline.at(at, partial(self._step, self._step_number))

    def _step(self, number: int) -> None:
        if number != self._step_number or self.announcer is None:
            return
        true = self._timeline.now
        now, wall = self.clock.boot(true), self.clock.wall(true)
        received = self._inbox.take()
        facts = [entry.fact for entry in received]
        wake_at = pump.step(self.announcer, facts, self, now=now, wall=wall)
        for entry in received:
            if isinstance(entry.way, Watch):
                entry.way.processed = entry.version
            if entry.way is not Way.HERE:
                self._observer.told(self, entry.fact)
            elif isinstance(entry.fact, Claimed):
                self._observer.hears(self, entry.fact)
        self._observer.stepped(self)
        if self.announcer.released and not self.writing:
            self.die()
            return
        # A needless step now and then changes nothing; an endless sleep would hide a lost wake-up.
        wake_true = self.clock.true(min(wake_at, now + 3600.0))
        self._schedule(max(wake_true, true + SOONEST_SECONDS))

    # What a step acts on

    def install(self, table: AnswerTable) -> None:
        self._card = table.places.get(Place(INDEX, WireProtocol.ARP))

    def watch_endpoints(self, span: Span) -> None:
        kind = Kind.ENDPOINT_SLICE
        known = self.watches.pop(kind, None)
        if known is not None:
            known.ended = True
            self._api.listeners.remove(known)
        if span.any:
            watch = self.watches[kind] = Watch(kind, self, self._api, self._timeline, self._rng)
            watch.span = span
            self._api.listeners.append(watch)

    def send(self, frames: Sequence[Gratuitous]) -> None:
        now = self.clock.boot(self._timeline.now)
        for frame in frames:
            if frame.message is not Message.PROBE and not frame.tenure.announces(now):
                continue
            self._observer.sends(self, frame)
            address = frame.announcement.address
            for sent in unasked(frame.message, self.mac, address):
                self._segment.carry(self, sent)

    def start(self, call: Call) -> None:
        if isinstance(call, LeaseWrite):
            self._observer.hands_out(self, call)
            self.writing.add(call.name)
        watched = StatusWrite if self._plan.asking else LeaseWrite
        if self.ambush is not None and isinstance(call, watched):
            wait = self._rng.uniform(0.0, 4.0) * self._plan.latency
            self._timeline.after(wait, self.ambush)
            self.ambush = None
        self._observer.trace(repr(self), call)
        deliver = partial(self._outcome, self.incarnation)
        self._api.start(self, call, self.process, deliver)

    def record(self, event: Event) -> None:
        self._observer.trace(repr(self), event)
        if event.reason == ANNOUNCED:
            self._observer.announces(self, event.key)

    def log(self, transition: Transition) -> None:
        self._observer.trace(repr(self), transition)

    # The wire

    def would_answer(self, question: bytes) -> bool:
        """Would an ARP request for the address get a reply from here, now?"""
        if self._card is None or self.frozen or not self.link_up:
            return False
        return isinstance(self._card.answer(question, self.clock.boot(self._timeline.now)), bytes)

    def hear(self, frame: bytes) -> None:
        if self.frozen:
            if not self._deaf:
                self._held.append(partial(self.hear, frame))
        elif self._card is not None:
            reply = self._card.answer(frame, self.clock.boot(self._timeline.now))
            if isinstance(reply, bytes):
                self._segment.carry(self, reply)
            claimed = self._card.claim(frame)
            if isinstance(claimed, Claimed):
                self._card.give_way(claimed)
                self._observer.reached(self, claimed)
            if claimed is not None:
                self.tell(claimed)
