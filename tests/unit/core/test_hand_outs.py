"""What a process has written to a Lease, and how it knows it again."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from l2announcer.core.hand_outs import REMEMBERED, HandOut, HandOuts, Purpose, signature
from l2announcer.core.lease import micro_time
from l2announcer.core.model import Holding, LeaseRecord

RECORD = LeaseRecord(
    name="lease",
    resource_version="1",
    holder="a",
    duration_seconds=15,
    renew_time=micro_time(5_000_000),
    holding=Holding(boot="boot", netns=1),
)


def hand_out(record: LeaseRecord, at: float, purpose: Purpose = Purpose.RENEW) -> HandOut:
    return HandOut(purpose, signature(record), at, 0, in_tenure=True)


def test_a_write_is_known_again_by_spec_and_holding() -> None:
    hand_outs = HandOuts()
    own = hand_out(RECORD, 1.0)
    hand_outs.note(own)
    assert hand_outs.of(replace(RECORD, resource_version="7")) is own
    assert hand_outs.of(replace(RECORD, holding=None)) is None
    assert hand_outs.of(replace(RECORD, renew_time=micro_time(6_000_000))) is None


@pytest.mark.parametrize("purpose", [Purpose.RELEASE, Purpose.TRANSFER, Purpose.WANT])
def test_what_keeps_nothing_is_not_known_again(purpose: Purpose) -> None:
    hand_outs = HandOuts()
    hand_outs.note(hand_out(RECORD, 1.0, purpose))
    assert hand_outs.under_way is not None
    assert hand_outs.of(RECORD) is None


def test_what_was_refused_is_forgotten() -> None:
    hand_outs = HandOuts()
    own = hand_out(RECORD, 1.0)
    hand_outs.note(own)
    hand_outs.forget(own)
    assert hand_outs.of(RECORD) is None


def test_what_was_refused_delays_nothing_and_a_wish_never_does() -> None:
    hand_outs = HandOuts()
    hand_outs.note(hand_out(RECORD, 1.0))
    hand_outs.done()
    hand_outs.note(refused := hand_out(replace(RECORD, transitions=1), 2.0))
    assert hand_outs.last_at == 2.0
    hand_outs.forget(refused)
    assert hand_outs.last_at == 1.0
    hand_outs.note(wish := hand_out(RECORD, 3.0, Purpose.WANT))
    hand_outs.forget(wish)
    assert hand_outs.last_at == 1.0


def test_attempts_to_take_it_are_counted_from_one_another() -> None:
    hand_outs = HandOuts()
    hand_outs.note(hand_out(RECORD, 1.0))
    assert hand_outs.last_take_at == -inf
    hand_outs.note(take := hand_out(RECORD, 2.0, Purpose.TAKE))
    assert hand_outs.last_take_at == 2.0
    hand_outs.forget(take)
    assert hand_outs.last_take_at == -inf


def test_only_the_last_write_that_others_see_may_be_a_transfer() -> None:
    hand_outs = HandOuts()
    hand_outs.note(hand_out(RECORD, 1.0, Purpose.TRANSFER))
    hand_outs.note(hand_out(RECORD, 2.0, Purpose.WANT))
    assert hand_outs.transferring
    hand_outs.note(hand_out(RECORD, 3.0))
    assert not hand_outs.transferring


def test_the_middle_of_a_long_run_is_forgotten() -> None:
    hand_outs = HandOuts()
    records = [replace(RECORD, renew_time=micro_time(n * 1_000_000)) for n in range(300)]
    for number, record in enumerate(records):
        hand_outs.note(hand_out(record, float(number)))
    known = [number for number, record in enumerate(records) if hand_outs.of(record) is not None]
    half = REMEMBERED // 2
    assert known == [*range(half), *range(300 - half, 300)]


def test_a_confirmed_write_ends_those_before_it() -> None:
    hand_outs = HandOuts()
    later = replace(RECORD, renew_time=micro_time(6_000_000))
    hand_outs.note(hand_out(RECORD, 1.0))
    hand_outs.note(own := hand_out(later, 2.0))
    hand_outs.confirm(own)
    assert (hand_outs.of(RECORD), hand_outs.of(later)) == (None, own)


@pytest.mark.parametrize(
    ("wall", "expected"), [(9.0, 9_000_000), (5.2, 6_000_000), (1.0, 6_000_000)]
)
def test_renew_times_are_a_second_apart_at_least(wall: float, expected: int) -> None:
    assert HandOuts().renew_time(wall, RECORD, "a") == micro_time(expected)


def test_renew_times_of_others_are_no_bound() -> None:
    hand_outs = HandOuts()
    assert hand_outs.renew_time(1.0, RECORD, "b") == micro_time(1_000_000)
    assert hand_outs.renew_time(1.0, RECORD, "b") == micro_time(2_000_000)
