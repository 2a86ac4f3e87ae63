"""What is known of a Lease: its age on the own clock, and whose it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.known_lease import KnownLease
from l2announcer.core.model import Wanted
from tests.unit.core.election_rig import HERE, TERMS, L, theirs

NEVER = float("-inf")


def known(at: float = 0.0, **fields: object) -> KnownLease:
    lease = KnownLease()
    lease.seen(theirs(**fields), at, restored=False)  # type: ignore[arg-type]
    return lease


def test_its_age_counts_from_the_last_change_that_was_seen() -> None:
    lease = known()
    assert lease.held_until == L
    assert not lease.seen(theirs(), 5.0, restored=False), "nothing that a client compares"
    assert (lease.held_until, lease.learnt_at) == (L, 5.0)
    assert lease.seen(theirs(renewed=3.0), 6.0, restored=False)
    assert lease.held_until == 6.0 + L


def test_one_that_was_released_is_free_since_then() -> None:
    lease = known(7.0, holder="")
    assert lease.held_until == NEVER
    assert lease.free_at(NEVER, TERMS) == 7.0


def test_who_had_it_last_is_remembered() -> None:
    lease = known()
    lease.seen(theirs(renewed=1.0, holder=""), 1.0, restored=False)
    assert lease.last_holder == "b"


@pytest.mark.parametrize(("own", "vacant_at"), [(False, 4.0 + L), (True, NEVER)])
def test_one_that_vanished_is_waited_for_by_all_but_its_holder(own: bool, vacant_at: float) -> None:
    lease = known()
    lease.gone(4.0, version="9", own=own)
    assert lease.record is None
    assert lease.version == "9"
    assert lease.held_until == lease.free_at(NEVER, TERMS) == vacant_at
    assert lease.vanished == theirs().holding


def test_a_released_one_that_vanished_is_nobodys() -> None:
    lease = known(holder="")
    lease.gone(4.0, version="", own=False)
    assert lease.held_until == NEVER
    assert lease.version == theirs().resource_version


def test_it_is_ours_by_name_boot_and_namespace() -> None:
    assert known(holder="a", holding=HERE).ours(TERMS)
    others = [
        theirs(holder="b", holding=HERE),
        theirs(holder="a", holding=None),
        theirs(holder="a", holding=replace(HERE, boot="another")),
        theirs(holder="a", holding=replace(HERE, netns=8)),
    ]
    for record in others:
        lease = KnownLease()
        lease.seen(record, 0.0, restored=False)
        assert not lease.ours(TERMS)


def test_what_a_restored_store_shows_is_not_ours() -> None:
    lease = KnownLease()
    lease.seen(theirs(holder="a", holding=HERE), 0.0, restored=True)
    assert not lease.ours(TERMS)


def test_one_that_was_given_to_us_waits_for_us_alone() -> None:
    gift = theirs(holder="a", duration_seconds=1, wanted=Wanted("a", 3))
    lease = KnownLease()
    lease.seen(gift, 0.0, restored=False)
    assert lease.given(TERMS)
    assert not lease.given(replace(TERMS, node="c"))


def test_whose_attempt_got_no_answer_leaves_the_holder_one_after_the_outage() -> None:
    lease = known()
    assert lease.free_at(NEVER, TERMS) == L
    attempt_seconds = TERMS.renew_seconds + TERMS.request_seconds
    assert lease.free_at(60.0, TERMS) == 60.0 + attempt_seconds
