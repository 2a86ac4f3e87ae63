"""Rules 6 to 12 of core.election: taking, conflicts, restarts, release, each by a history."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.effects import ReadLease
from l2announcer.core.election import Wish
from l2announcer.core.facts import Refusal
from l2announcer.core.model import Holding, LeaseRecord
from l2announcer.core.predecessor import Kind
from l2announcer.core.terms import RANK_SECONDS
from tests.unit.core.election_rig import BOOT, HERE, NAME, TERMS, L, Rig, theirs

# Taking, and rule 6


def test_a_held_lease_is_taken_when_it_was_left_alone_for_its_duration() -> None:
    rig = Rig()
    rig.see(theirs(renewed=-3600.0), at=0.0)
    assert rig.due(0.0) == L
    assert rig.poll(L - 0.001) is None
    spec = rig.write(L).body["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("a", 5)


def test_every_change_that_is_observed_starts_the_wait_anew() -> None:
    rig = Rig()
    rig.see(theirs(), at=0.0)
    rig.see(theirs(renewed=2.0), at=14.0)
    assert rig.poll(14.0 + L - 0.001) is None
    rig.write(14.0 + L)


def test_a_released_lease_is_taken_at_once() -> None:
    rig = Rig()
    rig.see(theirs(holder="", duration_seconds=1), at=0.0)
    assert rig.write(0.0).body["spec"]["leaseTransitions"] == 5


def test_nothing_is_taken_while_there_is_enough_to_renew() -> None:
    rig = Rig(replace(TERMS, may_take=False))
    assert rig.poll(0.0) is None


def test_who_saw_a_lease_vanish_waits_its_duration() -> None:
    rig = Rig()
    rig.see(theirs(), at=0.0)
    rig.gone(1.0)
    assert rig.poll(1.0 + L - 0.001) is None
    assert rig.write(1.0 + L).create


def test_who_held_a_lease_that_vanished_makes_it_again_at_once() -> None:
    rig = Rig()
    rig.hold()
    rig.gone(1.0)
    assert rig.write(1.0).create


def test_a_late_answer_does_not_bring_back_a_lease_that_vanished() -> None:
    rig = Rig()
    rig.hold()
    renewed = rig.stored(rig.write(2.0))
    rig.gone(2.5)
    rig.elector.written(renewed, BOOT + 3.0)
    assert rig.elector.record is None
    assert rig.write(3.0).create


def test_a_released_lease_that_vanished_is_nobodys() -> None:
    rig = Rig()
    rig.see(theirs(holder=""), at=0.0)
    rig.elector.want(Wish.ABANDON)
    rig.gone(0.0)
    rig.elector.want(Wish.HOLD)
    assert rig.write(0.0).create


def test_a_lease_that_vanished_is_remembered_while_nothing_is_wanted() -> None:
    rig = Rig()
    rig.see(theirs(), at=0.0)
    rig.elector.want(Wish.ABANDON)
    rig.gone(1.0)
    assert not rig.elector.idle(BOOT + 1.0 + L - 0.001)
    assert rig.elector.idle(BOOT + 1.0 + L)


def test_a_released_lease_is_taken_by_rank() -> None:
    rig = Rig(replace(TERMS, rank=2))
    rig.see(theirs(), at=0.0)
    rig.poll(0.0)
    rig.see(theirs(holder="", duration_seconds=1), at=5.0)
    assert rig.due(5.0) == pytest.approx(5.0 + 2 * RANK_SECONDS)
    assert rig.poll(5.0 + 2 * RANK_SECONDS - 0.001) is None
    rig.write(5.0 + 2 * RANK_SECONDS + 0.001)


def test_a_lease_that_ran_out_is_taken_by_rank() -> None:
    rig = Rig(replace(TERMS, rank=1))
    rig.see(theirs(), at=0.0)
    rig.poll(0.0)
    assert rig.poll(L + RANK_SECONDS - 0.001) is None
    rig.write(L + RANK_SECONDS + 0.001)


def test_what_was_free_before_it_was_wanted_is_taken_by_rank_from_the_wish_on() -> None:
    rig = Rig(replace(TERMS, rank=3))
    rig.see(theirs(holder=""), at=0.0)
    rig.elector.want(Wish.ABANDON)
    rig.poll(1.0)
    rig.elector.want(Wish.HOLD)
    assert rig.poll(100.0) is None
    assert rig.due(100.0) == pytest.approx(100.0 + 3 * RANK_SECONDS)
    rig.write(100.0 + 3 * RANK_SECONDS + 0.001)


def test_a_lease_that_never_was_is_made_by_rank() -> None:
    rig = Rig(replace(TERMS, rank=1))
    assert rig.poll(0.0) is None
    assert rig.write(RANK_SECONDS).create


def test_a_lease_that_vanished_is_made_by_rank_after_its_duration() -> None:
    rig = Rig(replace(TERMS, rank=1))
    rig.see(theirs(), at=0.0)
    rig.poll(0.0)
    rig.gone(1.0)
    assert rig.poll(1.0 + L + RANK_SECONDS - 0.001) is None
    assert rig.write(1.0 + L + RANK_SECONDS + 0.001).create


def test_what_changes_while_it_is_free_does_not_change_who_is_next() -> None:
    rig = Rig(replace(TERMS, rank=4))
    rig.see(theirs(holder=""), at=0.0)
    rig.poll(0.0)
    rig.terms = replace(TERMS, rank=1)  # three of the favourites are gone
    assert rig.due(0.1) == pytest.approx(RANK_SECONDS)
    rig.write(0.1)


def test_who_held_it_makes_it_again_at_once_whatever_its_rank() -> None:
    rig = Rig()
    rig.hold()
    rig.terms = replace(TERMS, rank=5)
    rig.gone(1.0)
    assert rig.write(1.0).create


def test_a_restarted_process_resumes_whatever_its_rank() -> None:
    rig = Rig(replace(TERMS, rank=5))
    rig.see(theirs(holder="a", holding=HERE), at=0.0)
    rig.write(0.0)


@pytest.mark.parametrize(
    ("before", "predecessor"),
    [
        (theirs(), Kind.OURS),
        (theirs(holding=None), Kind.STRANGER),
        (theirs(holder="", holding=None), Kind.STRANGER),
        (theirs(holder=""), Kind.OURS),
        (theirs(holder="a"), Kind.NOBODY),
    ],
)
def test_from_whom_it_was_taken(before: LeaseRecord, predecessor: Kind) -> None:
    rig = Rig()
    rig.see(before, at=0.0)
    rig.write(L)
    assert rig.elector.predecessor.kind is predecessor


def test_a_take_whose_answer_was_lost_has_a_predecessor_too() -> None:
    rig = Rig()
    rig.see(theirs(holder="", holding=None), at=0.0)
    taken = rig.stored(rig.write(0.0))
    rig.refuse(Refusal.UNAVAILABLE, 5.0)
    rig.elector.observe(taken, BOOT + 5.1)
    rig.accept(rig.write(5.1), at=5.2)
    assert rig.answers(5.2)
    assert rig.elector.predecessor.kind is Kind.STRANGER


# Rule 8


def test_an_older_view_changes_nothing() -> None:
    rig = Rig()
    older = rig.see(theirs(), at=0.0)
    rig.see(theirs(holder="", duration_seconds=1), at=1.0)
    mine = rig.hold(1.0)
    rig.elector.observe(older, BOOT + 2.0)
    rig.elector.observe(None, BOOT + 2.0, version=older.resource_version)
    assert rig.elector.record == mine
    assert rig.answers(2.0)


def test_a_conflict_asks_who_won() -> None:
    rig = Rig()
    rig.hold()
    rig.write(2.0)
    rig.refuse(Refusal.CONFLICT, 2.1)
    assert rig.poll(2.1) == ReadLease(NAME, renewal=True)
    rig.elector.read(theirs(resource_version="9"), None, BOOT + 2.2)
    assert not rig.answers(2.2)
    assert rig.poll(2.2 + L - 0.001) is None


def test_a_read_wins_over_a_seemingly_newer_view() -> None:
    rig = Rig()
    _asks_who_won(rig)
    rig.elector.read(theirs(resource_version="0", holder=""), None, BOOT + L + 0.2)
    assert rig.elector.record is not None
    assert rig.elector.record.holder == ""


def test_what_was_seen_since_a_read_was_asked_for_wins_over_it() -> None:
    rig = Rig()
    before = _asks_who_won(rig)
    released = rig.see(theirs(holder="", duration_seconds=1), at=L + 0.1)
    rig.elector.read(before, None, BOOT + L + 0.2)
    assert rig.elector.record == released
    rig.elector.read(None, None, BOOT + L + 0.2)
    assert rig.elector.record == released


def _asks_who_won(rig: Rig) -> LeaseRecord:
    """A take of what ran out was refused, and a read is under way; how the Lease was."""
    before = rig.see(theirs(), at=0.0)
    rig.write(L)
    rig.refuse(Refusal.CONFLICT, L)
    assert rig.poll(L) == ReadLease(NAME)
    return before


def test_a_read_without_an_answer_is_tried_again() -> None:
    rig = Rig()
    rig.write(0.0)
    rig.refuse(Refusal.CONFLICT, 0.1)
    assert rig.poll(0.1) == ReadLease(NAME)
    rig.elector.read(None, Refusal.UNAVAILABLE, BOOT + 0.2)
    assert rig.poll(0.3) is None
    assert rig.due(0.3) == pytest.approx(2.2)
    assert rig.poll(2.2001) == ReadLease(NAME)


def test_a_write_is_conditional_and_keeps_what_others_put_there() -> None:
    rig = Rig()
    known = rig.see(theirs(holder=""), at=0.0)
    known.raw["metadata"]["labels"] = {"theirs": "kept"}
    known.raw["spec"]["strategy"] = "OldestEmulationVersion"
    body = rig.write(0.0).body
    assert body["metadata"]["resourceVersion"] == known.resource_version
    assert body["metadata"]["labels"] == {"theirs": "kept"}
    assert body["spec"]["strategy"] == "OldestEmulationVersion"


def test_a_put_of_what_is_missing_becomes_a_post() -> None:
    rig = Rig()
    rig.hold()
    rig.write(2.0)
    rig.refuse(Refusal.MISSING, 2.1)
    assert not rig.answers(2.1)
    assert rig.write(3.0).create


@pytest.mark.parametrize("why", [Refusal.DENIED, Refusal.INVALID])
def test_a_write_that_is_not_allowed_is_said_and_tried_again(why: Refusal) -> None:
    rig = Rig()
    rig.write(0.0)
    rig.refuse(why, 0.1)
    assert NAME in rig.elector.problem
    assert rig.poll(2.0) is None
    if why is Refusal.DENIED:  # as after no answer, somebody may have it by now
        assert rig.poll(2.1001) == ReadLease(NAME)
        rig.elector.read(None, None, BOOT + 2.15)
    rig.accept(rig.write(2.2), at=2.3)
    assert rig.elector.problem == ""


def test_who_is_denied_leaves_what_ran_out_to_its_holder_for_one_attempt() -> None:
    rig = Rig()
    before = rig.see(theirs(), 0.0)
    assert rig.poll(L) is not None
    rig.refuse(Refusal.DENIED, L + 0.1)
    assert rig.poll(L + 2.2) == ReadLease(NAME)
    rig.elector.read(before, None, BOOT + L + 2.3)
    assert rig.poll(L + 2.4) is None


def test_a_namespace_that_does_not_exist_is_said_and_waited_for() -> None:
    rig = Rig()
    assert rig.write(0.0).create
    rig.refuse(Refusal.MISSING, 0.1)
    assert "namespace does not exist" in rig.elector.problem
    assert rig.poll(2.0) is None
    rig.accept(rig.write(2.1001), at=2.2)
    assert rig.elector.problem == ""


# Rule 9


def test_a_restarted_process_resumes_its_own_lease_by_a_write() -> None:
    rig = Rig()
    rig.see(theirs(holder="a", holding=HERE), at=0.0)
    assert not rig.answers(0.0)
    renewal = rig.write(0.0)
    assert renewal.body["spec"]["leaseTransitions"] == 4
    rig.accept(renewal, at=0.1)
    assert rig.answers(0.1)


@pytest.mark.parametrize(
    "holding",
    [replace(HERE, boot="an earlier one"), replace(HERE, netns=8), None],
    ids=["another boot", "another network namespace", "a stranger of our name"],
)
def test_our_name_alone_makes_no_lease_ours(holding: Holding | None) -> None:
    rig = Rig()
    rig.see(theirs(holder="a", holding=holding), at=0.0)
    assert rig.poll(L - 0.001) is None
    rig.write(L)


# Rule 12


def test_silence_comes_with_the_wish_and_the_release_after_it() -> None:
    rig = Rig()
    rig.hold()
    rig.elector.want(Wish.RELEASE)
    assert not rig.answers(0.5)
    spec = rig.write(0.5).body["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == ("", 1)
    assert spec["leaseTransitions"] == 0


def test_a_release_is_owed_until_it_is_accepted() -> None:
    rig = Rig()
    rig.hold()
    rig.elector.want(Wish.RELEASE)
    assert rig.elector.busy(TERMS)
    rig.write(0.5)
    rig.refuse(Refusal.UNAVAILABLE, 0.6)
    assert rig.elector.busy(TERMS)
    assert rig.poll(1.0) is None, "tried again half a second later, not in a loop"
    rig.accept(rig.write(1.1), at=1.2)
    assert not rig.elector.busy(TERMS)
    assert rig.poll(60.0) is None


def test_what_somebody_else_has_by_now_is_not_released() -> None:
    rig = Rig()
    rig.hold()
    rig.see(theirs(), at=0.2)
    rig.elector.want(Wish.RELEASE)
    assert rig.poll(0.5) is None


def test_a_late_write_that_brings_an_unwanted_lease_is_undone() -> None:
    rig = Rig()
    take = rig.write(0.0)
    rig.refuse(Refusal.UNAVAILABLE, 5.0)
    rig.elector.want(Wish.RELEASE)
    assert rig.poll(5.0) is None
    rig.elector.observe(rig.stored(take), BOOT + 6.0)
    assert not rig.answers(6.0)
    assert rig.write(6.0).body["spec"]["holderIdentity"] == ""


def test_a_lease_whose_service_vanished_runs_out() -> None:
    rig = Rig()
    rig.hold()
    rig.elector.want(Wish.ABANDON)
    assert not rig.answers(0.5)
    assert rig.poll(60.0) is None


def test_a_change_of_mind_needs_a_new_write() -> None:
    rig = Rig()
    rig.hold()
    rig.elector.want(Wish.ABANDON)
    rig.elector.want(Wish.HOLD)
    assert not rig.answers(0.5)
    rig.accept(rig.write(1.0), at=1.1)
    assert rig.answers(1.1)
