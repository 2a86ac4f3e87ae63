"""What is expected of whoever had the Lease before."""

from __future__ import annotations

from dataclasses import replace

from l2announcer.core.model import LeaseRecord
from l2announcer.core.predecessor import NOBODY, Kind, Predecessor, predecessor
from tests.unit.core.election_rig import THERE, theirs

OURS = Predecessor(Kind.OURS, frozenset(THERE.macs))


def test_one_of_ours_is_known_by_its_macs_also_when_it_released() -> None:
    assert predecessor(theirs(), THERE, "a") == OURS
    assert predecessor(theirs(holder=""), THERE, "a") == OURS


def test_a_stranger_left_nothing_to_know_it_by() -> None:
    assert predecessor(theirs(holding=None), None, "a").kind is Kind.STRANGER


def test_it_was_ours_or_nobody_s() -> None:
    assert predecessor(replace(theirs(), holder="a"), THERE, "a") is NOBODY
    assert predecessor(LeaseRecord(name="x", resource_version=""), None, "a") is NOBODY
