"""Status writes: one under way per object, and none again before it can succeed."""

from __future__ import annotations

from math import inf

import pytest

from l2announcer.core.facts import Refusal
from l2announcer.core.model import Key, Kind
from l2announcer.core.status_writes import (
    DENIED_RETRY_SECONDS,
    POINTLESS_RETRY_SECONDS,
    RETRY_SECONDS,
    StatusWrites,
)

POLICY = (Kind.POLICY, Key("", "p"))
NOW = 100.0


def test_one_at_a_time_for_each_object() -> None:
    writes = StatusWrites()
    assert writes.start(*POLICY, NOW)
    assert not writes.start(*POLICY, NOW + 1000)
    assert writes.start(Kind.POLICY, Key("", "q"), NOW)
    assert writes.start(Kind.POOL, Key("", "p"), NOW)
    writes.written(*POLICY)
    assert writes.start(*POLICY, NOW)


@pytest.mark.parametrize(
    ("why", "wait"),
    [
        (Refusal.CONFLICT, RETRY_SECONDS),
        (Refusal.MISSING, RETRY_SECONDS),
        (Refusal.UNAVAILABLE, RETRY_SECONDS),
        (Refusal.DENIED, DENIED_RETRY_SECONDS),
        (Refusal.INVALID, POINTLESS_RETRY_SECONDS),
    ],
)
def test_a_refused_one_waits_for_as_long_as_it_is_pointless(why: Refusal, wait: float) -> None:
    writes = StatusWrites()
    assert writes.start(*POLICY, NOW)
    writes.refused(*POLICY, why, NOW)
    assert writes.retry_at(NOW) == NOW + wait
    assert not writes.start(*POLICY, NOW + wait - 0.001)
    assert writes.start(*POLICY, NOW + wait)
    assert writes.retry_at(NOW) == inf


def test_who_is_denied_again_and_again_tries_ever_more_rarely() -> None:
    writes, now, waits = StatusWrites(), NOW, []
    for _ in range(8):
        assert writes.start(*POLICY, now)
        writes.refused(*POLICY, Refusal.DENIED, now)
        waits.append(writes.retry_at(now) - now)
        now += waits[-1]
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    writes.start(*POLICY, now)
    writes.written(*POLICY)
    writes.start(*POLICY, now)
    writes.refused(*POLICY, Refusal.DENIED, now)
    assert writes.retry_at(now) - now == DENIED_RETRY_SECONDS


def test_a_newer_view_of_the_object_is_reason_to_try_at_once() -> None:
    writes = StatusWrites()
    writes.start(*POLICY, NOW)
    writes.refused(*POLICY, Refusal.INVALID, NOW)
    writes.seen(*POLICY)
    assert writes.retry_at(NOW) == inf
    assert writes.start(*POLICY, NOW)


def test_a_newer_view_does_not_start_a_second_one() -> None:
    writes = StatusWrites()
    writes.start(*POLICY, NOW)
    writes.seen(*POLICY)
    assert not writes.start(*POLICY, NOW)


def test_what_may_be_tried_already_wakes_nobody() -> None:
    writes = StatusWrites()
    writes.start(*POLICY, NOW)
    writes.refused(*POLICY, Refusal.UNAVAILABLE, NOW)
    assert writes.retry_at(NOW + RETRY_SECONDS) == inf


def test_who_has_waited_long_enough_is_named_once() -> None:
    writes = StatusWrites()
    writes.refused(*POLICY, Refusal.CONFLICT, NOW)
    assert writes.ready(NOW + RETRY_SECONDS - 0.1) == []
    assert writes.ready(NOW + RETRY_SECONDS) == [POLICY]
    assert writes.ready(NOW + RETRY_SECONDS) == []


def test_who_was_refused_again_waits_anew() -> None:
    writes = StatusWrites()
    writes.refused(*POLICY, Refusal.CONFLICT, NOW)
    writes.seen(*POLICY)
    writes.refused(*POLICY, Refusal.DENIED, NOW)
    assert writes.ready(NOW + RETRY_SECONDS) == []
    assert writes.ready(NOW + POINTLESS_RETRY_SECONDS) == [POLICY]
