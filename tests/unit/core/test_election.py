"""Every numbered rule at the top of core.election, by the history that it is there to prevent."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from l2announcer.core import lease
from l2announcer.core.effects import LeaseWrite, ReadLease
from l2announcer.core.election import HANDED_OUT_LIMIT, Elector, Predecessor, Wish
from l2announcer.core.facts import Refusal
from l2announcer.core.model import Holding, LeaseRecord
from l2announcer.core.terms import Terms

NAME = "cilium-l2announce-default-app1"
BOOT = 5_000.0  # the node's clock and Unix time at the start of every history
UNIX = 1_700_000_000.0
HERE = Holding(boot="boot-a", netns=7, macs=("02:00:00:00:00:0a",))
THERE = Holding(boot="boot-b", netns=7, macs=("02:00:00:00:00:0b",))
TERMS = Terms(node="a", namespace="kube-system", holding=HERE)
L = TERMS.duration_seconds


class Rig:
    """One Elector and the one Lease on an API server; seconds count from the start."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.terms = terms
        self.elector = Elector(NAME)
        self.elector.want(Wish.HOLD)
        self.version = 0
        self.wall_step = 0.0

    def poll(self, at: float) -> LeaseWrite | ReadLease | None:
        wall = UNIX + at + self.wall_step
        return self.elector.poll(BOOT + at, wall, self.terms)

    def write(self, at: float) -> LeaseWrite:
        call = self.poll(at)
        assert isinstance(call, LeaseWrite), call
        return call

    def stored(self, write: LeaseWrite) -> LeaseRecord:
        """What the API server keeps when it accepts the write."""
        self.version += 1
        body = dict(write.body)
        body["metadata"] = {**body["metadata"], "resourceVersion": str(self.version)}
        return lease.decode(body)

    def accept(self, write: LeaseWrite, at: float) -> LeaseRecord:
        record = self.stored(write)
        self.elector.written(record, BOOT + at)
        return record

    def hold(self, at: float = 0.0) -> LeaseRecord:
        """Take the Lease with an answer in no time."""
        return self.accept(self.write(at), at)

    def see(self, record: LeaseRecord, at: float) -> LeaseRecord:
        """Another client wrote this, and the watch says so."""
        self.version += 1
        record = replace(record, resource_version=str(self.version))
        record = replace(record, raw=_body(record))
        self.elector.observe(record, BOOT + at)
        return record

    def gone(self, at: float) -> None:
        self.version += 1
        self.elector.observe(None, BOOT + at, version=str(self.version))

    def refuse(self, why: Refusal, at: float) -> None:
        self.elector.refused(why, BOOT + at)

    def answers(self, at: float) -> bool:
        return self.elector.tenure.valid(BOOT + at)

    def due(self, at: float) -> float:
        return self.elector.wake_at(BOOT + at, self.terms) - BOOT


def theirs(renewed: float = 0.0, **fields: Any) -> LeaseRecord:
    """A Lease that node b holds."""
    moment = lease.micro_time(int((UNIX + renewed) * 1_000_000))
    record = LeaseRecord(
        name=NAME,
        resource_version="",
        holder="b",
        duration_seconds=L,
        acquire_time=moment,
        renew_time=moment,
        transitions=4,
        holding=THERE,
    )
    return replace(record, **fields)


def _body(record: LeaseRecord) -> dict[str, Any]:
    found = lease.body(name=NAME, namespace="kube-system", read=None, record=record)
    found["metadata"]["resourceVersion"] = record.resource_version
    return found


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
    rig.write(0.0)
    rig.refuse(Refusal.UNAVAILABLE, 0.1)
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
    for number in range(2 * HANDED_OUT_LIMIT):
        rig.write(2.0 * number)
        rig.refuse(Refusal.UNAVAILABLE, 2.0 * number + 0.5)
    assert len(rig.elector._handed_out) == HANDED_OUT_LIMIT


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


@pytest.mark.parametrize(
    ("before", "predecessor"),
    [
        (theirs(), Predecessor.OURS),
        (theirs(holding=None), Predecessor.STRANGER),
        (theirs(holder="", holding=None), Predecessor.STRANGER),
        (theirs(holder=""), Predecessor.NOBODY),
        (theirs(holder="a"), Predecessor.NOBODY),
    ],
)
def test_from_whom_it_was_taken(before: LeaseRecord, predecessor: Predecessor) -> None:
    rig = Rig()
    rig.see(before, at=0.0)
    rig.write(L)
    assert rig.elector.predecessor is predecessor


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
    assert rig.poll(2.1) == ReadLease(NAME)
    rig.elector.read(theirs(resource_version="9"), None, BOOT + 2.2)
    assert not rig.answers(2.2)
    assert rig.poll(2.2 + L - 0.001) is None


def test_a_read_wins_over_a_seemingly_newer_view() -> None:
    rig = Rig()
    rig.see(theirs(), at=0.0)
    rig.elector.read(theirs(resource_version="0", holder=""), None, BOOT + 1.0)
    assert rig.elector.record is not None
    assert rig.elector.record.holder == ""


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
