"""Company: who leads a group, what a node does about each Lease, and what it takes to answer."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from l2announcer.core.company import (
    Company,
    Lead,
    Part,
    lead,
    left_because,
    part,
    terms_of,
)
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import Refusal
from l2announcer.core.hold_over import Interruption
from l2announcer.core.lease import decode
from l2announcer.core.model import Holding, LeaseRecord
from l2announcer.core.predecessor import NOBODY, Kind, Predecessor
from l2announcer.core.tenure import Tenure
from l2announcer.core.terms import Terms

HERE = Holding(boot="boot-a", netns=7)
TERMS = Terms(node="a", namespace="kube-system", holding=HERE, holds_over=True)


def elector(name: str, holder: str = "", *, until: float = -inf, **fields: Any) -> Elector:
    """One whose Lease somebody has from 0.0 to 15.0; nobody where `holder` is empty."""
    found = Elector(name)
    found.want(Wish.HOLD)
    if holder:
        record = LeaseRecord(
            name=name, resource_version="1", holder=holder, duration_seconds=15, **fields
        )
        found.observe(record, 0.0)
    found.tenure.until = until
    return found


def held(name: str, at: float = 0.0) -> Elector:
    """One that this node took and holds."""
    found = Elector(name)
    found.want(Wish.HOLD)
    write = found.poll(at, at, TERMS)
    assert write is not None
    body = dict(write.body)  # type: ignore[union-attr] # it's a write
    body["metadata"] = {**body["metadata"], "resourceVersion": "1"}
    found.written(decode(body), at)
    return found


@pytest.mark.parametrize(
    ("holders", "now", "expected"),
    [
        ((), 1.0, Lead()),
        (("", ""), 1.0, Lead()),
        (("b", "c"), 1.0, Lead(holder="b", first=0)),
        (("", "c"), 1.0, Lead(holder="c", first=1)),
        (("b", "c"), 15.0, Lead()),
        (("", "own"), 1.0, Lead(holder="a", first=1, own=True)),
        (("b", "own"), 1.0, Lead(holder="b", first=0)),
        (("b", "own"), 15.0, Lead(holder="a", first=1, own=True)),
    ],
)
def test_who_leads(holders: tuple[str, ...], now: float, expected: Lead) -> None:
    electors = [
        held(str(place)) if holder == "own" else elector(str(place), holder)
        for place, holder in enumerate(holders)
    ]
    assert lead(electors, now, TERMS) == expected


def test_a_lease_in_our_name_that_we_did_not_write_is_not_our_lead() -> None:
    other = replace(HERE, boot="another")
    assert not lead([elector("0", "a", holding=other)], 1.0, TERMS).own


@pytest.mark.parametrize(
    ("lead", "room", "parts"),
    [
        (Lead(), True, (Part.TAKE, Part.LEAVE, Part.LEAVE)),
        (Lead("a", 0, own=True), True, (Part.TAKE_AT_ONCE,) * 3),
        (Lead("a", 2, own=True), True, (Part.TAKE_AT_ONCE,) * 3),
        (Lead("a", 0, own=True), False, (Part.LEAVE,) * 3),
        (Lead("b", 0), True, (Part.TAKE, Part.LEAVE, Part.LEAVE)),
        (Lead("b", 1), True, (Part.TAKE_LATER, Part.TAKE, Part.LEAVE)),
    ],
)
def test_what_is_done_about_each(lead: Lead, *, room: bool, parts: tuple[Part, ...]) -> None:
    assert tuple(part(lead, place, room=room) for place in range(3)) == parts


def test_the_leader_goes_first_and_who_would_replace_it_last() -> None:
    terms = replace(TERMS, rank=3)
    ranks = [terms_of(each, terms).rank for each in (None, *Part)]
    assert ranks == [3, 3, 0, 4, 3]


def test_it_is_said_why_all_are_left() -> None:
    electors = [elector("x", "b"), elector("y")]
    assert left_because(Lead("a", 0, own=True), electors, room=True) == ""
    assert "Lease x is held by b" in left_because(Lead("b", 0), electors, room=True)
    assert "Lease x is to be taken first" in left_because(Lead(), electors, room=True)
    assert "no room for all 2" in left_because(Lead("a", 0, own=True), electors, room=False)


def test_alone_it_is_what_its_elector_is() -> None:
    one = elector("x", until=10.0)
    company = Company([one])
    assert company.right is one.tenure
    assert company.predecessor == NOBODY
    assert company.why_not(0.0, TERMS) == ""


def test_the_right_is_that_of_all() -> None:
    one, two = elector("x", until=10.0), elector("y", "b", until=20.0)
    company = Company([one, two])
    assert company.right.valid(9.9)
    assert not company.right.valid(10.0)
    assert company.why_not(10.0, TERMS).endswith("Lease x is still to be taken")
    two.tenure.void()
    assert not company.right.valid(0.0)
    assert company.why_not(0.0, TERMS).endswith("Lease y is held by b")


def test_a_problem_of_any_is_the_reason() -> None:
    one = held("x")
    two = Elector("y")
    two.want(Wish.HOLD)
    two.poll(0.0, 0.0, TERMS)
    two.refused(Refusal.DENIED, 0.0)
    assert "refuses writes of Lease y" in Company([one, two]).why_not(1.0, TERMS)


def test_it_was_renewed_when_the_last_was() -> None:
    one, two = elector("x"), elector("y")
    one.renewed_at, two.renewed_at = 3.0, 2.0
    assert Company([one, two]).renewed_at == 2.0


@pytest.mark.parametrize(
    ("kinds", "worst"),
    [
        ((Kind.NOBODY, Kind.NOBODY), Kind.NOBODY),
        ((Kind.GIVER, Kind.NOBODY), Kind.GIVER),
        ((Kind.GIVER, Kind.OURS), Kind.OURS),
        ((Kind.OURS, Kind.STRANGER), Kind.STRANGER),
    ],
)
def test_the_predecessor_is_the_worst_of_all(kinds: tuple[Kind, Kind], worst: Kind) -> None:
    electors = [elector("x"), elector("y")]
    for each, kind in zip(electors, kinds, strict=True):
        macs = frozenset() if kind is Kind.NOBODY else frozenset({kind.value})
        each.predecessor = Predecessor(kind, macs)
    found = Company(electors).predecessor
    assert found.kind is worst
    assert found.macs == {kind.value for kind in kinds if kind is not Kind.NOBODY}


def away(name: str) -> Elector:
    """One that this node holds, and whose renewal got no answer."""
    found = held(name)
    found.poll(2.0, 2.0, TERMS)
    found.refused(Refusal.UNAVAILABLE, 2.5)
    return found


def test_what_was_held_over_comes_back_once_all_may() -> None:
    one, two = away("x"), away("y")
    company = Company([one, two])
    assert not company.returning(3.0, TERMS)
    one.tenure.void()
    assert company.returning(3.0, TERMS)
    company.come_back(3.0, TERMS)
    assert company.right.valid(3.9)
    assert company.right.holding_over
    assert not two.tenure.holding_over
    one.tenure.void()
    two.tenure.void()
    two.want(Wish.RELEASE)
    assert not company.returning(3.0, TERMS)


def test_an_interruption_of_any_counts() -> None:
    one, two = held("x"), held("y")
    company = Company([one, two])
    assert (company.interruptions, company.interruption) == (0, None)
    two.hold_over.interruptions = 2
    two.hold_over.interruption = Interruption.GAVE_WAY
    assert (company.interruptions, company.interruption) == (2, Interruption.GAVE_WAY)


def test_a_doubt_hurries_all() -> None:
    one, two = held("x"), held("y")
    Company([one, two]).hurry()
    assert one.wake_at(0.5, TERMS) == two.wake_at(0.5, TERMS) == 1.0


def test_tenures_are_never_copied() -> None:
    one, two = held("x"), held("y")
    parts: tuple[Tenure, ...] = Company([one, two]).right.parts
    assert parts[0] is one.tenure
    assert parts[1] is two.tenure
