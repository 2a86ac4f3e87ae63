"""How often the wire may tell the core of a claim: a storm of frames must not become facts."""

from __future__ import annotations

from l2announcer.core.facts import Claimed
from l2announcer.core.model import Announcement

WINDOW_SECONDS = 0.1
MOST_STATIONS = 8
"""Within one window: more stations than this, with forged addresses perhaps, say nothing new."""


class ClaimLimit:
    """Lets through, of each window, one claim and one probe by each station for an address.

    A storm about one address takes nothing from the others, and costs a bounded memory.
    """

    def __init__(self) -> None:
        self._windows: dict[tuple[Announcement, bool], tuple[float, set[bytes]]] = {}

    def admits(self, claimed: Claimed, now: float) -> bool:
        key = (Announcement(claimed.address, claimed.interface), claimed.probe)
        until, stations = self._windows.get(key, (now, set()))
        if now >= until:
            self._windows[key] = (now + WINDOW_SECONDS, {claimed.mac})
            return True
        if claimed.mac in stations or len(stations) >= MOST_STATIONS:
            return False
        stations.add(claimed.mac)
        return True

    def forget_until(self, now: float) -> None:
        """Forget the windows that are over, lest those of long-gone addresses pile up."""
        self._windows = {key: window for key, window in self._windows.items() if now < window[0]}
