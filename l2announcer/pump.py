"""One step of the pump: facts into the core, its effects out, in the order that keeps promises.

The daemon and the simulation run this same step; they differ only in the world it acts on.

Rules of this file:
- Silence comes before everything else: the answer table is installed first, so that a release
  leaves this node only after it has stopped answering.
- The instant of the step is read before anything is handed out; a tenure counts from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from l2announcer.core.announcer import Announcer
from l2announcer.core.answers import AnswerTable
from l2announcer.core.effects import Call, Event, Gratuitous, Transition
from l2announcer.core.facts import Fact
from l2announcer.core.model import Span


class World(Protocol):
    """What a step acts on. Nothing here waits: calls are started, their outcomes come as facts."""

    def install(self, table: AnswerTable) -> None: ...
    def watch_endpoints(self, span: Span) -> None: ...
    def send(self, frames: Sequence[Gratuitous]) -> None: ...
    def start(self, call: Call) -> None: ...
    def record(self, event: Event) -> None: ...
    def log(self, transition: Transition) -> None: ...


def step(
    announcer: Announcer, facts: Iterable[Fact], world: World, *, now: float, wall: float
) -> float:
    """Hand `facts` in, carry the effects out; when to step again if no fact comes before.

    `now` is in seconds on CLOCK_BOOTTIME, `wall` in Unix seconds; the result is like `now`.
    """
    for fact in facts:
        announcer.handle(fact, now)
    effects = announcer.poll(now, wall)
    if effects.answers is not None:
        world.install(effects.answers)
    if effects.endpoints is not None:
        world.watch_endpoints(effects.endpoints)
    if effects.frames:
        world.send(effects.frames)
    for call in effects.calls:
        world.start(call)
    for event in effects.events:
        world.record(event)
    for transition in effects.transitions:
        world.log(transition)
    return effects.wake_at
