"""Somebody else writes the same status: what he wrote is put right, but ever more slowly.

Two controllers that each put right at once what the other wrote do nothing else any more, and nor
does their API server. A few times it's done at once: that was a person, or a load balancer that is
being replaced. From then on there are waits that double, up to a minute; while they last, the
other's word stands. Where a few minutes pass without a need for it, all is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from l2announcer.core.model import IPAddress, Key

AT_ONCE = 3
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 60.0
FORGOTTEN_SECONDS = 300.0


@dataclass(slots=True)
class _Written:
    """What was written last, when, and how often the same was written before that."""

    addresses: frozenset[IPAddress]
    at: float
    again: int = 0

    @property
    def wait_seconds(self) -> float:
        if self.again < AT_ONCE:
            return 0.0
        doubled: float = FIRST_WAIT_SECONDS * 2.0 ** (self.again - AT_ONCE)
        return min(doubled, LONGEST_WAIT_SECONDS)


class Rivalry:
    """Tells of each Service when its addresses may be written once more."""

    def __init__(self) -> None:
        self._under_way: dict[Key, _Written] = {}
        self._written: dict[Key, _Written] = {}
        self._waiting: dict[Key, float] = {}

    def may_write(self, key: Key, addresses: Iterable[IPAddress], now: float) -> bool:
        """May these be written now? If not, `ready` names the Service when they may."""
        before = self._same(key, frozenset(addresses), now)
        due_at = before.at + before.wait_seconds if before is not None else -inf
        if now >= due_at:
            self._waiting.pop(key, None)
            return True
        self._waiting[key] = due_at
        return False

    def begin(self, key: Key, addresses: Iterable[IPAddress], now: float) -> None:
        """Take in that a write of these is handed out."""
        wanted = frozenset(addresses)
        before = self._same(key, wanted, now)
        again = before.again + 1 if before is not None else 0
        self._under_way[key] = _Written(addresses=wanted, at=now, again=again)

    def written(self, key: Key) -> bool:
        """Take in that it was accepted. Is it a rivalry from here on? True once for each."""
        written = self._under_way.pop(key, None)
        if written is None:
            return False
        self._written[key] = written
        return written.again == AT_ONCE

    def refused(self, key: Key) -> None:
        """Take in that it was not, which says nothing of a rival."""
        self._under_way.pop(key, None)

    def forget(self, key: Key) -> None:
        """Take in that a Service is gone."""
        for known in (self._under_way, self._written, self._waiting):
            known.pop(key, None)

    def ready(self, now: float) -> list[Key]:
        """List the Services whose wait is over, each once."""
        over = [key for key, at in self._waiting.items() if at <= now]
        for key in over:
            del self._waiting[key]
        return over

    @property
    def wake_at(self) -> float:
        """When the next wait is over."""
        return min(self._waiting.values(), default=inf)

    def _same(self, key: Key, addresses: frozenset[IPAddress], now: float) -> _Written | None:
        """What was written last, if it was the same, and not long ago."""
        before = self._written.get(key)
        if before is None or before.addresses != addresses:
            return None
        return before if now - before.at < FORGOTTEN_SECONDS else None
