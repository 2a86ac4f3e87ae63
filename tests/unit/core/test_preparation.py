"""A Service is read, and its addresses listened for, before its Lease is asked for."""

from __future__ import annotations

from ipaddress import ip_address
from math import inf

from l2announcer.core.model import Announcement
from l2announcer.core.preparation import (
    HOLDS_SECONDS,
    READ_AGAIN_SECONDS,
    READ_RETRY_SECONDS,
    Preparation,
)

ONE = Announcement(ip_address("192.0.2.1"), "eth0")
TWO = Announcement(ip_address("2001:db8::1"), "eth0")


def prepared(at: float = 0.0) -> Preparation:
    preparation = Preparation()
    preparation.active = True
    preparation.want([ONE])
    assert preparation.take_read(at)
    preparation.read(answered=True, now=at + 1)
    return preparation


def test_nothing_is_done_before_it_is_wanted() -> None:
    preparation = Preparation()
    preparation.want([ONE])
    assert not preparation.take_read(0.0)
    assert (preparation.watched, preparation.wake_at) == ([], inf)


def test_it_is_ready_when_the_read_was_answered() -> None:
    preparation = Preparation()
    preparation.active = True
    preparation.want([ONE])
    assert preparation.watched == [ONE]
    assert preparation.wake_at < 0.0
    assert preparation.take_read(0.0)
    assert not preparation.take_read(0.0)
    assert not preparation.ready(0.5)
    preparation.read(answered=True, now=1.0)
    assert preparation.ready(1.0)
    assert preparation.take(1.0) == {ONE}
    assert preparation.watched == []


def test_a_read_without_an_answer_is_made_again() -> None:
    preparation = Preparation()
    preparation.active = True
    preparation.want([ONE])
    preparation.take_read(0.0)
    preparation.read(answered=False, now=1.0)
    assert not preparation.ready(1.0)
    assert preparation.wake_at == 1.0 + READ_RETRY_SECONDS
    assert preparation.take_read(1.0 + READ_RETRY_SECONDS)


def test_it_does_not_hold_for_ever() -> None:
    preparation = prepared()
    assert preparation.wake_at == READ_AGAIN_SECONDS
    assert preparation.ready(HOLDS_SECONDS - 0.1)
    assert not preparation.ready(HOLDS_SECONDS)
    assert preparation.take(HOLDS_SECONDS) == frozenset()


def test_what_joins_is_read_for() -> None:
    preparation = prepared()
    preparation.want([ONE, TWO])
    assert not preparation.ready(1.0)
    assert set(preparation.watched) == {ONE, TWO}
    assert preparation.take_read(1.0)
    preparation.read(answered=True, now=1.1)
    assert preparation.ready(1.1)


def test_what_was_read_for_once_is_nothing_when_it_is_wanted_again() -> None:
    preparation = prepared()
    preparation.active = False
    preparation.want([ONE])
    preparation.active = True
    preparation.want([ONE])
    assert not preparation.ready(1.0)


def test_a_read_that_ends_after_the_preparation_counts_for_nothing() -> None:
    preparation = Preparation()
    preparation.active = True
    preparation.want([ONE])
    preparation.take_read(0.0)
    assert preparation.take(0.5) == frozenset()
    preparation.read(answered=True, now=1.0)
    preparation.active = True
    preparation.want([ONE])
    assert not preparation.ready(1.0)
