"""While a tenure lasts: another station says that it has the address.

Rules of this file (the wire is the second fence; the first is the Lease):
- An announcement or a reply of a foreign MAC for an answered address silences it, until a renewal
  that was handed out afterwards is accepted, and a read says that the Service still carries it.
- Then it is a foreign host's: that is reported, the address is answered and announced again, and
  that MAC is not listened to for a while. Who must give way is for a person to say.
- A probe is a question (RFC 5227 section 2.1.1): it is answered, and starts the same check without
  silence.
- There is at most one check for an address and second.
- A node's MAC (core.node_macs) is no foreign host's: it is never ignored, and always starts a
  check. A while is told by a clock that stands still while the machine is paused, as its tenure's
  end is; who goes on so must hear at once who took the Lease meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from l2announcer.core.facts import Claimed
from l2announcer.core.model import Announcement

IGNORE_SECONDS = 10.0
CHECK_INTERVAL_SECONDS = 1.0


@dataclass(slots=True)
class _Doubt:
    since: float
    mac: bytes
    silent: bool
    asked: bool = False
    read: bool = False


class Doubts:
    """The doubts about one Service's announcements."""

    def __init__(self) -> None:
        self._doubts: dict[Announcement, _Doubt] = {}
        self._checked_at: dict[Announcement, float] = {}
        self._ignored: dict[tuple[Announcement, bytes], float] = {}

    def raise_(self, claim: Claimed, now: float, *, silent: bool) -> None:
        """Take in a claim for an address that is answered for."""
        announcement = Announcement(claim.address, claim.interface)
        if not claim.of_node and now < self._ignored.get((announcement, claim.mac), -inf):
            return
        standing = self._doubts.get(announcement)
        if standing is not None:
            standing.silent |= silent
            return
        again_at = self._checked_at.get(announcement, -inf) + CHECK_INTERVAL_SECONDS
        if not claim.of_node and now < again_at:
            return
        self._checked_at[announcement] = now
        self._doubts[announcement] = _Doubt(now, claim.mac, silent)

    def take_read(self) -> bool:
        """Is the Service to be read for any of them?"""
        owed = [doubt for doubt in self._doubts.values() if not doubt.asked]
        for doubt in owed:
            doubt.asked = True
        return bool(owed)

    def read(self, *, answered: bool) -> None:
        """Take in the outcome of the read that take_read asked for."""
        for doubt in self._doubts.values():
            doubt.read |= doubt.asked and answered
            doubt.asked = doubt.read

    def settle(self, renewed_at: float, now: float) -> dict[Announcement, bytes]:
        """Close what is checked; the silencing ones, each with its MAC.

        `renewed_at` is when the last accepted renewal was handed out.
        """
        checked = {
            announcement: doubt
            for announcement, doubt in self._doubts.items()
            if doubt.read and renewed_at > doubt.since
        }
        self._ignored = {key: until for key, until in self._ignored.items() if now < until}
        for announcement, doubt in checked.items():
            del self._doubts[announcement]
            self._ignored[announcement, doubt.mac] = now + IGNORE_SECONDS
        return {announcement: doubt.mac for announcement, doubt in checked.items() if doubt.silent}

    @property
    def silenced(self) -> frozenset[Announcement]:
        """What is not answered for until it is checked."""
        return frozenset(a for a, doubt in self._doubts.items() if doubt.silent)

    @property
    def open(self) -> bool:
        """Is there one that a renewal and a read have still to settle?"""
        return bool(self._doubts)
