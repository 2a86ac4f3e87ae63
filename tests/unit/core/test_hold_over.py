"""What each outcome of a renewal means for a tenure that ends."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from l2announcer.core.facts import Refusal
from l2announcer.core.hold_over import DENIED_SECONDS, STEP_SECONDS, HoldOver, Interruption
from l2announcer.core.tenure import Tenure
from tests.unit.core.election_rig import TERMS

SEGMENT = replace(TERMS, holds_over=True)
END = 100.0


@pytest.mark.parametrize(
    ("why", "seconds"),
    [
        (Refusal.UNAVAILABLE, inf),
        (Refusal.CONFLICT, SEGMENT.request_seconds),
        (Refusal.DENIED, DENIED_SECONDS),
        (Refusal.MISSING, 0.0),
        (Refusal.INVALID, 0.0),
    ],
)
def test_for_how_long_an_outcome_is_a_lack_of_answers(why: Refusal, seconds: float) -> None:
    hold_over = HoldOver()
    hold_over.refused(why, END)
    hold_over.refused(why, END + 0.001)  # the first one counts
    assert hold_over.away(END + min(seconds, 1e6) - 0.01, inf, SEGMENT) is (seconds > 0)
    assert not hold_over.away(END + seconds, inf, SEGMENT)
    assert not hold_over.away(END, inf, TERMS), "strict"


def test_it_goes_on_by_steps_until_one_is_missed() -> None:
    hold_over, tenure = HoldOver(), Tenure(END)
    hold_over.refused(Refusal.UNAVAILABLE, END - 5)
    hold_over.step(tenure, END - 1, inf, SEGMENT)
    assert not tenure.holding_over
    hold_over.step(tenure, END - 0.4, inf, SEGMENT)
    assert tenure.holding_over
    assert tenure.until == END - 0.4 + STEP_SECONDS
    hold_over.step(tenure, tenure.until, inf, SEGMENT)
    assert hold_over.interruption is Interruption.MISSED


def test_a_claim_ends_it() -> None:
    hold_over, tenure = HoldOver(), Tenure(END)
    hold_over.refused(Refusal.UNAVAILABLE, END - 5)
    tenure.give_way()
    assert tenure.valid(END - 1), "an ordinary tenure does not give way"
    hold_over.step(tenure, END - 0.4, inf, SEGMENT)
    tenure.give_way()
    assert not tenure.valid(END - 0.4)
    hold_over.step(tenure, END - 0.3, inf, SEGMENT)
    assert hold_over.interruption is Interruption.GAVE_WAY


def test_a_limit_ends_it_for_good() -> None:
    terms = replace(SEGMENT, hold_over_limit_seconds=0.7)
    hold_over, tenure = HoldOver(), Tenure(END)
    hold_over.refused(Refusal.UNAVAILABLE, END - 5)
    hold_over.step(tenure, END - 0.4, inf, terms)
    assert tenure.until == END - 0.4 + 0.7
    assert not hold_over.away(tenure.until, inf, terms)


def test_a_conflict_that_no_read_explains_leaves_it_to_the_segment() -> None:
    """It may be our own write, whose answer was lost just before the API server went away again."""
    hold_over, tenure = HoldOver(), Tenure(END)
    hold_over.refused(Refusal.CONFLICT, END)
    late = END + SEGMENT.request_seconds
    assert not hold_over.away(late, inf, SEGMENT)
    assert hold_over.may_come_back(late, inf, SEGMENT)
    assert not hold_over.may_come_back(late, inf, TERMS), "strict"
    hold_over.come_back(tenure, late, SEGMENT)
    assert tenure.valid(late)
    for step in range(1, 200):
        hold_over.step(tenure, late + step * 0.6, inf, SEGMENT)
    assert tenure.valid(late + 120.0)


def test_an_answer_bars_the_way_back() -> None:
    hold_over = HoldOver()
    hold_over.refused(Refusal.INVALID, END)
    assert not hold_over.may_come_back(END, inf, SEGMENT)
