"""What a Lease becomes by each write: whose it is, how often it changed, who asks for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.drafts import draft
from l2announcer.core.hand_outs import Purpose
from l2announcer.core.lease import GIVEN_SECONDS
from l2announcer.core.model import LeaseRecord, Wanted
from tests.unit.core.election_rig import HERE, TERMS, L, theirs

WISH = Wanted("c", 4)
KNOWN = theirs(wanted=WISH)
MOMENT = "2026-11-25T10:00:00.000000Z"


def drafted(purpose: Purpose, known: LeaseRecord = KNOWN, declined: Wanted | None = None) -> object:
    found = draft(purpose, known, TERMS, renew_time=MOMENT, give_to="c", declined=declined)
    if purpose is not Purpose.WANT:
        assert (found.renew_time, found.holding) == (MOMENT, HERE)
    changed = found.acquire_time != known.acquire_time
    return found.holder, found.duration_seconds, found.transitions, changed, found.wanted


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        (Purpose.TAKE, ("a", L, 5, True, None)),
        (Purpose.RENEW, ("a", L, 4, False, WISH)),
        (Purpose.RELEASE, ("", 1, 4, True, None)),
        (Purpose.TRANSFER, ("c", GIVEN_SECONDS, 5, True, WISH)),
        (Purpose.RECEIVE, ("a", L, 4, True, None)),
        (Purpose.WANT, ("b", L, 4, False, Wanted("a", 4))),
    ],
)
def test_what_it_becomes(purpose: Purpose, expected: object) -> None:
    assert drafted(purpose) == expected


def test_a_fence_releases_in_the_other_s_place_under_a_later_count() -> None:
    found = draft(Purpose.FENCE, KNOWN, TERMS, MOMENT, floor=8)
    assert (found.holder, found.duration_seconds, found.transitions) == ("", 1, 9)
    assert (found.holding, found.wanted) == (KNOWN.holding, None)
    assert draft(Purpose.FENCE, KNOWN, TERMS, MOMENT).transitions == KNOWN.transitions + 1


def test_a_count_never_goes_back() -> None:
    assert draft(Purpose.TAKE, KNOWN, TERMS, MOMENT, floor=8).transitions == 9


def test_a_wish_changes_no_more_than_the_wish() -> None:
    found = draft(Purpose.WANT, KNOWN, TERMS, renew_time=MOMENT, give_to="", declined=None)
    assert replace(found, wanted=WISH) == KNOWN


@pytest.mark.parametrize(
    ("wanted", "declined"), [(WISH, WISH), (Wanted("c", 3), None), (None, None)]
)
def test_a_renewal_ends_a_wish_that_was_declined_or_is_stale(
    wanted: Wanted | None, declined: Wanted | None
) -> None:
    assert drafted(Purpose.RENEW, replace(KNOWN, wanted=wanted), declined) == (
        ("a", L, 4, False, None)
    )
