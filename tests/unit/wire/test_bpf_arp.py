"""The filter for ARP, run on a machine of our own, against the plain rule that it stands for."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from l2announcer.wire import arp, bpf
from l2announcer.wire.bpf_arp import arp_filter
from tests.fakes import bpf_machine
from tests.fakes.bpf_machine import Arrival

MAC = bytes.fromhex("0242ac130009")
VIP = IPv4Address("172.19.0.240")
OTHER = IPv4Address("172.19.0.7")
HEAD = bytes.fromhex("ffffffffffff 0242ac130009")
SOUND = bytes.fromhex("0806 0001 0800 06 04")


def rule(addresses: frozenset[IPv4Address], arrival: Arrival) -> bool:
    frame = arrival.frame
    if len(frame) < 42 or frame[12:20] != SOUND:
        return False
    if arrival.for_other_host or (arrival.vlan_tag or 0) & 0x0FFF:
        return False
    if IPv4Address(frame[28:32]) in addresses:
        return True
    return frame[20:22] == b"\x00\x01" and IPv4Address(frame[38:42]) in addresses


def program_for(
    addresses: Iterable[IPv4Address], limit: int = bpf.MOST_INSTRUCTIONS
) -> bpf.Program:
    return arp_filter((address.packed for address in addresses), limit)


def passes(program: bpf.Program, frame: bytes, vlan_tag: int | None = None) -> bool:
    return bpf_machine.run(program, Arrival(frame=frame, vlan_tag=vlan_tag)).passed > 0


def asking(target: IPv4Address, sender: IPv4Address = OTHER) -> bytes:
    return arp.request(mac=MAC, sender=sender, target=target)


# Small numbers apart, so that runs, gaps and both ends of the address space are all met.
anchors = st.sampled_from([0, 1 << 31, (1 << 32) - 40, int(VIP)])
near = st.builds(lambda anchor, step: IPv4Address(anchor + step), anchors, st.integers(0, 39))
sets = st.frozensets(st.one_of(near, near, st.ip_addresses(v=4)), max_size=60)
tags = st.one_of(st.none(), st.sampled_from([0, 0x8000, 0xF000, 1, 0x0FFF, 0x1064]))


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    sender, target = draw(near).packed, draw(near).packed
    operation = draw(st.sampled_from([b"\x00\x01", b"\x00\x01", b"\x00\x02", b"\x01\x01"]))
    frame = bytearray(HEAD + SOUND + operation + MAC + sender + bytes(6) + target)
    if draw(st.integers(0, 3)) == 0:
        frame[draw(st.integers(0, 41))] ^= draw(st.integers(1, 255))
    tail = draw(st.integers(-42, 30)) if draw(st.integers(0, 3)) == 0 else 18
    return bytes(frame[: 42 + min(tail, 0)]) + bytes(max(tail, 0))


arrivals = st.builds(
    Arrival,
    frame=frames(),
    vlan_tag=tags,
    for_other_host=st.sampled_from([False, False, False, True]),
)


@given(sets, arrivals)
def test_the_program_is_the_rule(addresses: frozenset[IPv4Address], arrival: Arrival) -> None:
    program = program_for(addresses)

    bpf_machine.check(program)
    assert (bpf_machine.run(program, arrival).passed > 0) is rule(addresses, arrival)


@given(sets, st.data())
def test_every_address_of_the_set_and_its_neighbours_are_told_apart(
    addresses: frozenset[IPv4Address], data: st.DataObject
) -> None:
    assume(addresses)
    program = program_for(addresses)
    one = int(data.draw(st.sampled_from(sorted(addresses))))
    for number in (max(one - 1, 0), one, min(one + 1, (1 << 32) - 1)):
        address = IPv4Address(number)
        for frame in (
            asking(address, IPv4Address("1.2.3.4")),
            arp.announcement(mac=MAC, address=address),
            arp.announcement_as_reply(mac=MAC, address=address),
            arp.probe(mac=MAC, address=address),
        ):
            assert passes(program, frame) == rule(addresses, Arrival(frame=frame))


def test_no_address_lets_nothing_through() -> None:
    assert program_for([]) == bpf.REJECT_ALL == ((bpf.RETURN, 0, 0, 0),)


def test_a_passing_frame_is_cut_after_the_ethernet_minimum() -> None:
    long = Arrival(frame=asking(VIP) + bytes(900))

    assert bpf_machine.run(program_for([VIP]), long).passed == 60


def test_a_priority_tag_passes_and_a_vlan_does_not() -> None:
    program = program_for([VIP])

    assert passes(program, asking(VIP), vlan_tag=0xE000)
    assert not passes(program, asking(VIP), vlan_tag=0xE000 | 100)


def test_what_the_kernel_marks_as_meant_for_another_host_is_dropped() -> None:
    marked = Arrival(frame=asking(VIP), for_other_host=True)

    assert not bpf_machine.run(program_for([VIP]), marked).passed


def test_a_reply_about_another_address_to_one_of_ours_is_dropped() -> None:
    frame = arp.reply(mac=MAC, address=OTHER, to_mac=MAC, to_address=VIP)

    assert not passes(program_for([VIP]), frame)


def test_a_run_of_neighbours_costs_as_much_whatever_its_length() -> None:
    two = program_for(IPv4Address("10.0.0.9") + i for i in range(2))
    many = program_for(IPv4Address("10.0.0.9") + i for i in range(1000))

    assert len(many) == len(two)


def isolated(count: int) -> frozenset[IPv4Address]:
    numbers = Random(count).sample(range(1 << 31), count)
    return frozenset(IPv4Address(2 * number) for number in numbers)


@pytest.mark.parametrize("count", [64, 128, 500, 950])
def test_many_scattered_addresses_are_exact_and_found_in_few_steps(count: int) -> None:
    addresses = isolated(count)
    program = program_for(addresses)

    bpf_machine.check(program)
    for address in addresses:
        verdict = bpf_machine.run(program, Arrival(frame=asking(address)))
        assert verdict.passed
        assert verdict.steps < 70
        assert not passes(program, asking(address + 1))


@pytest.mark.parametrize("limit", [bpf.FEWEST_INSTRUCTIONS, 300, 1024, bpf.MOST_INSTRUCTIONS])
def test_past_the_limit_more_passes_but_never_less(limit: int) -> None:
    addresses = isolated(3000)
    program = program_for(addresses, limit)

    bpf_machine.check(program)
    assert 0.8 * limit <= len(program) <= limit
    assert all(passes(program, asking(address)) for address in addresses)


def test_past_the_limit_what_is_far_from_our_addresses_is_dropped() -> None:
    scattered = [IPv4Address("10.0.0.0") + 2 * i for i in range(3000)]
    program = program_for(scattered)

    assert not passes(program, asking(IPv4Address("10.1.0.0")))
    assert not passes(program, asking(IPv4Address("9.255.255.255")))
