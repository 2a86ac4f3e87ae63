"""Neighbour Discovery, byte for byte: as written down by hand, as scapy writes it, and read."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.utils import checksum

from l2announcer.wire import ndp
from l2announcer.wire.ethernet import BROADCAST, names_one_station
from l2announcer.wire.ndp import OVERRIDE, ROUTER, SOLICITED, Kind, Message

NODE = bytes.fromhex("0242ac130003")
CLIENT = bytes.fromhex("0242ac130009")
VIP = IPv6Address("fd00::ac13:f0")
CLIENT_IP = IPv6Address("fd00::9")
GROUP = IPv6Address("ff02::1:ff13:f0")
ALL_NODES = IPv6Address("ff02::1")

# 02:42:ac:13:00:09 > 33:33:ff:13:00:f0, ethertype IPv6 (0x86dd), length 86: (hlim 255, next-header
#   ICMPv6 (58) payload length: 32) fd00::9 > ff02::1:ff13:f0: [icmp6 sum ok] ICMP6, neighbor
#   solicitation, length 32, who has fd00::ac13:f0
#     source link-address option (1), length 8 (1): 02:42:ac:13:00:09
SOLICITED_BY = bytes.fromhex(
    "3333ff1300f0 0242ac130009 86dd 60000000 0020 3a ff"
    "fd000000000000000000000000000009 ff0200000000000000000001ff1300f0"
    "87 00 232f 00000000 fd0000000000000000000000ac1300f0 01 01 0242ac130009"
)
# 02:42:ac:13:00:03 > 02:42:ac:13:00:09, ethertype IPv6 (0x86dd), length 86: (hlim 255, next-header
#   ICMPv6 (58) payload length: 32) fd00::ac13:f0 > fd00::9: [icmp6 sum ok] ICMP6, neighbor
#   advertisement, length 32, tgt is fd00::ac13:f0, Flags [solicited, override]
#     destination link-address option (2), length 8 (1): 02:42:ac:13:00:03
REPLY = bytes.fromhex(
    "0242ac130009 0242ac130003 86dd 60000000 0020 3a ff"
    "fd0000000000000000000000ac1300f0 fd000000000000000000000000000009"
    "88 00 1638 60000000 fd0000000000000000000000ac1300f0 02 01 0242ac130003"
)
# 02:42:ac:13:00:03 > 33:33:ff:13:00:f0, ethertype IPv6 (0x86dd), length 78: (hlim 255, next-header
#   ICMPv6 (58) payload length: 24) :: > ff02::1:ff13:f0: [icmp6 sum ok] ICMP6, neighbor
#   solicitation, length 24, who has fd00::ac13:f0
PROBE = bytes.fromhex(
    "3333ff1300f0 0242ac130003 86dd 60000000 0018 3a ff"
    "00000000000000000000000000000000 ff0200000000000000000001ff1300f0"
    "87 00 cfa0 00000000 fd0000000000000000000000ac1300f0"
)
# 02:42:ac:13:00:03 > 33:33:00:00:00:01, ethertype IPv6 (0x86dd), length 86: (hlim 255, next-header
#   ICMPv6 (58) payload length: 32) fd00::ac13:f0 > ff02::1: [icmp6 sum ok] ICMP6, neighbor
#   advertisement, length 32, tgt is fd00::ac13:f0, Flags [override]
#     destination link-address option (2), length 8 (1): 02:42:ac:13:00:03
ANNOUNCEMENT = bytes.fromhex(
    "333300000001 0242ac130003 86dd 60000000 0020 3a ff"
    "fd0000000000000000000000ac1300f0 ff020000000000000000000000000001"
    "88 00 543e 20000000 fd0000000000000000000000ac1300f0 02 01 0242ac130003"
)

BUILT = {
    "solicitation": (ndp.solicitation(mac=CLIENT, sender=CLIENT_IP, target=VIP), SOLICITED_BY),
    "reply": (ndp.reply(mac=NODE, address=VIP, to_mac=CLIENT, to_address=CLIENT_IP), REPLY),
    "probe": (ndp.probe(mac=NODE, address=VIP), PROBE),
    "reply to a probe": (ndp.reply(mac=NODE, address=VIP, to_mac=CLIENT), ANNOUNCEMENT),
    "announcement": (ndp.announcement(mac=NODE, address=VIP), ANNOUNCEMENT),
}


@pytest.mark.parametrize("name", BUILT)
def test_frames_are_built_byte_for_byte(name: str) -> None:
    built, literal = BUILT[name]

    assert built.hex() == literal.hex()


def test_a_solicitation_to_one_station_goes_there_and_to_no_group() -> None:
    frame = ndp.solicitation(mac=CLIENT, sender=CLIENT_IP, target=VIP, to_mac=NODE)

    assert ndp.parse(frame) == Message(
        destination=NODE,
        source=CLIENT,
        sender=CLIENT_IP,
        receiver=VIP,
        kind=Kind.SOLICITATION,
        target=VIP,
        link_mac=CLIENT,
    )


def test_reserved_bits_traffic_class_and_flow_label_are_ignored() -> None:
    changed = bytearray(REPLY)
    changed[14:18] = bytes.fromhex("6ab12345")
    changed[58:62] = bytes.fromhex("7fffffff")

    assert ndp.parse(_summed(bytes(changed))) == ndp.parse(REPLY)


def test_other_options_are_stepped_over() -> None:
    nonce = bytes.fromhex("0e01 010203040506")
    theirs = bytes.fromhex("0201 0242ac1300ee")
    read = ndp.parse(_with_options(SOLICITED_BY, nonce + theirs + SOLICITED_BY[78:] + nonce))

    assert read == ndp.parse(SOLICITED_BY)


def test_of_two_options_alike_the_first_counts() -> None:
    read = ndp.parse(_with_options(REPLY, REPLY[78:] + bytes.fromhex("0201 0242ac1300ee")))

    assert read == ndp.parse(REPLY)


def _text(mac: bytes) -> str:
    return mac.hex(":")


def _summed(frame: bytes) -> bytes:
    """The frame with the checksum that its message should have, by scapy's reckoning."""
    message = frame[54:56] + bytes(2) + frame[58:]
    total = checksum(frame[22:54] + len(message).to_bytes(4, "big") + b"\0\0\0\x3a" + message)
    return frame[:56] + total.to_bytes(2, "big") + frame[58:]


def _with_options(frame: bytes, options: bytes) -> bytes:
    length = (24 + len(options)).to_bytes(2, "big")
    return _summed(frame[:18] + length + frame[20:78] + options)


def _with(frame: bytes, offset: int, part: str) -> bytes:
    changed = bytes.fromhex(part)
    return _summed(frame[:offset] + changed + frame[offset + len(changed) :])


MALFORMED = {
    "empty": b"",
    "only a header": SOLICITED_BY[:54],
    "one byte short": SOLICITED_BY[:-1],
    "shorter than a message": PROBE[:-1],
    "IPv4": SOLICITED_BY[:12] + b"\x08\x00" + SOLICITED_BY[14:],
    "a VLAN tag in the bytes": SOLICITED_BY[:12] + bytes.fromhex("81000064") + SOLICITED_BY[12:],
    "version 4": SOLICITED_BY[:14] + b"\x40" + SOLICITED_BY[15:],
    "an extension header": SOLICITED_BY[:20] + b"\x00" + SOLICITED_BY[21:],
    "a router on the way": SOLICITED_BY[:21] + b"\xfe" + SOLICITED_BY[22:],
    "checksum": SOLICITED_BY[:56] + b"\x23\x30" + SOLICITED_BY[58:],
    "a byte that changed on the way": SOLICITED_BY[:-1] + b"\x08",
    "a length of less than a message": PROBE[:18] + b"\x00\x10" + PROBE[20:],
    "a length beyond the frame": SOLICITED_BY[:18] + b"\x00\x28" + SOLICITED_BY[20:],
    "half an option": _with_options(SOLICITED_BY, SOLICITED_BY[78:82]),
    "a router solicitation": _with(SOLICITED_BY, 54, "85"),
    "a redirect": _with(SOLICITED_BY, 54, "89"),
    "code": _with(SOLICITED_BY, 55, "01"),
    "target is a group": _with(SOLICITED_BY, 62, GROUP.packed.hex()),
    "sent by a group": _with(SOLICITED_BY, 22, GROUP.packed.hex()),
    "an option of no length": _with(SOLICITED_BY, 78, "0e00"),
    "an option beyond the message": _with(SOLICITED_BY, 78, "0e02"),
    "an option of no length after a sound one": _with_options(
        SOLICITED_BY, SOLICITED_BY[78:] + bytes(8)
    ),
    "a link address of 14 bytes": _with_options(SOLICITED_BY, b"\x01\x02" + bytes(14)),
    "a link address of everybody": _with(SOLICITED_BY, 80, BROADCAST.hex()),
    "a link address of a group": _with(SOLICITED_BY, 80, "3333ff1300f0"),
    "a link address of nobody": _with(SOLICITED_BY, 80, "000000000000"),
    "a group as the station, and no option": _with(PROBE, 6, "333300000001"),
    "a probe that says where it comes from": _with_options(PROBE, SOLICITED_BY[78:]),
    "a probe to one station": _with(PROBE, 38, VIP.packed.hex()),
    "a probe to all nodes": _with(PROBE, 38, ALL_NODES.packed.hex()),
    "a solicited advertisement to all nodes": _with(ANNOUNCEMENT, 58, "60"),
    "an advertisement's option of nobody": _with(ANNOUNCEMENT, 80, "000000000000"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused(name: str) -> None:
    assert ndp.parse(MALFORMED[name]) is None


macs = st.binary(min_size=6, max_size=6)
stations = macs.filter(names_one_station)
groups = st.sampled_from([GROUP, ALL_NODES])
single = st.one_of(
    st.sampled_from([VIP, CLIENT_IP]),
    st.ip_addresses(v=6).filter(lambda address: not address.is_multicast),
)
senders = single.filter(lambda address: address != ndp.ANY_ADDRESS)
solicitations = st.builds(
    Message,
    destination=macs,
    source=stations,
    sender=senders,
    receiver=st.one_of(groups, single),
    kind=st.just(Kind.SOLICITATION),
    target=single,
    link_mac=st.one_of(st.none(), stations),
)
probes = st.builds(
    Message,
    destination=macs,
    source=stations,
    sender=st.just(ndp.ANY_ADDRESS),
    receiver=st.just(GROUP),
    kind=st.just(Kind.SOLICITATION),
    target=single,
    link_mac=st.none(),
)
flags = st.sets(st.sampled_from([ROUTER, SOLICITED, OVERRIDE])).map(sum)
advertisements = st.builds(
    Message,
    destination=macs,
    source=stations,
    sender=senders,
    receiver=single,
    kind=st.just(Kind.ADVERTISEMENT),
    target=single,
    flags=flags,
    link_mac=st.one_of(st.none(), stations),
)
messages = st.one_of(solicitations, probes, advertisements)


@given(messages)
def test_what_is_written_is_read_again(message: Message) -> None:
    assert ndp.parse(message.frame()) == message


@given(messages)
def test_scapy_writes_the_same_bytes(message: Message) -> None:
    target = str(message.target)
    theirs: Packet = Ether(dst=_text(message.destination), src=_text(message.source)) / IPv6(
        src=str(message.sender), dst=str(message.receiver), hlim=255
    )
    if message.kind is Kind.SOLICITATION:
        theirs /= ICMPv6ND_NS(tgt=target)
        if message.link_mac is not None:
            theirs /= ICMPv6NDOptSrcLLAddr(lladdr=_text(message.link_mac))
    else:
        on = [int(bool(message.flags & bit)) for bit in (ROUTER, SOLICITED, OVERRIDE)]
        theirs /= ICMPv6ND_NA(tgt=target, R=on[0], S=on[1], O=on[2])
        if message.link_mac is not None:
            theirs /= ICMPv6NDOptDstLLAddr(lladdr=_text(message.link_mac))

    assert message.frame().hex() == bytes(theirs).hex()


@given(messages, st.binary(max_size=1500))
def test_what_follows_the_message_is_of_no_account(message: Message, tail: bytes) -> None:
    assert ndp.parse(message.frame() + tail) == message


@given(stations, single, stations, senders)
def test_the_parts_of_a_reply_make_up_the_reply(
    mac: bytes, address: IPv6Address, to_mac: bytes, to_address: IPv6Address
) -> None:
    total = ndp.reply_sum(mac=mac) + int(to_address) + 2 * int(address)
    made = (
        to_mac
        + ndp.reply_opening(mac=mac)
        + address.packed
        + to_address.packed
        + (ndp.REPLY_KIND | -total % 0xFFFF).to_bytes(4, "big")
        + ndp.REPLY_FLAGS
        + address.packed
        + ndp.reply_end(mac=mac)
    )

    assert made == ndp.reply(mac=mac, address=address, to_mac=to_mac, to_address=to_address)


@given(st.binary(max_size=200))
def test_no_bytes_raise(frame: bytes) -> None:
    ndp.parse(frame)


@given(messages, st.binary(max_size=80), st.integers(0, 90))
def test_no_damaged_frame_raises(message: Message, damage: bytes, at: int) -> None:
    frame = message.frame()
    ndp.parse(frame[:at] + damage + frame[at + len(damage) :])


@given(messages, st.integers(22, 85), st.integers(1, 255))
def test_a_byte_that_changed_on_the_way_is_noticed(message: Message, at: int, by: int) -> None:
    frame = bytearray(message.frame())
    if at < len(frame):
        frame[at] ^= by
        assert ndp.parse(bytes(frame)) is None
