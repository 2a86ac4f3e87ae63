"""Faults for the simulation to find: rules of planned hand-overs, each taken away from outside."""

from __future__ import annotations

import pytest

from l2announcer.core.candidacy import Candidacy
from l2announcer.core.effects import LeaseWrite, ReadLease
from l2announcer.core.election import Elector
from l2announcer.core.hand_outs import Purpose
from l2announcer.core.model import Announcement
from l2announcer.core.preparation import Preparation
from l2announcer.core.terms import Terms
from tests.sim.hunt import Hunt, Plant
from tests.sim.plan import Fault


def given_before_silence(patch: pytest.MonkeyPatch) -> None:
    """Rule 16: the Lease is given away, and answered for until the write is accepted."""
    hand_out = Elector._hand_out

    def talkative(
        self: Elector, purpose: Purpose, now: float, wall: float, terms: Terms
    ) -> LeaseWrite:
        until = self.tenure.until
        write = hand_out(self, purpose, now, wall, terms)
        if purpose is Purpose.TRANSFER:
            self.tenure.until = until
        return write

    patch.setattr(Elector, "_hand_out", talkative)


def answered_by_the_gift(patch: pytest.MonkeyPatch) -> None:
    """Rule 16: who was given the Lease answers before its own write is accepted."""
    poll = Elector.poll

    def hasty(
        self: Elector, now: float, wall: float, terms: Terms
    ) -> LeaseWrite | ReadLease | None:
        if self.given(terms):
            self.tenure.until = now + terms.duration_seconds
        return poll(self, now, wall, terms)

    patch.setattr(Elector, "poll", hasty)


def given_unanswered(patch: pytest.MonkeyPatch) -> None:
    """core.hand_over: also what a foreign host answers for is given, to one that does not probe."""
    patch.setattr(Candidacy, "settled", property(lambda _: True))


def asked_unread(patch: pytest.MonkeyPatch) -> None:
    """core.preparation: the Lease is asked for without having read the Service again."""

    def all_of_it(self: Preparation, _now: float) -> frozenset[Announcement]:
        found = frozenset(self.watched)
        self.active = False
        self.want(())
        return found

    patch.setattr(Preparation, "ready", lambda *_: True)
    patch.setattr(Preparation, "take", all_of_it)


_RESTLESS = {"quiet_seconds": 0.5, "lost_frames": 0.0}
_LONG = {
    "quiet_seconds": 0.2,
    "lost_frames": 0.0,
    "chaos_seconds": 200.0,
    "duration_seconds": 3,
    "renew_seconds": 0.75,
    "timeout": 1.5,
}

HUNTS: dict[Plant, Hunt] = {
    given_before_silence: Hunt(first=1, settings=_RESTLESS),
    answered_by_the_gift: Hunt(first=1, settings=_RESTLESS),
    given_unanswered: Hunt(first=11, faults=(Fault.FOREIGN_HOST, Fault.CRASH), settings=_RESTLESS),
    asked_unread: Hunt(
        first=581, faults=(Fault.LAGGING_WATCH, Fault.SERVICE, Fault.CUT), settings=_LONG
    ),
}
