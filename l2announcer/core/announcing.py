"""One Service during one tenure: its first answers, its announcements, and doubts about them.

While the tenure is held over, or may come back so, nothing is announced and nothing is doubted;
what is answered for is probed once a step, so that whoever else has it is heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from l2announcer.core.comeback import Comeback
from l2announcer.core.doubt import Doubts
from l2announcer.core.effects import Effects, Gratuitous, Message
from l2announcer.core.facts import Claimed
from l2announcer.core.first_answer import FirstAnswer
from l2announcer.core.gratuitous import Repeats, Schedule
from l2announcer.core.hold_over import STEP_SECONDS
from l2announcer.core.model import Announcement
from l2announcer.core.tenure import Right

READ_RETRY_SECONDS = 0.5
AGAIN_SECONDS = 1.0


class Announcing:
    """Composes the rules of core.first_answer, core.doubt, core.gratuitous and core.comeback.

    `conflicts` are the foreign hosts that were heard of since the caller last emptied it; `tenure`
    is the right to answer.
    """

    def __init__(
        self, tenure: Right, checks: FirstAnswer, schedule: Schedule, comeback: Comeback
    ) -> None:
        self.conflicts: dict[Announcement, str] = {}
        self.tenure = tenure
        self._checks = checks
        self._schedule = schedule
        self._doubts = Doubts()
        self._comeback = comeback
        self._holds_over = False
        self._ahead = False
        self._probe_at = -inf
        self._again_at = -inf
        self._repeats: dict[Announcement, Repeats] = {}
        self._reading = False
        self._read_at = -inf

    def want(self, announcements: Iterable[Announcement]) -> None:
        """Set what is to be announced."""
        self._checks.want(announcements)

    def claimed(self, claim: Claimed, now: float) -> None:
        """Take in that another station says it has an address, or asks before it takes one."""
        announcement = Announcement(claim.address, claim.interface)
        if not self._ahead and (self.tenure.holding_over or not self.tenure.valid(now)):
            self._comeback.heard(announcement, now)
        elif announcement in self._repeats and self._checks.gives_way(claim, now):
            if not claim.probe and now >= self._again_at:
                self._again_at = now + AGAIN_SECONDS
                self._repeats[announcement].begin(now)
            if not claim.to_us:
                self._doubts.raise_(claim, now, silent=False)
        elif announcement in self._repeats:
            self._doubts.raise_(claim, now, silent=not claim.probe)
        elif not claim.probe:
            self._checks.claimed(claim)

    def announce_again(self, interfaces: Iterable[str], now: float) -> None:
        """Tell neighbours anew: what they learnt on these interfaces may not be so any more."""
        among = set(interfaces)
        for announcement, repeats in self._repeats.items():
            if announcement.interface in among:
                repeats.begin(now)

    def interrupted(self, interfaces: Iterable[str]) -> None:
        """Take in that these interfaces had no carrier for a moment."""
        if not self.tenure.holding_over:
            return
        among = set(interfaces)
        lost = [announcement for announcement in self._repeats if announcement.interface in among]
        self._checks.forget(lost)
        for announcement in lost:
            del self._repeats[announcement]

    def take_read(self, now: float) -> bool:
        """Is the Service to be read now?"""
        if self._holds_over or self._reading or now < self._read_at:
            return False
        self._read_at = -inf
        first, doubted = self._checks.take_read(), self._doubts.take_read()
        self._reading = first or doubted
        return self._reading

    def read(self, *, answered: bool, now: float) -> None:
        """Take in the outcome of that read."""
        self._reading = False
        self._read_at = -inf if answered else now + READ_RETRY_SECONDS
        self._checks.read(answered=answered)
        self._doubts.read(answered=answered)

    def look_ahead(self, now: float, out: Effects) -> None:
        """Check what can be checked before the Lease is won: nothing is answered for yet."""
        self._ahead = True
        self._probe(now, out)

    def poll(self, now: float, renewed_at: float, out: Effects) -> list[Announcement]:
        """Add the frames that are due; what is announced from now on and was not before."""
        self._ahead = False
        self._holds_over = self.tenure.holding_over or not self.tenure.valid(now)
        if self._holds_over:
            self._hold_over(now, out)
            return []
        self._probe(now, out)
        found = self._checks.foreign.items()
        self.conflicts |= {each: mac for each, mac in found if each not in self._repeats}
        for announcement, mac in self._doubts.settle(renewed_at, now).items():
            self.conflicts[announcement] = mac.hex(":")
            if announcement in self._repeats:
                self._repeats[announcement].begin(now)
        clear = self._checks.clear
        new = [announcement for announcement in clear if announcement not in self._repeats]
        self._repeats = {
            announcement: self._repeats.get(announcement) or Repeats(self._schedule, now)
            for announcement in clear
        }
        silenced = self._doubts.silenced
        for announcement, repeats in self._repeats.items():
            if announcement not in silenced and repeats.take_due(now):
                out.frames.append(Gratuitous(announcement, Message.ANNOUNCE, self.tenure))
        return new

    def _probe(self, now: float, out: Effects) -> None:
        for announcement in self._checks.take_probes(now):
            out.frames.append(Gratuitous(announcement, Message.PROBE, self.tenure))

    def _hold_over(self, now: float, out: Effects) -> None:
        """Keep what is answered for, and look whether the rest may be again."""
        silenced, self._doubts = self._doubts.silenced, Doubts()
        self._checks.forget(silenced)
        wanted = self._checks.wanted
        self._repeats = {
            each: repeats
            for each, repeats in self._repeats.items()
            if each in wanted and each not in silenced
        }
        self._comeback.want((each for each in wanted if each not in self._repeats), now)
        clear = self._comeback.take_clear(now)
        self._checks.adopt(clear)
        self._repeats |= {each: Repeats(self._schedule, now) for each in clear}
        probed = self._comeback.take_probes(now)
        if now >= self._probe_at:
            self._probe_at = now + STEP_SECONDS
            probed += self._repeats
        out.frames += [Gratuitous(each, Message.PROBE, self.tenure) for each in probed]

    @property
    def answered(self) -> list[Announcement]:
        """What is answered for, as long as the tenure lasts."""
        silenced = self._doubts.silenced
        return [announcement for announcement in self._repeats if announcement not in silenced]

    @property
    def watched(self) -> list[Announcement]:
        """What is not answered for, but whose claims must be heard."""
        if self._holds_over:
            return self._comeback.waiting
        if self._ahead:
            return self._checks.wanted
        return [*self._checks.pending, *self._doubts.silenced]

    @property
    def in_use(self) -> dict[Announcement, str]:
        """What a foreign host had before we could announce it, with its MAC."""
        return self._checks.foreign

    @property
    def in_doubt(self) -> bool:
        """Is a renewal wanted at once?"""
        return self._doubts.open

    @property
    def wake_at(self) -> float:
        if self._holds_over:
            return min(self._comeback.wake_at, self._probe_at if self._repeats else inf)
        silenced = self._doubts.silenced
        due_ats = (r.due_at for a, r in self._repeats.items() if a not in silenced)
        wake_at = min(self._checks.wake_at, min(due_ats, default=inf))
        return min(wake_at, self._read_at) if self._read_at > -inf else wake_at
