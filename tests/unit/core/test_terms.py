"""Renewals that the client's rate can't carry become rarer; in the end nothing more is taken."""

from __future__ import annotations

import pytest

from l2announcer.core.model import Holding
from l2announcer.core.terms import Terms, pace

TERMS = Terms(node="worker", namespace="kube-system", holding=Holding(boot="b", netns=1))


@pytest.mark.parametrize(
    ("held", "renew_seconds", "may_take"),
    [
        (0, 2.0, True),
        (19, 2.0, True),
        (20, 2.0, True),
        (30, 3.0, True),
        (31, 3.25, True),  # in steps, so that not every Lease more is a change for all
        (44, 4.5, True),  # the 45th is the last that a third of the tenure has room for
        (45, 4.5, False),
        (1000, 4.5, False),
    ],
)
def test_at_ten_writes_a_second(held: int, renew_seconds: float, may_take: bool) -> None:
    every, more = pace(held, 10.0, TERMS)
    assert every == pytest.approx(renew_seconds)
    assert more is may_take


def test_two_renewals_may_fail_however_many_there_are() -> None:
    renew_seconds, _ = pace(10**6, 10.0, TERMS)
    assert 3 * renew_seconds <= TERMS.duration_seconds * 0.9


def test_an_interval_that_was_asked_for_is_kept_where_it_is_longer() -> None:
    terms = Terms(node="w", namespace="n", holding=TERMS.holding, renew_seconds=6.0)
    assert pace(59, 10.0, terms) == (6.0, True)
    assert pace(60, 10.0, terms) == (6.0, False)
