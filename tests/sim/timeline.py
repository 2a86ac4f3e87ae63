"""Virtual time: what happens next, and what each node's own clocks show then."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Action = Callable[[], None]

UNIX_START: Final = 1_700_000_000.0
SOONEST_SECONDS: Final = 1e-6


class Timeline:
    """True time in seconds, and everything that is going to happen."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events = 0
        self._queue: list[tuple[float, int, Action]] = []
        self._number = 0

    def at(self, when: float, action: Action) -> None:
        self._number += 1
        heapq.heappush(self._queue, (max(when, self.now), self._number, action))

    def after(self, seconds: float, action: Action) -> None:
        self.at(self.now + seconds, action)

    def run(self, until: float, *, halted: Callable[[], bool]) -> None:
        """Let everything up to `until` happen, unless `halted` says that it's enough."""
        queue = self._queue
        while queue and queue[0][0] <= until and not halted():
            self.now, _, action = heapq.heappop(queue)
            self.events += 1
            action()
        self.now = max(self.now, until)


@dataclass(slots=True)
class Clock:
    """A node's own clocks: one since boot that runs at `rate`, and one that may show anything.

    Both stand still between `stop` and `go`, as those of a paused guest do.
    """

    rate: float
    offset: float
    wall_offset: float
    stopped_at: float | None = None

    def boot(self, true: float) -> float:
        return self.offset + self._running(true) * self.rate

    def true(self, boot: float) -> float:
        """When it will show that, if it runs on."""
        return (boot - self.offset) / self.rate

    def wall(self, true: float) -> float:
        return UNIX_START + self._running(true) + self.wall_offset

    def stop(self, true: float) -> None:
        self.stopped_at = true

    def go(self, true: float) -> None:
        if self.stopped_at is not None:
            lost = true - self.stopped_at
            self.offset -= lost * self.rate
            self.wall_offset -= lost
            self.stopped_at = None

    def _running(self, true: float) -> float:
        return true if self.stopped_at is None else self.stopped_at
