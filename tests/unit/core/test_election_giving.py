"""Rule 16 of core.election: the writes by which a Lease is asked for, given, and taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core import lease
from l2announcer.core.effects import ReadLease
from l2announcer.core.election import Wish
from l2announcer.core.facts import Refusal
from l2announcer.core.lease import GIVEN_SECONDS
from l2announcer.core.model import LeaseRecord, Wanted
from l2announcer.core.predecessor import Kind, Predecessor
from tests.unit.core.election_rig import BOOT, HERE, TERMS, THERE, L, Rig, theirs

SHORT = replace(TERMS, duration_seconds=3, renew_seconds=1.0)


def asked(rig: Rig, node: str = "b", at: float = 1.0) -> LeaseRecord:
    """Another node writes its wish into our Lease."""
    known = rig.elector.record
    assert known is not None
    return rig.see(replace(known, wanted=Wanted(node, known.transitions)), at)


def giving(at: float = 1.0) -> Rig:
    rig = Rig()
    rig.hold()
    asked(rig, at=at)
    rig.elector.intent.give_to = "b"
    return rig


def gift(**fields: object) -> LeaseRecord:
    """Node b gave us its Lease."""
    given = theirs(holder="a", duration_seconds=GIVEN_SECONDS, transitions=5, wanted=Wanted("a", 4))
    return replace(given, **fields)  # type: ignore[arg-type]  # fields of a record


# Asking


def test_asking_for_it_is_no_change_to_others_and_no_claim() -> None:
    rig = Rig()
    known = rig.see(theirs(), at=0.0)
    assert rig.poll(1.0) is None
    rig.elector.intent.asks = True
    write = rig.write(1.0)
    stored = rig.accept(write, 1.1)
    assert (stored.spec, stored.holding, stored.wanted) == (known.spec, THERE, Wanted("a", 4))
    assert not write.create
    assert rig.poll(2.0) is None
    assert rig.due(2.0) == L
    assert not rig.answers(2.0)


def test_the_wish_of_another_stands_first() -> None:
    rig = Rig()
    rig.see(theirs(wanted=Wanted("c", 4)), at=0.0)
    rig.elector.intent.asks = True
    assert rig.poll(1.0) is None


def test_a_refused_wish_is_made_again_later_and_blocks_nothing() -> None:
    rig = Rig()
    rig.see(theirs(), at=0.0)
    rig.elector.intent.asks = True
    rig.write(1.0)
    rig.refuse(Refusal.CONFLICT, 1.1)
    assert rig.poll(1.2) is None
    rig.see(theirs(1.0, holder=""), at=1.3)
    assert rig.write(1.3).body["spec"]["holderIdentity"] == "a"


# Giving


def test_silent_first_then_given_under_another_count() -> None:
    rig = giving()
    assert rig.answers(1.0)
    write = rig.write(1.0)
    assert not rig.answers(1.0)
    given = rig.accept(write, 1.1)
    assert (given.holder, given.duration_seconds, given.transitions) == ("b", GIVEN_SECONDS, 1)
    assert given.holding == HERE
    assert lease.given_to(given) == "b"
    assert write.renewal
    assert not rig.answers(1.2)


def test_who_gave_takes_it_again_only_when_it_ran_out() -> None:
    rig = giving()
    rig.accept(rig.write(1.0), 1.1)
    rig.elector.intent.give_to = ""
    assert rig.due(1.2) == pytest.approx(1.1 + GIVEN_SECONDS)
    assert rig.write(1.1 + GIVEN_SECONDS).body["spec"]["leaseTransitions"] == 2
    assert rig.elector.predecessor.kind is Kind.OURS


def test_a_gift_of_unknown_fate_is_read_about_and_stays_silent() -> None:
    rig = giving()
    rig.write(1.0)
    rig.refuse(Refusal.UNAVAILABLE, 6.0)
    assert not rig.answers(6.0)
    assert rig.elector.intent.declined == Wanted("b", 0)
    rig.elector.intent.give_to = ""
    read = rig.poll(7.0)
    assert isinstance(read, ReadLease)
    assert read.renewal
    rig.elector.read(rig.elector.record, None, BOOT + 7.1)
    assert not rig.answers(7.1)
    renewal = rig.write(7.1)
    assert not rig.answers(7.1)
    assert rig.accept(renewal, 7.2).wanted is None
    assert rig.answers(7.2)


def test_a_gift_that_lost_a_race_is_tried_again_on_what_stands() -> None:
    rig = giving()
    rig.write(1.0)
    rig.refuse(Refusal.CONFLICT, 1.1)
    assert isinstance(rig.poll(1.1), ReadLease)
    known = rig.elector.record
    assert known is not None
    rig.elector.read(replace(known, resource_version="77"), None, BOOT + 1.2)
    assert rig.write(1.2).body["spec"]["holderIdentity"] == "b"


def test_a_refused_gift_lets_the_holder_renew_at_once() -> None:
    rig = giving(at=1.5)
    rig.write(1.5)
    rig.refuse(Refusal.INVALID, 1.6)
    rig.elector.intent.give_to = ""
    rig.accept(rig.write(1.6), 1.7)
    assert rig.answers(1.7)


def test_who_stops_gives_instead_of_releasing() -> None:
    rig = giving()
    rig.elector.want(Wish.RELEASE)
    assert rig.write(1.0).body["spec"]["holderIdentity"] == "b"


def test_a_wish_in_the_lease_costs_the_holder_no_tenure() -> None:
    """L = 3: a wish meets a renewal, the API server is slow, and there is no gap."""
    rig = Rig(SHORT)
    rig.hold()
    rig.write(1.0)
    wish = asked(rig, at=1.0)
    rig.refuse(Refusal.CONFLICT, 1.5)
    assert isinstance(rig.poll(1.5), ReadLease)
    rig.elector.read(wish, None, BOOT + 2.0)
    rig.accept(rig.write(2.0), 2.5)
    assert rig.answers(2.5)
    assert rig.answers(4.6)


# Taking what was given


def test_a_gift_is_taken_at_once_and_the_count_stays() -> None:
    rig = Rig()
    rig.see(theirs(), at=0.0)
    given = rig.see(gift(), at=1.0)
    write = rig.write(1.0)
    assert write.renewal
    assert not rig.answers(1.0)
    taken = rig.accept(write, 1.2)
    assert (taken.holder, taken.duration_seconds, taken.transitions) == ("a", L, 5)
    assert taken.wanted is None
    assert lease.unix_microseconds(taken.renew_time) >= 1_000_000 + lease.unix_microseconds(
        given.renew_time
    )
    assert rig.answers(1.0 + 0.9 * L - 0.001)
    assert not rig.answers(1.0 + 0.9 * L)
    assert rig.elector.predecessor == Predecessor(Kind.GIVER, frozenset(THERE.macs))


def test_a_gift_is_taken_at_once_also_by_who_just_gave_it() -> None:
    rig = giving()
    rig.accept(rig.write(1.0), 1.1)
    rig.elector.intent.give_to = ""
    rig.see(gift(transitions=2, wanted=Wanted("a", 1)), at=1.2)
    rig.write(1.2)
    rig.refuse(Refusal.UNAVAILABLE, 1.3)
    assert rig.poll(1.4) is None
    rig.accept(rig.write(1.8), 1.8)
    assert rig.answers(1.8)


def test_nothing_is_answered_on_the_gift_alone() -> None:
    rig = Rig()
    rig.see(gift(), at=0.0)
    rig.write(0.0)
    rig.refuse(Refusal.CONFLICT, 0.5)
    assert not rig.answers(0.5)


@pytest.mark.parametrize(
    "fields", [{"wanted": None}, {"holding": None}, {"wanted": Wanted("a", 5)}]
)
def test_what_names_us_but_is_no_gift_is_waited_for(fields: dict[str, object]) -> None:
    rig = Rig()
    rig.see(gift(**fields), at=0.0)
    assert rig.poll(0.5) is None


def test_the_gift_to_another_runs_out_like_any_lease() -> None:
    rig = Rig()
    rig.see(gift(holder="c", wanted=Wanted("c", 4)), at=0.0)
    assert rig.poll(GIVEN_SECONDS - 0.01) is None
    write = rig.write(GIVEN_SECONDS)
    assert write.body["spec"]["leaseTransitions"] == 6
    assert rig.elector.predecessor.kind is Kind.OURS
