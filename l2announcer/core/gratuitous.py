"""When an announcement is repeated unasked: neighbours that missed one frame hear the next.

Rules of this file:
- A take-over is announced at growing intervals (RFC 5227 section 2.3, RFC 4861 section 7.2.6 ask
  for a few), then refreshed slowly, where a refresh is asked for.
- It begins anew where neighbours may have learnt otherwise: another MAC, another port of a bond,
  a duplicate that was seen.
- Frames go out at a bounded rate, most recent take-overs first: those are the ones that somebody
  waits for. What waits is the announcement and its tenure, never bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from l2announcer.core.answers import Grant
from l2announcer.core.effects import Gratuitous, Message

FRAMES_PER_BATCH = 100
BATCH_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Seconds after a take-over, growing; then every `refresh_seconds`, 0 for never."""

    after_seconds: tuple[float, ...] = (0.0, 1.0, 2.0, 4.0)
    refresh_seconds: float = 0.0


DEFAULT_SCHEDULE = Schedule()


class Repeats:
    """The announcements still owed for one announcement that began at `since`."""

    __slots__ = ("_due_at", "_schedule", "_sent", "_since")

    def __init__(self, schedule: Schedule, since: float) -> None:
        self._schedule = schedule
        self.begin(since)

    def begin(self, now: float) -> None:
        """Begin anew."""
        self._since = now
        self._sent = 0
        self._due_at = now + self._schedule.after_seconds[0]

    @property
    def due_at(self) -> float:
        return self._due_at

    def take_due(self, now: float) -> bool:
        """Is one due? Several that were missed count as one."""
        if now < self._due_at:
            return False
        schedule = self._schedule
        while self._sent < len(schedule.after_seconds) and self._due_at <= now:
            self._sent += 1
            if self._sent < len(schedule.after_seconds):
                self._due_at = self._since + schedule.after_seconds[self._sent]
        if self._sent == len(schedule.after_seconds):
            self._due_at = now + (schedule.refresh_seconds or inf)
        return True


class Pacing:
    """Frames on their way out: probes at once, announcements at a bounded rate, latest first."""

    def __init__(self) -> None:
        self._waiting: list[Gratuitous] = []
        self._next_at = -inf

    def take(self, frames: Iterable[Gratuitous], now: float) -> list[Gratuitous]:
        """Add `frames`; what may go out now. What lost its tenure while it waited is left out."""
        batch: list[Gratuitous] = []
        for frame in frames:
            if frame.message is Message.PROBE:  # its answer is waited for from now on
                batch.append(frame)
            else:
                self._waiting.append(frame)
        if not self._waiting or now < self._next_at:
            return batch
        for _ in range(FRAMES_PER_BATCH):
            if not self._waiting:
                break
            frame = self._waiting.pop()
            if frame.tenure.announces(now):
                batch.append(frame)
        self._next_at = now + BATCH_SECONDS
        return batch

    def keep(self, before: Iterable[Grant], after: Iterable[Grant]) -> None:
        """Drop what waits of announcements that are granted no more."""
        gone = {grant.announcement for grant in before} - {grant.announcement for grant in after}
        if gone:
            self._waiting = [each for each in self._waiting if each.announcement not in gone]

    @property
    def next_at(self) -> float:
        return self._next_at if self._waiting else inf
