"""A frame of our own that arrives says something only when it came by another interface."""

from __future__ import annotations

from l2announcer.core.facts import Overheard
from l2announcer.core.model import Link
from l2announcer.core.outcome import Outcome, overheard

MAC, SECOND = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
ETH0 = Link(index=2, name="eth0", mac=MAC)
OWN = {MAC: "eth0", SECOND: "eth1"}


def test_what_came_through_another_interface_joins_the_two() -> None:
    assert overheard(SECOND, OWN, ETH0) == Overheard(sender="eth1", receiver="eth0")


def test_what_came_back_to_where_it_left_says_nothing() -> None:
    assert overheard(MAC, OWN, ETH0) is None


def test_what_left_by_one_of_several_says_nothing() -> None:
    assert overheard(SECOND, {**OWN, SECOND: ""}, ETH0) is None


def test_reasons_are_words_for_metrics() -> None:
    assert all(outcome.value.replace("_", "").isalpha() for outcome in Outcome)
