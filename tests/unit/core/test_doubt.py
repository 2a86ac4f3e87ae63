"""Doubts: when a claim silences, what settles it, and how often it may be asked."""

from __future__ import annotations

from ipaddress import ip_address

from l2announcer.core.doubt import CHECK_INTERVAL_SECONDS, IGNORE_SECONDS, Doubts
from l2announcer.core.facts import Claimed
from l2announcer.core.model import Announcement

ONE = Announcement(ip_address("192.0.2.1"), "eth0")
TWO = Announcement(ip_address("192.0.2.2"), "eth0")
MAC, OTHER = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"


def claim(announcement: Announcement, mac: bytes, *, of_node: bool = False) -> Claimed:
    return Claimed(announcement.address, mac, announcement.interface, of_node=of_node)


def doubted(mac: bytes = MAC, now: float = 10.0, *, silent: bool = True) -> Doubts:
    doubts = Doubts()
    doubts.raise_(claim(ONE, mac), now, silent=silent)
    return doubts


def settled(doubts: Doubts, now: float) -> dict[Announcement, bytes]:
    """Read and renewed after it arose."""
    assert doubts.take_read()
    doubts.read(answered=True)
    return doubts.settle(renewed_at=now, now=now)


def test_an_announcement_silences_its_address_alone() -> None:
    doubts = doubted()
    assert doubts.silenced == {ONE}
    assert doubts.open


def test_a_probe_starts_the_check_without_silence_and_is_no_conflict() -> None:
    doubts = doubted(silent=False)
    assert doubts.silenced == set()
    assert doubts.open
    assert settled(doubts, 11.0) == {}
    assert not doubts.open


def test_an_announcement_after_a_probe_silences_while_it_is_checked() -> None:
    doubts = doubted(silent=False)
    doubts.raise_(claim(ONE, MAC), 10.1, silent=True)
    assert doubts.silenced == {ONE}


def test_both_a_later_renewal_and_a_read_are_needed() -> None:
    doubts = doubted(now=10.0)
    assert doubts.settle(renewed_at=11.0, now=11.0) == {}
    assert doubts.take_read()
    doubts.read(answered=True)
    assert doubts.settle(renewed_at=10.0, now=11.0) == {}, "handed out before the claim"
    assert doubts.settle(renewed_at=10.5, now=11.0) == {ONE: MAC}
    assert doubts.silenced == set()


def test_a_read_is_asked_for_once_and_again_when_it_was_not_answered() -> None:
    doubts = doubted()
    assert doubts.take_read()
    assert not doubts.take_read()
    doubts.read(answered=False)
    assert doubts.take_read()


def test_a_read_counts_only_for_doubts_that_were_there_when_it_was_asked_for() -> None:
    doubts = doubted()
    assert doubts.take_read()
    doubts.raise_(claim(TWO, MAC), 10.5, silent=True)
    doubts.read(answered=True)
    assert doubts.settle(renewed_at=11.0, now=11.0) == {ONE: MAC}
    assert doubts.silenced == {TWO}


def test_a_checked_station_is_ignored_for_a_while_and_others_are_not() -> None:
    doubts = doubted()
    settled(doubts, 11.0)
    doubts.raise_(claim(ONE, MAC), 11.0 + IGNORE_SECONDS - 0.1, silent=True)
    assert not doubts.open
    doubts.raise_(claim(ONE, OTHER), 12.0, silent=True)
    assert doubts.silenced == {ONE}
    settled(doubts, 12.5)
    doubts.raise_(claim(ONE, MAC), 11.0 + IGNORE_SECONDS, silent=True)
    assert doubts.silenced == {ONE}


def test_there_is_one_check_for_an_address_and_second() -> None:
    doubts = doubted(now=10.0)
    settled(doubts, 10.2)
    doubts.raise_(claim(ONE, OTHER), 10.0 + CHECK_INTERVAL_SECONDS - 0.1, silent=True)
    assert not doubts.open
    doubts.raise_(claim(TWO, OTHER), 10.5, silent=True)
    assert doubts.silenced == {TWO}
    doubts.raise_(claim(ONE, OTHER), 10.0 + CHECK_INTERVAL_SECONDS, silent=True)
    assert doubts.silenced == {ONE, TWO}


def test_a_nodes_mac_is_never_ignored_and_always_starts_a_check() -> None:
    doubts = doubted()
    assert settled(doubts, 10.1) == {ONE: MAC}
    doubts.raise_(claim(ONE, MAC), 10.2, silent=True)
    assert not doubts.open
    doubts.raise_(claim(ONE, MAC, of_node=True), 10.2, silent=True)
    assert doubts.silenced == {ONE}
