"""A storm of claims becomes few facts, and one about an address hides none about another."""

from __future__ import annotations

from ipaddress import IPv4Address

from l2announcer.core.facts import Claimed
from l2announcer.lan.claims import MOST_STATIONS, WINDOW_SECONDS, ClaimLimit

VIP = IPv4Address("172.19.0.240")
OTHER = IPv4Address("172.19.0.241")


def claim(
    address: IPv4Address = VIP, station: int = 1, interface: str = "eth0", *, probe: bool = False
) -> Claimed:
    return Claimed(address, b"\x02" + station.to_bytes(5, "big"), interface, probe=probe)


def test_a_repeated_claim_passes_once_in_a_window() -> None:
    limit = ClaimLimit()

    assert limit.admits(claim(), 10.0)
    assert not limit.admits(claim(), 10.0)
    assert not limit.admits(claim(), 10.0 + WINDOW_SECONDS - 0.001)
    assert limit.admits(claim(), 10.0 + WINDOW_SECONDS)


def test_a_claim_passes_after_the_probe_that_came_before_it() -> None:
    limit = ClaimLimit()

    assert limit.admits(claim(probe=True), 10.0)
    assert limit.admits(claim(), 10.0)
    assert not limit.admits(claim(probe=True), 10.0)


def test_stations_addresses_and_interfaces_are_told_apart() -> None:
    limit = ClaimLimit()

    assert limit.admits(claim(), 10.0)
    assert limit.admits(claim(station=2), 10.0)
    assert limit.admits(claim(OTHER), 10.0)
    assert limit.admits(claim(interface="eth1"), 10.0)


def test_many_forged_stations_are_bounded_and_hide_no_other_address() -> None:
    limit = ClaimLimit()
    passed = [station for station in range(10_000) if limit.admits(claim(station=station), 10.0)]

    assert passed == list(range(MOST_STATIONS))
    assert limit.admits(claim(OTHER), 10.0)
    assert limit.admits(claim(station=9_999), 10.0 + WINDOW_SECONDS)


def test_only_windows_that_are_over_are_forgotten() -> None:
    limit = ClaimLimit()
    limit.admits(claim(), 10.0)
    limit.admits(claim(OTHER), 10.05)
    limit.forget_until(10.0 + WINDOW_SECONDS)

    assert len(limit._windows) == 1
    assert not limit.admits(claim(OTHER), 10.0 + WINDOW_SECONDS)
