"""When an announcement is repeated unasked: neighbours that missed one frame hear the next."""

from __future__ import annotations

from math import inf

ANNOUNCE_AFTER_SECONDS = (0.0, 1.0, 2.0, 4.0)


class Repeats:
    """The announcements still owed for one announcement that began at `since`."""

    __slots__ = ("_sent", "_since")

    def __init__(self, since: float) -> None:
        self._since = since
        self._sent = 0

    @property
    def due_at(self) -> float:
        if self._sent == len(ANNOUNCE_AFTER_SECONDS):
            return inf
        return self._since + ANNOUNCE_AFTER_SECONDS[self._sent]

    def take_due(self, now: float) -> bool:
        """Is one due? Several that were missed count as one."""
        due = False
        while self.due_at <= now:
            self._sent += 1
            due = True
        return due
