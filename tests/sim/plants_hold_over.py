"""Faults for the simulation to find: rules of holding over, each taken away from outside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from l2announcer.core import comeback, outcome
from l2announcer.core.announcing import Announcing
from l2announcer.core.comeback import Comeback
from l2announcer.core.effects import Effects, Gratuitous, Message
from l2announcer.core.facts import Claimed
from l2announcer.core.hold_over import HoldOver
from l2announcer.core.model import Announcement
from l2announcer.core.tenure import Tenure
from l2announcer.core.terms import Terms
from tests.sim.hunt import Hunt, Plant
from tests.sim.plan import Fault


def strict_holds_over(patch: pytest.MonkeyPatch) -> None:
    """Rule 14: a node that is told to be strict holds over."""
    away, wake_at = HoldOver.away, HoldOver.wake_at

    def stubborn(self: HoldOver, now: float, asked_at: float, terms: Terms) -> bool:
        return away(self, now, asked_at, replace(terms, holds_over=True))

    def awake(self: HoldOver, tenure: Tenure, now: float, asked_at: float, terms: Terms) -> float:
        return wake_at(self, tenure, now, asked_at, replace(terms, holds_over=True))

    patch.setattr(HoldOver, "away", stubborn)
    patch.setattr(HoldOver, "wake_at", awake)


def announces_meanwhile(patch: pytest.MonkeyPatch) -> None:
    """Rule 14: what is held over is announced, as what is held is."""
    hold_over = Announcing._hold_over

    def talkative(self: Announcing, now: float, out: Effects) -> None:
        hold_over(self, now, out)
        for announcement, repeats in self._repeats.items():
            if repeats.take_due(now):
                out.frames.append(Gratuitous(announcement, Message.ANNOUNCE, self.tenure))

    patch.setattr(Announcing, "_hold_over", talkative)
    patch.setattr(Tenure, "announces", Tenure.valid)


def announces_on_carrier_up(patch: pytest.MonkeyPatch) -> None:
    """Rule 14: a carrier that is back is a take-over anew: answered for, and announced, at once."""
    take_clear = Comeback.take_clear

    def at_once(self: Comeback, now: float) -> list[Announcement]:
        clear = take_clear(self, now) + self.waiting
        self.want((), now)
        return clear

    patch.setattr(Comeback, "take_clear", at_once)
    announces_meanwhile(patch)


def yields_to_probes(patch: pytest.MonkeyPatch) -> None:
    """Rule 14: a question whether the address is free makes a node fall silent."""

    def timid(_: Claimed, tenures: Iterable[Tenure]) -> None:
        for tenure in tenures:
            tenure.give_way()

    for module in ("answers_arp", "answers_nd"):
        patch.setattr(f"l2announcer.core.{module}.give_way", timid)
    patch.setattr(outcome, "give_way", timid)


def does_not_yield(patch: pytest.MonkeyPatch) -> None:
    """Rule 14: whoever else says that it has the address is not listened to."""
    patch.setattr(Tenure, "give_way", lambda _: None)


def does_not_ask_meanwhile(patch: pytest.MonkeyPatch) -> None:
    """Rule 14: what is held over is not probed, so that a segment that heals tells nothing."""
    patch.setattr("l2announcer.core.announcing.STEP_SECONDS", 3600.0)


def comes_back_at_once(patch: pytest.MonkeyPatch) -> None:
    """Rule 14: who was interrupted asks at once, without a pause."""
    patch.setattr(comeback, "SHORTEST_SECONDS", 0.0)


def comes_back_unasked(patch: pytest.MonkeyPatch) -> None:
    """Rule 14: who was interrupted comes back without asking."""
    take_probes = Comeback.take_probes

    def silent(self: Comeback, now: float) -> list[Any]:
        take_probes(self, now)
        return []

    patch.setattr(Comeback, "take_probes", silent)


def missed_step_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """Rule 14: a process that was stopped past its step goes on as if nothing had been."""
    step = HoldOver.step

    def unaware(self: HoldOver, tenure: Tenure, now: float, asked_at: float, terms: Terms) -> None:
        if tenure.holding_over and -1e9 < tenure.until <= now:
            self.begin(tenure, now, terms)
        else:
            step(self, tenure, now, asked_at, terms)

    patch.setattr(HoldOver, "step", unaware)


_FAST: dict[str, Any] = {
    "holds_over": True,
    "duration_seconds": 3,
    "renew_seconds": 0.75,
    "timeout": 1.5,
    "services": 1,
    "nodes": 2,
    "twin": False,
    "strangers": 0,
}
_LOSSLESS = _FAST | {"lost_frames": 0.0}

HUNTS: dict[Plant, Hunt] = {
    strict_holds_over: Hunt(first=1, faults=(Fault.CUT,)),
    announces_on_carrier_up: Hunt(faults=(Fault.OUTAGE, Fault.LINK), settings=_FAST),
    announces_meanwhile: Hunt(first=2, faults=(Fault.OUTAGE,), settings=_FAST),
    yields_to_probes: Hunt(faults=(Fault.OUTAGE, Fault.PROBER), settings=_FAST),
    does_not_yield: Hunt(faults=(Fault.CUT,), settings=_LOSSLESS),
    does_not_ask_meanwhile: Hunt(first=4, faults=(Fault.CUT, Fault.PARTITION), settings=_LOSSLESS),
    comes_back_at_once: Hunt(first=4, faults=(Fault.OUTAGE, Fault.LINK), settings=_FAST),
    comes_back_unasked: Hunt(first=2, faults=(Fault.OUTAGE, Fault.LINK), settings=_FAST),
    missed_step_is_ignored: Hunt(faults=(Fault.OUTAGE, Fault.FREEZE), settings=_FAST),
}
