"""How patient a reflector is, and how long it waits after one failure more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """All but the page size in seconds."""

    page_size: int
    request_seconds: float
    watch_seconds: float
    idle_seconds: float
    first_delay_seconds: float
    last_delay_seconds: float
    absent_seconds: float


# A server sends a bookmark about once a minute: a watch that is idle for longer is a dead one.
PACE = Pace(
    page_size=500,
    request_seconds=30,
    watch_seconds=300,
    idle_seconds=90,
    first_delay_seconds=0.5,
    last_delay_seconds=10,
    absent_seconds=5,
)


class Backoff:
    """Delays that double from the pace's first to its last, each shortened by up to a half."""

    def __init__(self, pace: Pace, chance: Callable[[], float]) -> None:
        self._pace = pace
        self._chance = chance
        self._next_seconds = pace.first_delay_seconds

    def reset(self) -> None:
        """It works: the next delay is the first again."""
        self._next_seconds = self._pace.first_delay_seconds

    def take(self) -> float:
        """The delay after this failure."""
        delay_seconds = self._next_seconds * (0.5 + 0.5 * self._chance())
        self._next_seconds = min(2 * self._next_seconds, self._pace.last_delay_seconds)
        return delay_seconds
