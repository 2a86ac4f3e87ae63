"""A store that was restored from a backup: Leases are found as they once were (rule 8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.effects import ReadLease
from l2announcer.core.election import Wish
from l2announcer.core.facts import Refusal
from l2announcer.core.model import Holding, LeaseRecord
from l2announcer.core.predecessor import Kind
from tests.unit.core.election_rig import BOOT, HERE, THERE, L, Rig, theirs


def found(rig: Rig, record: LeaseRecord | None, at: float) -> None:
    """A list that was asked for only now says so."""
    version = record.resource_version if record else "1"
    rig.elector.observe(record, BOOT + at, version=version, consistent=True)


def test_an_own_older_write_costs_nothing_while_the_tenure_lasts() -> None:
    rig = Rig()
    first = rig.hold()
    for at in (2.0, 4.0, 6.0):
        rig.accept(rig.write(at), at)
    found(rig, first, at=7.0)
    assert rig.answers(7.0)
    renewal = rig.write(8.0)
    assert renewal.renewal
    assert renewal.body["metadata"]["resourceVersion"] == first.resource_version
    assert renewal.body["spec"]["leaseTransitions"] == first.transitions
    rig.accept(renewal, 8.1)
    assert rig.answers(8.0 + 0.9 * L - 0.001)


def test_an_own_older_write_is_found_by_a_read_too() -> None:
    rig = Rig()
    first = rig.hold()
    rig.accept(rig.write(2.0), 2.0)
    rig.write(4.0)
    rig.refuse(Refusal.CONFLICT, 4.1)
    assert rig.poll(4.1) == ReadLease(rig.elector.name, renewal=True)
    rig.elector.read(first, None, BOOT + 4.2)
    assert rig.answers(4.2)
    assert rig.write(6.0).renewal


def test_after_the_tenure_an_own_older_write_is_a_strangers() -> None:
    """Somebody may have taken the Lease in the history that is lost, and may answer still."""
    rig = Rig()
    first = rig.hold()
    rig.accept(rig.write(2.0), 2.0)
    found(rig, first, at=20.0)
    assert not rig.answers(20.0)
    assert rig.poll(20.0 + L - 0.001) is None
    take = rig.write(20.0 + L)
    assert take.body["spec"]["leaseTransitions"] == first.transitions + 1
    assert rig.elector.predecessor.kind is Kind.OURS
    rig.accept(take, 20.1 + L)
    assert rig.answers(20.2 + L)
    assert rig.write(22.1 + L).renewal


def test_who_had_it_before_its_holder_waits_and_the_holder_is_silent() -> None:
    """The backup names b; a took the Lease since. Both find out by their lists."""
    before = theirs(resource_version="3")
    a, b = Rig(), Rig(terms=replace(Rig().terms, node="b", holding=THERE))
    for rig in (a, b):
        rig.elector.observe(before, BOOT)
    a.version = b.version = 10
    taken = a.accept(a.write(L), L)
    b.elector.observe(taken, BOOT + L)
    found(a, before, at=L + 1)
    assert not a.answers(L + 1)
    found(b, before, at=L + 1)
    assert b.poll(2 * L + 1 - 0.001) is None
    assert not b.write(2 * L + 1).renewal


def test_what_names_this_node_and_is_not_wanted_is_left_to_run_out() -> None:
    rig = Rig()
    first = rig.hold()
    rig.elector.want(Wish.RELEASE)
    rig.accept(rig.write(1.0), 1.0)
    found(rig, first, at=2.0)
    assert rig.poll(2.0) is None
    assert not rig.elector.busy(rig.terms)


def test_what_anybody_wrote_after_the_restoration_counts_as_ever() -> None:
    rig = Rig()
    first = rig.hold()
    rig.see(theirs(), at=1.0)
    rig.see(theirs(renewed=2.0), at=2.0)
    found(rig, first, at=3.0)
    mine = replace(first, resource_version="2", transitions=9, holding=HERE)
    rig.elector.observe(mine, BOOT + 4.0)
    assert rig.write(5.0).renewal


def test_a_lease_that_the_backup_does_not_have_is_made_again_by_its_holder() -> None:
    rig = Rig()
    rig.hold()
    found(rig, None, at=1.0)
    assert not rig.answers(1.0)
    again = rig.write(1.0)
    assert again.create
    rig.accept(again, 1.1)
    assert rig.answers(1.1)


@pytest.mark.parametrize("holding", [THERE, None])
def test_another_incarnation_of_this_node_is_no_own_write(holding: Holding | None) -> None:
    rig = Rig()
    first = rig.hold()
    rig.accept(rig.write(2.0), 2.0)
    found(rig, replace(first, holding=holding, transitions=7), at=3.0)
    assert not rig.answers(3.0)
