"""Ranges: what a block means, and what is free in it, against a set of numbers."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2announcer.core.ipam.ranges import Family, FreeList, Range, parse_address, parse_block
from l2announcer.core.model import Block
from tests.unit.core.ipam.store import blocks


def parsed(text: str, *, first_last: bool = True) -> Range:
    (block,) = blocks(text)
    result = parse_block(block, first_last=first_last)
    assert isinstance(result, Range), result
    return result


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("10.0.0.0/24", "10.0.0.0", "10.0.0.255"),
        ("10.0.0.77/24", "10.0.0.0", "10.0.0.255"),
        ("10.0.0.7/32", "10.0.0.7", "10.0.0.7"),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
        ("fd00::1:0/112", "fd00::1:0", "fd00::1:ffff"),
        ("fd00::12:3456/112", "fd00::12:0", "fd00::12:ffff"),
        ("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("10.0.0.5-10.0.1.4", "10.0.0.5", "10.0.1.4"),
        ("10.0.0.5", "10.0.0.5", "10.0.0.5"),
        ("::5-::5", "::5", "::5"),
    ],
)
def test_blocks(text: str, first: str, last: str) -> None:
    result = parsed(text)
    assert str(result) == f"{first} to {last}"
    assert ip_address(first) in result
    assert ip_address(last) in result


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (Block(), "neither a cidr nor a start"),
        (Block(stop="10.0.0.1"), "neither a cidr nor a start"),
        (Block(cidr="10.0.0.0"), "cidr '10.0.0.0' is not of the form"),
        (Block(cidr="10.0.0.0/33"), "is not of the form"),
        (Block(cidr="10.0.0.0/255.0.0.0"), "is not of the form"),
        (Block(cidr="10.0.0.0/-1"), "is not of the form"),
        (Block(cidr="fe80::%eth0/64"), "is not of the form"),
        (Block(cidr="x/24"), "is not of the form"),
        (Block(start="x"), "start 'x' is not an IP address"),
        (Block(start="10.0.0.1", stop="10.0.0"), "stop '10.0.0' is not an IP address"),
        (Block(start="10.0.0.1", stop="::2"), "different IP families"),
        (Block(start="10.0.0.2", stop="10.0.0.1"), "10.0.0.2 is after stop 10.0.0.1"),
    ],
)
def test_bad_blocks_say_why(block: Block, words: str) -> None:
    result = parse_block(block, first_last=True)
    assert isinstance(result, str)
    assert words in result


def test_a_cidr_wins_over_start_and_stop() -> None:
    block = Block(cidr="10.0.0.0/30", start="bad", stop="bad")
    assert parse_block(block, first_last=True) == parsed("10.0.0.0/30")


@pytest.mark.parametrize(
    ("text", "reserved"),
    [
        ("10.0.0.0/30", {"10.0.0.0", "10.0.0.3"}),
        ("10.0.0.0/31", set()),
        ("10.0.0.0/32", set()),
        ("fd00::/126", {"fd00::", "fd00::3"}),
        ("fd00::/127", set()),
        ("10.0.0.0-10.0.0.9", set()),
    ],
)
def test_first_and_last_are_reserved_in_a_cidr_with_a_middle(text: str, reserved: set[str]) -> None:
    result = parsed(text, first_last=False)
    assert {str(result.address(number)) for number in result.reserved} == reserved
    assert FreeList(result).used == len(reserved)
    assert not parsed(text).reserved


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("10.0.0.1-10.0.0.5", "10.0.0.5-10.0.0.9", True),
        ("10.0.0.1-10.0.0.5", "10.0.0.6-10.0.0.9", False),
        ("10.0.0.1-10.0.0.9", "10.0.0.4", True),
        ("10.0.0.0/24", "10.0.0.0/24", True),
        ("0.0.0.0/0", "::/0", False),
        ("0.0.0.5", "::5", False),
    ],
)
def test_overlap(one: str, other: str, expected: bool) -> None:
    assert parsed(one).overlaps(parsed(other)) is expected
    assert parsed(other).overlaps(parsed(one)) is expected


@pytest.mark.parametrize("text", ["", "1.2.3", "01.2.3.4", "fe80::1%eth0", "1.2.3.4/32", " ::1"])
def test_not_an_address(text: str) -> None:
    assert parse_address(text) is None


def test_a_fresh_range_is_given_from_its_lowest_and_a_hole_first() -> None:
    free = FreeList(parsed("10.0.0.0/29"))
    given = []
    while (lowest := free.lowest()) is not None:
        given.append(str(lowest))
        free.take(lowest)
    assert given == [f"10.0.0.{number}" for number in range(8)]
    assert free.available == 0
    for back in ("10.0.0.6", "10.0.0.3"):
        free.give_back(IPv4Address(back))
    assert str(free.lowest()) == "10.0.0.3"
    assert free.available == 2


def test_a_huge_range_counts_exactly_and_costs_nothing() -> None:
    free = FreeList(parsed("fd00::/64", first_last=False))
    assert (free.range.size, free.available) == (2**64, 2**64 - 2)
    free.take(IPv6Address("fd00::ffff"))
    assert free.available == 2**64 - 3
    assert str(free.lowest()) == "fd00::1"


def test_strangers_are_ignored() -> None:
    free = FreeList(parsed("10.0.0.4-10.0.0.6"))
    for text in ("10.0.0.3", "10.0.0.7", "::a00:5"):
        free.take(ip_address(text))
        free.give_back(ip_address(text))
    assert free.available == 3


SIZE = 12


@given(
    reserve=st.booleans(),
    steps=st.lists(st.tuples(st.booleans(), st.integers(-1, SIZE)), max_size=60),
)
def test_free_list_agrees_with_a_set(reserve: bool, steps: list[tuple[bool, int]]) -> None:
    base = int(IPv4Address("10.0.0.0"))
    ends = frozenset({base, base + SIZE - 1} if reserve else ())
    free = FreeList(Range(Family.V4, base, base + SIZE - 1, ends))
    model = set(range(base, base + SIZE)) - ends
    for take, offset in steps:
        address = IPv4Address(base + offset)
        if take:
            free.take(address)
            model.discard(base + offset)
        else:
            free.give_back(address)
            if 0 <= offset < SIZE and base + offset not in ends:
                model.add(base + offset)
        lowest = free.lowest()
        assert (int(lowest) if lowest is not None else None) == min(model, default=None)
        assert (free.available, free.used) == (len(model), SIZE - len(model))
