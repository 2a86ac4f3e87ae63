"""How an announcement is answered for again that was interrupted while its node held over.

Nothing but the segment can tell whether somebody else answers meanwhile, so it is asked, and more
than once: a frame may get lost.

Rules of this file:
- First a pause, so that two nodes in the same position do not ask in step; it is drawn by lot from
  what tells them apart, and grows with each interruption and each answer.
- Then three probes. Anything heard of the address meanwhile, another's probe included, means that
  somebody has it or is about to: back to a longer pause.
- Whoever looks late (a frozen process) may not have read what was answered: it probes anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

from l2announcer.core.lots import lot
from l2announcer.core.model import Announcement

PROBES = 3
PROBE_WAIT_SECONDS = 0.2
LATE_SECONDS = 0.1
SHORTEST_SECONDS = 0.5
LONGEST_SECONDS = 32.0


def pause_seconds(who: str, count: int) -> float:
    """The pause before the attempt number `count`; `who` tells the node, the boot and the Lease."""
    longer = 1.0 + 2.0 * lot(f"{who}/{count}")
    return min(SHORTEST_SECONDS * 2.0 ** min(count, 16), LONGEST_SECONDS) * longer


@dataclass(slots=True)
class _Attempt:
    count: int
    next_at: float
    probes: int = 0


class Comeback:
    """The announcements of one Service that wait to be answered for again.

    `pause` gives the seconds of each pause by its number; `count` is the number of the first.
    """

    def __init__(self, pause: Callable[[int], float], count: int = 0) -> None:
        self._pause = pause
        self._count = count
        self._attempts: dict[Announcement, _Attempt] = {}

    def want(self, announcements: Iterable[Announcement], now: float) -> None:
        """Set which are waiting."""
        self._attempts = {
            each: self._attempts.get(each) or _Attempt(self._count, now + self._pause(self._count))
            for each in announcements
        }

    def heard(self, announcement: Announcement, now: float) -> None:
        """Take in that a station says that it has the address, or asks whether somebody has."""
        attempt = self._attempts.get(announcement)
        if attempt is not None and attempt.probes:
            count = attempt.count + 1
            self._attempts[announcement] = _Attempt(count, now + self._pause(count))

    def take_probes(self, now: float) -> list[Announcement]:
        """The probes to send now."""
        due = []
        for announcement, attempt in self._attempts.items():
            if attempt.probes and now > attempt.next_at + LATE_SECONDS:
                attempt.probes = 0
            if now >= attempt.next_at and attempt.probes < PROBES:
                attempt.probes += 1
                attempt.next_at = now + PROBE_WAIT_SECONDS
                due.append(announcement)
        return due

    def take_clear(self, now: float) -> list[Announcement]:
        """What may be answered for from now on, since nobody said anything."""
        clear = [
            announcement
            for announcement, attempt in self._attempts.items()
            if attempt.probes == PROBES and attempt.next_at <= now <= attempt.next_at + LATE_SECONDS
        ]
        for announcement in clear:
            del self._attempts[announcement]
        return clear

    @property
    def waiting(self) -> list[Announcement]:
        """What is not answered for yet; claims for it must be heard."""
        return list(self._attempts)

    @property
    def wake_at(self) -> float:
        return min((attempt.next_at for attempt in self._attempts.values()), default=inf)
