"""Status writes under way: at most one for each object, and none again before it can succeed."""

from __future__ import annotations

from math import inf

from l2announcer.core.facts import Refusal
from l2announcer.core.model import Key, Kind

RETRY_SECONDS = 1.0
POINTLESS_RETRY_SECONDS = 60.0


class StatusWrites:
    """Tells for each object whether a write may be handed out now."""

    def __init__(self) -> None:
        self._under_way: set[tuple[Kind, Key]] = set()
        self._retry_at: dict[tuple[Kind, Key], float] = {}

    def start(self, kind: Kind, key: Key, now: float) -> bool:
        """May a write of this object be handed out now? If so it is under way from here on."""
        if (kind, key) in self._under_way or now < self._retry_at.get((kind, key), -inf):
            return False
        self._under_way.add((kind, key))
        self._retry_at.pop((kind, key), None)
        return True

    def written(self, kind: Kind, key: Key) -> None:
        """Take in that the write was accepted."""
        self._under_way.discard((kind, key))

    def refused(self, kind: Kind, key: Key, why: Refusal, now: float) -> None:
        """Take in that it was not; after a conflict the object's newer view comes by the watch."""
        self._under_way.discard((kind, key))
        pointless = why in {Refusal.DENIED, Refusal.INVALID}
        wait = POINTLESS_RETRY_SECONDS if pointless else RETRY_SECONDS
        self._retry_at[kind, key] = now + wait

    def seen(self, kind: Kind, key: Key) -> None:
        """Take in a newer view of the object: what was refused may be tried again."""
        self._retry_at.pop((kind, key), None)

    def retry_at(self, now: float) -> float:
        """When the next refused write may be tried again."""
        return min((at for at in self._retry_at.values() if at > now), default=inf)
