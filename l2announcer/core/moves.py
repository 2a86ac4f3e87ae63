"""How many hand-overs a node takes part in: a few at once, and so many in a minute.

Rules of this file:
- A hand-over is silence for a moment, and work for every node: only a few are under way at once.
- What moves because it would be better elsewhere has no hurry: so many in a minute. Who leaves, or
  was asked by hand, doesn't wait for that.
- Who found no room is looked at again as soon as there is some.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Set as AbstractSet
from math import inf
from typing import NamedTuple

AT_ONCE = 2
IN_A_MINUTE = 60
MINUTE_SECONDS = 60.0


class Moves:
    """Hand-overs by the names of their Leases, in one direction."""

    def __init__(self, *, at_once: int = AT_ONCE, in_a_minute: int = IN_A_MINUTE) -> None:
        self._at_once = at_once
        self._in_a_minute = in_a_minute
        self._under_way: set[str] = set()
        self._waiting: set[str] = set()
        self._begun_at: deque[float] = deque()  # of those that the minute counts
        self._now = -inf

    def begin(self, name: str, now: float, *, paced: bool) -> bool:
        """May this one begin, or go on? `paced` ones count for the minute, and wait for it."""
        if name in self._under_way:
            return True
        self._keep_time(now)
        if len(self._under_way) >= self._at_once or (paced and self._spent):
            self._waiting.add(name)
            return False
        self._waiting.discard(name)
        self._under_way.add(name)
        if paced:
            self._begun_at.append(now)
        return True

    def end(self, name: str) -> None:
        """Take in that it is over, or isn't wanted any more."""
        self._under_way.discard(name)
        self._waiting.discard(name)

    def take_waiting(self, now: float) -> AbstractSet[str]:
        """Who found no room and is to be looked at now."""
        if now < self.next_at:
            return frozenset()
        waiting, self._waiting = self._waiting, set()
        return waiting

    @property
    def next_at(self) -> float:
        """When take_waiting has something to give, if nothing ends before."""
        if not self._waiting or len(self._under_way) >= self._at_once:
            return inf
        return self._begun_at[0] + MINUTE_SECONDS if self._spent else -inf

    @property
    def _spent(self) -> bool:
        return len(self._begun_at) >= self._in_a_minute

    def _keep_time(self, now: float) -> None:
        while self._begun_at and self._begun_at[0] + MINUTE_SECONDS <= now:
            self._begun_at.popleft()


class Moving(NamedTuple):
    """The two directions of a node's hand-overs."""

    giving: Moves
    wanting: Moves
