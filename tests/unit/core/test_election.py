"""Rules 1 to 3 of core.election: how long a tenure lasts, each by the history that it prevents."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from l2announcer.core import lease
from l2announcer.core.election import Wish
from l2announcer.core.facts import Refusal
from l2announcer.core.hand_outs import REMEMBERED
from tests.unit.core.election_rig import BOOT, HERE, TERMS, THERE, UNIX, L, Rig, theirs

# Rule 1


def test_tenure_counts_from_the_hand_out_and_ends_before_the_lease() -> None:
    rig = Rig()
    rig.accept(rig.write(0.0), at=3.0)
    assert rig.answers(0.9 * L - 0.001)
    assert not rig.answers(0.9 * L)


def test_nothing_is_answered_before_the_write_is_accepted() -> None:
    rig = Rig()
    rig.write(0.0)
    assert not rig.answers(0.0)


def test_a_renewal_moves_the_end() -> None:
    rig = Rig()
    rig.hold()
    assert rig.due(0.5) == 2.0
    assert rig.poll(1.999) is None
    rig.accept(rig.write(2.0), at=2.1)
    assert rig.answers(2.0 + 0.9 * L - 0.001)
    assert not rig.answers(2.0 + 0.9 * L)


def test_a_renewal_that_fails_leaves_the_end_where_it_was() -> None:
    rig = Rig()
    rig.hold()
    for at in (2.0, 4.0):
        rig.write(at)
        rig.refuse(Refusal.UNAVAILABLE, at + 0.5)
    assert rig.answers(0.9 * L - 0.001)
    assert not rig.answers(0.9 * L)


def test_the_end_of_the_tenure_is_a_wake_up() -> None:
    rig = Rig()
    rig.hold()
    rig.write(2.0)
    assert rig.due(2.0) == pytest.approx(0.9 * L)


# Rule 2


def test_renew_times_are_a_second_apart_whatever_the_wall_clock_does() -> None:
    rig = Rig()
    moments = [lease.unix_microseconds(rig.hold().renew_time)]
    for number, step in enumerate((-3600.0, 0.0, 0.3), start=1):
        rig.wall_step = step
        moments.append(lease.unix_microseconds(rig.hold(2.0 * number).renew_time))
    assert all(after - before >= 1_000_000 for before, after in pairwise(moments))


def test_a_restarted_process_writes_past_what_it_wrote_before() -> None:
    rig = Rig()
    rig.see(theirs(renewed=100.0, holder="a", holding=HERE), at=0.0)
    written = rig.write(0.0).body["spec"]["renewTime"]
    assert lease.unix_microseconds(written) >= (UNIX + 101.0) * 1_000_000


def test_one_write_a_second_at_most() -> None:
    rig = Rig()
    rig.hold()
    rig.elector.hurry()
    assert rig.poll(0.999) is None
    rig.write(1.0)


def test_one_write_in_flight() -> None:
    rig = Rig()
    rig.write(0.0)
    assert rig.poll(60.0) is None


# Rule 3


def test_void_when_somebody_else_wrote() -> None:
    rig = Rig()
    rig.hold()
    rig.see(theirs(), at=1.0)
    assert not rig.answers(1.0)


def test_void_when_somebody_else_wrote_in_our_name() -> None:
    rig = Rig()
    mine = rig.hold()
    rig.see(replace(mine, renew_time=lease.micro_time(int(UNIX + 50) * 1_000_000)), at=1.0)
    assert not rig.answers(1.0)


def test_void_when_the_lease_is_gone() -> None:
    rig = Rig()
    rig.hold()
    rig.gone(1.0)
    assert not rig.answers(1.0)


def test_labels_that_others_put_on_it_void_nothing() -> None:
    rig = Rig()
    rig.see(rig.hold(), at=1.0)
    assert rig.answers(1.0)


def test_a_write_handed_out_before_the_void_does_not_revive() -> None:
    rig = Rig()
    rig.hold()
    renewal = rig.write(2.0)
    rig.see(theirs(), at=2.1)
    rig.accept(renewal, at=2.2)
    assert not rig.answers(2.2)


def test_a_write_handed_out_later_revives() -> None:
    rig = Rig()
    mine = rig.hold()
    rig.see(replace(mine, renew_time=lease.micro_time(int(UNIX + 50) * 1_000_000)), at=1.0)
    rig.accept(rig.write(20.0), at=20.0)
    assert rig.answers(20.0)


def test_an_own_write_whose_answer_was_lost_counts_from_its_own_hand_out() -> None:
    rig = Rig()
    rig.hold()
    renewal = rig.write(2.0)
    rig.refuse(Refusal.UNAVAILABLE, 3.0)
    rig.elector.observe(rig.stored(renewal), BOOT + 6.0)
    assert rig.answers(2.0 + 0.9 * L - 0.001)
    assert not rig.answers(2.0 + 0.9 * L)


def test_without_a_tenure_the_answer_alone_counts() -> None:
    rig = Rig()
    before = rig.see(theirs(renewed=100.0, holder="a", holding=HERE), at=0.0)
    dead = Rig()
    dead.elector.observe(before, BOOT)
    left_under_way = dead.write(0.0)
    same = rig.write(10.0)
    assert same.body == left_under_way.body
    rig.elector.observe(rig.stored(left_under_way), BOOT + 10.0)
    assert not rig.answers(10.0)
    rig.refuse(Refusal.CONFLICT, 10.1)
    assert not rig.answers(10.1)


def test_the_answer_counts_also_when_the_watch_was_faster() -> None:
    rig = Rig()
    take = rig.write(0.0)
    record = rig.stored(take)
    rig.elector.observe(record, BOOT + 0.1)
    rig.elector.written(record, BOOT + 0.2)
    assert rig.answers(0.2)


def test_the_same_write_by_another_node_of_our_name_is_not_our_own() -> None:
    rig = Rig()
    twin = Rig(replace(TERMS, holding=THERE))
    for one in (rig, twin):
        one.see(theirs(renewed=100.0, holder="a", holding=None), at=0.0)
    writes = [one.write(L) for one in (rig, twin)]
    assert writes[0].body["spec"] == writes[1].body["spec"]
    rig.elector.observe(twin.stored(writes[1]), BOOT + L)
    rig.refuse(Refusal.CONFLICT, L)
    assert not rig.answers(L)


def test_what_was_handed_out_is_not_remembered_for_ever() -> None:
    rig = Rig()
    rig.hold()
    for number in range(1, 2 * REMEMBERED):
        rig.write(2.0 * number)
        rig.refuse(Refusal.UNAVAILABLE, 2.0 * number + 0.5)
    assert len(rig.elector._hand_outs) == REMEMBERED


def test_a_late_answer_to_what_was_voided_meanwhile_is_followed_by_a_renewal() -> None:
    """A holder that came back by the segment's leave would fall silent in mid-step otherwise."""
    rig = Rig(replace(TERMS, holds_over=True))
    rig.hold()
    renewal = rig.write(2.0)
    rig.elector.want(Wish.RELEASE)
    rig.elector.want(Wish.HOLD)
    rig.elector.come_back(BOOT + 3.0, rig.terms)
    rig.accept(renewal, 3.5)
    rig.accept(rig.write(3.6), 3.7)
    assert rig.answers(5.0)
