"""A few writes of kept Leases at once, and nothing that is answered for behind them."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from l2announcer.core.admission import Admission
from l2announcer.core.election import Elector, Wish
from l2announcer.core.hold_over import HoldOver
from l2announcer.core.model import LeaseRecord
from l2announcer.core.node_right import NodeRight
from l2announcer.core.tenure import Tenure
from tests.unit.core.election_rig import TERMS

KEPT = replace(TERMS, node_leases=True, right=NodeRight(1, Tenure(inf), HoldOver()))


def wishing(name: str) -> Elector:
    elector = Elector(name)
    elector.want(Wish.HOLD)
    return elector


def test_who_finds_no_room_waits_and_is_named_when_there_is_some() -> None:
    admission = Admission(at_once=1)
    a, b, c = (wishing(name) for name in "abc")
    assert [admission.withholds(each, 0.0, KEPT) for each in (a, b, c)] == [False, True, True]
    assert admission.take_next() == []
    admission.leave("a")
    assert admission.take_next() == ["b"]
    assert not admission.withholds(b, 0.0, KEPT)
    assert admission.withholds(a, 0.0, KEPT)


def test_it_is_inside_until_its_write_has_an_outcome() -> None:
    admission = Admission(at_once=1)
    a, b = wishing("a"), wishing("b")
    admission.withholds(a, 0.0, KEPT)
    a.poll(0.0, 0.0, KEPT)
    assert not admission.withholds(a, 0.1, KEPT)
    assert admission.withholds(b, 0.1, KEPT)
    a.written(LeaseRecord(name="a", resource_version="1", holder="b", duration_seconds=9), 0.2)
    assert not admission.withholds(a, 0.2, KEPT)
    assert not admission.withholds(b, 0.2, KEPT)


def test_what_is_answered_for_never_waits() -> None:
    admission = Admission(at_once=0)
    a = wishing("a")
    a.tenure.until = inf
    assert not admission.withholds(a, 0.0, KEPT)


def test_leases_that_are_renewed_by_themselves_never_wait() -> None:
    admission = Admission(at_once=0)
    assert not admission.withholds(wishing("a"), 0.0, TERMS)
    assert admission.withholds(wishing("a"), 0.0, KEPT)
    assert not admission.withholds(wishing("a"), 0.0, TERMS)
    assert admission.take_next() == []
