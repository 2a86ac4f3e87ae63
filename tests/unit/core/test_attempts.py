"""What the outcome of each call means for the next."""

from __future__ import annotations

import pytest

from l2announcer.core.attempts import RELEASE_RETRY_SECONDS, RETRY_SECONDS, Attempts
from l2announcer.core.facts import Refusal
from l2announcer.core.hand_outs import Purpose

NEVER = float("-inf")


def refused(purpose: Purpose, why: Refusal, *, made: bool = True) -> Attempts:
    attempts = Attempts("app1")
    attempts.refused(purpose, why, 10.0, made=made)
    return attempts


def test_a_lost_race_is_read_about() -> None:
    attempts = refused(Purpose.RENEW, Refusal.CONFLICT)
    assert attempts.owes_read(wished=False)
    assert (attempts.problem, attempts.retry_at) == ("", NEVER)
    attempts.begin_read(11.0)
    assert (attempts.reading, attempts.read_asked_at) == (True, 11.0)
    assert not attempts.owes_read(wished=True)


def test_a_read_without_an_answer_is_made_again_later() -> None:
    attempts = refused(Purpose.RENEW, Refusal.CONFLICT)
    attempts.begin_read(11.0)
    attempts.read(Refusal.UNAVAILABLE, 16.0)
    assert not attempts.reading
    assert attempts.owes_read(wished=False)
    assert attempts.retry_at == 16.0 + RETRY_SECONDS


def test_a_lease_that_is_gone_is_no_problem_but_a_namespace_is() -> None:
    assert refused(Purpose.RENEW, Refusal.MISSING).problem == ""
    attempts = refused(Purpose.TAKE, Refusal.MISSING, made=False)
    assert "namespace" in attempts.problem
    assert attempts.retry_at == 10.0 + RETRY_SECONDS


@pytest.mark.parametrize("why", [Refusal.DENIED, Refusal.INVALID])
def test_what_is_refused_is_said_and_tried_again_later(why: Refusal) -> None:
    attempts = refused(Purpose.RENEW, why)
    sentence = f"the API server refuses writes of Lease app1: {why.value}"
    assert (attempts.problem, attempts.retry_at) == (sentence, 10.0 + RETRY_SECONDS)
    attempts.written()
    assert attempts.problem == ""


def test_after_a_gift_that_was_refused_the_renewal_does_not_wait() -> None:
    assert refused(Purpose.TRANSFER, Refusal.DENIED).retry_at == 10.0


@pytest.mark.parametrize(
    ("purpose", "retry_at", "read"),
    [
        (Purpose.RENEW, NEVER, False),
        (Purpose.TAKE, NEVER, True),
        (Purpose.RECEIVE, 10.0 + RELEASE_RETRY_SECONDS, False),
        (Purpose.RELEASE, 10.0 + RELEASE_RETRY_SECONDS, False),
        (Purpose.TRANSFER, 10.0 + RELEASE_RETRY_SECONDS, True),
        (Purpose.FENCE, 10.0 + RELEASE_RETRY_SECONDS, True),
    ],
)
def test_no_answer(purpose: Purpose, retry_at: float, *, read: bool) -> None:
    attempts = refused(purpose, Refusal.UNAVAILABLE)
    assert "no answer" in attempts.problem
    assert attempts.retry_at == retry_at
    assert attempts.owes_read(wished=True) is read


@pytest.mark.parametrize(("why", "read"), [(Refusal.DENIED, True), (Refusal.INVALID, False)])
def test_who_is_denied_supposes_that_the_holder_is_too(why: Refusal, *, read: bool) -> None:
    assert refused(Purpose.TAKE, why).owes_read(wished=True) is read
    assert not refused(Purpose.TAKE, why).owes_read(wished=False)


def test_a_take_without_an_answer_matters_only_to_who_still_wants_the_lease() -> None:
    assert not refused(Purpose.TAKE, Refusal.UNAVAILABLE).owes_read(wished=False)
    assert refused(Purpose.TRANSFER, Refusal.UNAVAILABLE).owes_read(wished=False)


def test_whoever_has_it_by_now_a_change_says_what_became_of_a_take() -> None:
    attempts = refused(Purpose.TAKE, Refusal.UNAVAILABLE)
    attempts.changed()
    assert not attempts.owes_read(wished=True)


def test_when_there_were_answers_again_is_noted_once() -> None:
    attempts = refused(Purpose.TAKE, Refusal.UNAVAILABLE)
    for at in (20.0, 30.0):
        attempts.begin_read(at)
        attempts.read(None, at + 1.0)
    assert attempts.answers_again_at == 21.0


@pytest.mark.parametrize("why", Refusal)
def test_a_take_that_failed_was_in_vain_until_the_lease_is_seen_changed(why: Refusal) -> None:
    attempts = refused(Purpose.TAKE, why)
    attempts.begin_read(11.0)
    attempts.read(None, 11.0)
    assert attempts.in_vain
    attempts.changed()
    assert not attempts.in_vain
    assert not refused(Purpose.RENEW, why).in_vain
