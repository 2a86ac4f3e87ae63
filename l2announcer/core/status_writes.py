"""Status writes under way: at most one for each object, and none again before it can succeed.

An API server that starts denies everything until it knows whose rights are which; who was denied
tries again soon, then ever more rarely.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from math import inf

from l2announcer.core.facts import Refusal
from l2announcer.core.model import Key, Kind

RETRY_SECONDS = 1.0
DENIED_RETRY_SECONDS = 2.0  # at first
POINTLESS_RETRY_SECONDS = 60.0

Object = tuple[Kind, Key]


class StatusWrites:
    """Tells for each object whether a write may be handed out now."""

    def __init__(self) -> None:
        self._under_way: set[Object] = set()
        self._retry_at: dict[Object, float] = {}
        self._denied: dict[Object, float] = {}  # how long each was last made to wait for that
        self._waits: list[tuple[float, int, Object]] = []  # a heap; some are over before their time
        self._number = count()

    def may_start(self, kind: Kind, key: Key, now: float) -> bool:
        """May a write of this object be handed out now?"""
        return (kind, key) not in self._under_way and now >= self._retry_at.get((kind, key), -inf)

    def start(self, kind: Kind, key: Key, now: float) -> bool:
        """May a write of this object be handed out now? If so it is under way from here on."""
        if not self.may_start(kind, key, now):
            return False
        self._under_way.add((kind, key))
        self._retry_at.pop((kind, key), None)
        return True

    def written(self, kind: Kind, key: Key) -> None:
        """Take in that the write was accepted."""
        self._under_way.discard((kind, key))
        self._denied.pop((kind, key), None)

    def refused(self, kind: Kind, key: Key, why: Refusal, now: float) -> None:
        """Take in that it was not; after a conflict the object's newer view comes by the watch."""
        self._under_way.discard((kind, key))
        seconds = RETRY_SECONDS
        if why is Refusal.INVALID:
            seconds = POINTLESS_RETRY_SECONDS
        elif why is Refusal.DENIED:
            longer = 2 * self._denied.get((kind, key), DENIED_RETRY_SECONDS / 2)
            seconds = self._denied[kind, key] = min(longer, POINTLESS_RETRY_SECONDS)
        at = now + seconds
        self._retry_at[kind, key] = at
        heappush(self._waits, (at, next(self._number), (kind, key)))

    def seen(self, kind: Kind, key: Key) -> None:
        """Take in a newer view of the object: what was refused may be tried again."""
        self._retry_at.pop((kind, key), None)

    def ready(self, now: float) -> list[Object]:
        """List the objects whose wait has ended since this was asked last."""
        ended = []
        while self._waits and self._waits[0][0] <= now:
            at, _, waiting = heappop(self._waits)
            if self._retry_at.get(waiting) == at:
                ended.append(waiting)
        return ended

    def retry_at(self, now: float) -> float:
        """When the next refused write may be tried again."""
        waits = self._waits
        while waits and (waits[0][0] <= now or self._retry_at.get(waits[0][2]) != waits[0][0]):
            heappop(waits)
        return waits[0][0] if waits else inf
