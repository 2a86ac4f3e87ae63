"""What one Service needs before its Lease is asked for: nothing of it may delay the first answer.

Rules of this file:
- The Service is read again, by a read that was asked for after the preparation began.
- Its addresses are listened for meanwhile: sockets, filters and IPv6 groups are in place.
- It holds for some seconds; while it is wanted for longer, the Service is read again in time.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from l2announcer.core.model import Announcement

HOLDS_SECONDS = 15.0
READ_AGAIN_SECONDS = 10.0
READ_RETRY_SECONDS = 0.5


class Preparation:
    """One Service's; `active` is set by who wants its Lease, or no more."""

    def __init__(self) -> None:
        self.active = False
        self._wanted: frozenset[Announcement] = frozenset()
        self._being_read: frozenset[Announcement] | None = None
        self._asked_at = -inf
        self._read: frozenset[Announcement] = frozenset()
        self._read_at = -inf  # when the read that made it ready was asked for
        self._again_at = -inf

    def want(self, announcements: Iterable[Announcement]) -> None:
        """Set what it is to be ready for."""
        self._wanted = frozenset(announcements) if self.active else frozenset()
        if not self.active:
            self._read = frozenset()

    def take_read(self, now: float) -> bool:
        """Is the Service to be read now?"""
        if self._being_read is not None or not self._wanted or now < self._next_at:
            return False
        self._being_read, self._asked_at = self._wanted, now
        return True

    def read(self, *, answered: bool, now: float) -> None:
        """Take in the outcome of that read."""
        found, self._being_read = self._being_read, None
        if found is None:
            return
        if answered:
            self._read, self._read_at, self._again_at = found, self._asked_at, -inf
        else:
            self._again_at = now + READ_RETRY_SECONDS

    def ready(self, now: float) -> bool:
        """Could everything that is wanted be answered for at once?"""
        return self._wanted <= self._read and now < self._read_at + HOLDS_SECONDS

    def take(self, now: float) -> frozenset[Announcement]:
        """What can be answered for at once; the preparation is over."""
        found = self._read if now < self._read_at + HOLDS_SECONDS else frozenset[Announcement]()
        self.active, self._being_read = False, None
        self.want(())
        return found

    @property
    def watched(self) -> list[Announcement]:
        """What is to be listened for."""
        return sorted(self._wanted, key=lambda each: (each.address.packed, each.interface))

    @property
    def wake_at(self) -> float:
        """When a read is due next, of which the caller keeps time."""
        return self._next_at if self._wanted and self._being_read is None else inf

    @property
    def _next_at(self) -> float:
        if not self._wanted <= self._read:
            return self._again_at
        return max(self._again_at, self._read_at + READ_AGAIN_SECONDS)
