"""Holding and losing a Lease: what a node answers for in each history, and until when."""

from __future__ import annotations

from itertools import pairwise

import pytest

from l2announcer.core import lease
from l2announcer.core.budget import LONGER
from l2announcer.core.candidacy import State
from l2announcer.core.controller import CONTROLLER_LEASE
from l2announcer.core.effects import (
    LeaseWrite,
    Message,
    ReadLease,
)
from l2announcer.core.facts import (
    Gone,
    Listed,
    Refusal,
    Resign,
    Seen,
)
from l2announcer.core.model import Key, Kind
from tests.scenarios.driver import NODE
from tests.scenarios.history import (
    BLUE,
    HERE,
    LEASE,
    TENURE,
    L,
    Node,
    R,
    service,
)

# Renewing


def test_one_renewal_every_interval_and_nothing_more(node: Node) -> None:
    begun = node.announcer.contests[LEASE].elector.tenure.until - TENURE
    node.until(begun + 21)
    times = [begun, *(at for at, _ in node.about())]
    (interval,) = {round(after - before, 6) for before, after in pairwise(times)}
    assert R <= interval < R * (1 + LONGER)
    writes = [call for _, call in node.about() if isinstance(call, LeaseWrite)]
    assert len(writes) == 10
    assert all(write.renewal and not write.create for write in writes)
    assert {write.body["spec"]["leaseTransitions"] for write in writes} == {0}
    others = [call for _, call in node.calls if getattr(call, "name", "") != LEASE]
    assert {getattr(call, "name", "") for call in others} == {CONTROLLER_LEASE}
    assert [frame.message for frame in node.frames].count(Message.PROBE) == 1
    assert node.answered == HERE


def test_without_an_answer_it_is_silent_nine_tenths_of_the_lease_after_the_last_hand_out(
    node: Node,
) -> None:
    node.settle(5)
    handed_out_at = node.handed_out_at
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.until(handed_out_at + TENURE - 0.001)
    assert node.answered == HERE
    node.until(handed_out_at + TENURE)
    assert node.answered == set()
    state, why = node.state(BLUE)
    assert state is State.CANDIDATE
    assert why == f"no answer from the API server to a write of Lease {LEASE}"


def test_it_keeps_trying_and_comes_back_with_the_first_accepted_write(node: Node) -> None:
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.settle(30)
    node.frames.clear()
    assert node.answered == set()
    del node.refuse[LEASE]
    node.settle(1.1)
    assert node.answered == HERE
    assert [frame.message for frame in node.frames] == [Message.PROBE, Message.ANNOUNCE]
    assert node.spec["leaseTransitions"] == 0, "it was ours all the time"


def test_no_more_than_one_write_a_second_also_when_it_is_refused(node: Node) -> None:
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.settle(40)
    instants = [at for at, _ in node.about()]
    assert min(b - a for a, b in pairwise(instants)) == pytest.approx(1.0)


@pytest.mark.parametrize("why", [Refusal.DENIED, Refusal.INVALID])
def test_a_refusal_is_told_and_the_tenure_runs_out(node: Node, why: Refusal) -> None:
    node.refuse[LEASE] = why
    handed_out_at = node.now
    node.settle(TENURE + R)
    assert node.answered == set()
    assert node.handed_out_at > handed_out_at, "it goes on trying"
    sentence = f"the API server refuses writes of Lease {LEASE}: {why.value}"
    assert node.state(BLUE)[1] == sentence


def test_a_write_whose_answer_was_lost_counts_from_its_own_hand_out(node: Node) -> None:
    node.lost.add(LEASE)
    node.settle(R)
    (lost_at, _), *_ = node.about()
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.show(lease.decode(node.leases[LEASE]))
    node.until(lost_at + TENURE - 0.001)
    assert node.answered == HERE
    node.until(lost_at + TENURE)
    assert node.answered == set()


def test_a_conflict_leads_to_one_read_and_a_write_on_what_it_found(node: Node) -> None:
    node.put_lease(LEASE)  # somebody adds a label: a new version, the spec unchanged
    node.calls.clear()
    node.settle(2 * R)
    kinds = [type(call) for _, call in node.about()]
    assert kinds[:3] == [LeaseWrite, ReadLease, LeaseWrite]
    assert kinds.count(ReadLease) == 1
    assert node.answered == HERE
    assert node.spec["holderIdentity"] == NODE


# Losing


def test_a_conflict_with_another_holder_silences(node: Node) -> None:
    node.held_by_other()
    node.settle(R)
    assert node.answered == set()
    assert node.state(BLUE) == (State.CANDIDATE, f"Lease {LEASE} is held by other")
    assert [type(call) for _, call in node.about()] == [LeaseWrite, ReadLease]


def test_another_holder_on_the_watch_silences_at_once(node: Node) -> None:
    node.show(node.held_by_other())
    assert node.answered == set()


def test_an_edit_by_hand_in_our_name_silences_until_a_write_is_accepted(node: Node) -> None:
    node.settle(3)
    node.show(node.put_lease(LEASE, leaseDurationSeconds=60))
    assert node.answered == set()
    node.settle(1.1)
    assert node.answered == HERE
    assert node.spec["leaseDurationSeconds"] == 15
    assert node.spec["leaseTransitions"] == 0


def test_a_stranger_that_writes_in_our_name_is_waited_for(node: Node) -> None:
    node.settle(3)
    edited_at = node.now
    node.show(node.put_lease(LEASE, renewTime="2099-01-01T00:00:00.000000Z"))
    assert node.answered == set()
    node.calls.clear()
    node.until(edited_at + L - 0.001)
    assert node.about() == []
    node.until(edited_at + L + 0.1)
    assert node.answered == HERE


def test_a_lease_deleted_by_hand_is_made_again_by_its_holder(node: Node) -> None:
    node.settle(3)
    del node.leases[LEASE]
    node.version += 1
    node.handle(Gone(Kind.LEASE, Key("kube-system", LEASE), str(node.version)))
    assert node.answered == set()
    node.settle(1.1)
    assert node.answered == HERE
    (_, made), *_ = node.about()[-1:]
    assert isinstance(made, LeaseWrite)
    assert node.holder(BLUE) == NODE


def test_a_renewal_of_a_deleted_lease_silences_and_makes_it_again(node: Node) -> None:
    del node.leases[LEASE]
    node.settle(R + 1.1)
    creations = [call.create for _, call in node.about() if isinstance(call, LeaseWrite)]
    assert creations[:2] == [False, True]
    assert node.answered == HERE


def test_what_a_list_no_longer_names_is_gone(node: Node) -> None:
    node.leases.clear()
    node.version += 1
    node.handle(Listed(Kind.LEASE, (), str(node.version)))
    assert node.answered == set()


def test_a_late_list_does_not_undo_our_own_write(node: Node) -> None:
    before = lease.decode(node.leases[LEASE])
    version = str(node.version)
    node.settle(R + 0.1)
    node.handle(Listed(Kind.LEASE, (before,), version))
    assert node.answered == HERE
    node.handle(Listed(Kind.LEASE, (), version))
    assert node.answered == HERE
    node.handle(Seen(Kind.LEASE, before), Gone(Kind.LEASE, Key("kube-system", LEASE), version))
    assert node.answered == HERE


def test_a_service_that_vanished_is_silent_and_its_lease_is_left_to_run_out(node: Node) -> None:
    node.calls.clear()
    node.gone(Kind.SERVICE, BLUE)
    node.settle(30)
    assert node.answered == set()
    assert node.about() == []
    assert node.holder(BLUE) == NODE


def test_one_that_comes_back_is_taken_up_again(node: Node) -> None:
    node.gone(Kind.SERVICE, BLUE)
    node.settle(3)
    node.see(service())
    assert node.answered == HERE
    assert node.spec["leaseTransitions"] == 0


def test_resign_is_silence_at_once_and_then_the_release(node: Node) -> None:
    node.handle(Resign())
    effects = node.poll()
    assert node.answered == set()
    assert effects.answers is not None
    assert effects.answers.places == {}
    assert not node.announcer.released
    node.carry_out(effects)
    node.settle(0.2)
    assert node.announcer.released
    assert node.spec["holderIdentity"] == ""
    assert node.spec["leaseDurationSeconds"] == 1
    assert node.leases[CONTROLLER_LEASE]["spec"]["holderIdentity"] == ""
    node.calls.clear()
    node.settle(60)
    assert node.calls == [], "one that stops contests nothing"
    assert node.state(BLUE)[0] is State.RESIGNED


def test_a_release_without_an_answer_is_tried_again(node: Node) -> None:
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.handle(Resign())
    node.settle(0.1)
    assert not node.announcer.released
    del node.refuse[LEASE]
    node.settle(3)
    assert node.announcer.released
    assert node.spec["holderIdentity"] == ""
