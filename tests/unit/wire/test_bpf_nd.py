"""The filter for Neighbour Discovery, run on a machine of our own, against the plain rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv6Address
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from l2announcer.wire import bpf, ndp
from l2announcer.wire.bpf_nd import nd_filter
from tests.fakes import bpf_machine
from tests.fakes.bpf_machine import Arrival

MAC = bytes.fromhex("0242ac130009")
VIP = IPv6Address("fd00::ac13:f0")
OTHER = IPv6Address("fd00::9")
LAST = (1 << 128) - 1


def rule(addresses: frozenset[IPv6Address], arrival: Arrival) -> bool:
    frame = arrival.frame
    if len(frame) < 78 or frame[12:14] != b"\x86\xdd" or frame[14] >> 4 != 6:
        return False
    if frame[20] != 58 or frame[21] != 255:
        return False
    if arrival.for_other_host or (arrival.vlan_tag or 0) & 0x0FFF:
        return False
    solicitation = frame[54:56] == b"\x87\x00"
    if not solicitation and frame[54:56] != b"\x88\x00":
        return False
    if IPv6Address(frame[62:78]) in addresses:
        return True
    return solicitation and IPv6Address(frame[22:38]) in addresses


def program_for(
    addresses: Iterable[IPv6Address], limit: int = bpf.MOST_INSTRUCTIONS
) -> bpf.Program:
    return nd_filter((address.packed for address in addresses), limit)


def passes(program: bpf.Program, frame: bytes, vlan_tag: int | None = None) -> bool:
    return bpf_machine.run(program, Arrival(frame=frame, vlan_tag=vlan_tag)).passed > 0


def asking(target: IPv6Address, sender: IPv6Address = OTHER) -> bytes:
    return ndp.solicitation(mac=MAC, sender=sender, target=target)


# Neighbours around places where one, two and three words begin to differ, and both ends.
anchors = st.sampled_from(
    [0, 1 << 32, 1 << 64, 1 << 96, 1 << 127, LAST - 39, int(VIP), (0xFD << 120) - 5]
)
near = st.builds(
    lambda anchor, step: IPv6Address(min(anchor + step, LAST)), anchors, st.integers(0, 39)
)
sets = st.frozensets(st.one_of(near, near, st.ip_addresses(v=6)), max_size=40)
tags = st.one_of(st.none(), st.sampled_from([0, 0x8000, 0xF000, 1, 0x0FFF, 0x1064]))


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    sender, target = draw(near), draw(near)
    build = draw(st.sampled_from(["asks", "asks", "probes", "announces", "replies"]))
    match build:
        case "asks":
            sound = asking(target, sender)
        case "probes":
            sound = ndp.probe(mac=MAC, address=target)
        case "announces":
            sound = ndp.announcement(mac=MAC, address=target)
        case _:
            sound = ndp.reply(mac=MAC, address=target, to_mac=MAC, to_address=sender)
    frame = bytearray(sound)
    if draw(st.integers(0, 3)) == 0:
        frame[draw(st.integers(0, 77))] ^= draw(st.integers(1, 255))
    if draw(st.integers(0, 5)) == 0:
        del frame[draw(st.integers(0, len(frame))) :]
    return bytes(frame)


arrivals = st.builds(
    Arrival,
    frame=frames(),
    vlan_tag=tags,
    for_other_host=st.sampled_from([False, False, False, True]),
)


@given(sets, arrivals)
def test_the_program_is_the_rule(addresses: frozenset[IPv6Address], arrival: Arrival) -> None:
    program = program_for(addresses)

    bpf_machine.check(program)
    assert (bpf_machine.run(program, arrival).passed > 0) is rule(addresses, arrival)


@given(sets, st.data())
def test_every_address_of_the_set_and_its_neighbours_are_told_apart(
    addresses: frozenset[IPv6Address], data: st.DataObject
) -> None:
    assume(addresses)
    program = program_for(addresses)
    one = int(data.draw(st.sampled_from(sorted(addresses))))
    for number in (one - 1, one, one + 1, one ^ 1 << 40, one ^ 1 << 72, one ^ 1 << 127):
        address = IPv6Address(min(max(number, 0), LAST))
        for frame in (
            asking(address, IPv6Address("2001:db8::1")),
            asking(IPv6Address("2001:db8::1"), address),
            ndp.announcement(mac=MAC, address=address),
            ndp.probe(mac=MAC, address=address),
            ndp.reply(mac=MAC, address=address, to_mac=MAC, to_address=OTHER),
        ):
            assert passes(program, frame) == rule(addresses, Arrival(frame=frame))


def test_no_address_lets_nothing_through() -> None:
    assert program_for([]) == bpf.REJECT_ALL


def test_a_passing_frame_is_cut_after_what_every_link_carries() -> None:
    long = Arrival(frame=asking(VIP) + bytes(9000))

    assert bpf_machine.run(program_for([VIP]), long).passed == 14 + 1280


def test_a_priority_tag_passes_and_a_vlan_does_not() -> None:
    program = program_for([VIP])

    assert passes(program, asking(VIP), vlan_tag=0xE000)
    assert not passes(program, asking(VIP), vlan_tag=0xE000 | 100)


def test_what_the_kernel_marks_as_meant_for_another_host_is_dropped() -> None:
    marked = Arrival(frame=asking(VIP), for_other_host=True)

    assert not bpf_machine.run(program_for([VIP]), marked).passed


def test_an_advertisement_of_another_address_from_one_of_ours_is_dropped() -> None:
    frame = ndp.reply(mac=MAC, address=OTHER, to_mac=MAC, to_address=VIP)

    assert not passes(program_for([VIP]), frame[:22] + VIP.packed + frame[38:])


def test_neighbours_cost_no_more_than_one_address_and_one_pool_not_much() -> None:
    one = program_for([IPv6Address("fd00::9")])
    many = program_for(IPv6Address("fd00::9") + i for i in range(1000))
    pool = program_for(IPv6Address("fd00::9") + 2 * i for i in range(900))

    assert len(one) < 45
    assert len(many) <= len(one) + 2
    assert len(pool) < 4 * 900 + 100


Scatter = Callable[[int], frozenset[IPv6Address]]


def in_one_prefix(count: int) -> frozenset[IPv6Address]:
    """Interface identifiers drawn at random, no two of them neighbours."""
    first = int(IPv6Address("2001:db8::"))
    draw = Random(count)
    return frozenset(IPv6Address(first + 2 * draw.randrange(1 << 63)) for _ in range(count))


def anywhere(count: int) -> frozenset[IPv6Address]:
    draw = Random(count)
    return frozenset(IPv6Address(2 * draw.randrange(1 << 127)) for _ in range(count))


@pytest.mark.parametrize(
    "addresses",
    [in_one_prefix(64), in_one_prefix(400), anywhere(64), anywhere(180)],
    ids=["prefix 64", "prefix 400", "anywhere 64", "anywhere 180"],
)
def test_scattered_addresses_are_exact_and_found_in_few_steps(
    addresses: frozenset[IPv6Address],
) -> None:
    program = program_for(addresses)

    bpf_machine.check(program)
    for address in addresses:
        verdict = bpf_machine.run(program, Arrival(frame=asking(address)))
        assert verdict.passed
        assert verdict.steps < 70
        assert not passes(program, asking(address + 1))


@pytest.mark.parametrize("limit", [bpf.FEWEST_INSTRUCTIONS, 300, 1024, bpf.MOST_INSTRUCTIONS])
@pytest.mark.parametrize("scatter", [in_one_prefix, anywhere])
def test_past_the_limit_more_passes_but_never_less(limit: int, scatter: Scatter) -> None:
    addresses = scatter(2000)
    program = program_for(addresses, limit)

    bpf_machine.check(program)
    assert 0.6 * limit <= len(program) <= limit
    assert all(passes(program, asking(address)) for address in addresses)


@given(st.frozensets(st.ip_addresses(v=6), min_size=1, max_size=60))
def test_the_smallest_limit_is_enough_for_any_addresses(
    addresses: frozenset[IPv6Address],
) -> None:
    program = program_for(addresses, bpf.FEWEST_INSTRUCTIONS)

    bpf_machine.check(program)
    assert len(program) <= bpf.FEWEST_INSTRUCTIONS
    assert all(passes(program, asking(address)) for address in addresses)


def test_past_the_limit_what_is_far_from_our_addresses_is_dropped() -> None:
    program = program_for(IPv6Address("fd00::") + (i << 70) for i in range(3000))

    assert not passes(program, asking(IPv6Address("2001:db8::1")))
    assert not passes(program, asking(IPv6Address("fe80::1")))
