"""ARP frames, byte for byte: as written down by hand, as scapy writes them, and read again."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.l2 import ARP, Ether

from l2announcer.wire import arp
from l2announcer.wire.arp import Operation, Packet
from l2announcer.wire.ethernet import BROADCAST, names_one_station, padded

NODE = bytes.fromhex("0242ac130003")
CLIENT = bytes.fromhex("0242ac130009")
VIP = IPv4Address("172.19.0.240")
CLIENT_IP = IPv4Address("172.19.0.9")

# 02:42:ac:13:00:09 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 60:
#   Request who-has 172.19.0.240 tell 172.19.0.9, length 46
REQUEST = bytes.fromhex(
    "ffffffffffff 0242ac130009 0806"
    "0001 0800 06 04 0001 0242ac130009 ac130009 000000000000 ac1300f0" + "00" * 18
)
# 02:42:ac:13:00:03 > 02:42:ac:13:00:09, ethertype ARP (0x0806), length 60:
#   Reply 172.19.0.240 is-at 02:42:ac:13:00:03, length 46
REPLY = bytes.fromhex(
    "0242ac130009 0242ac130003 0806"
    "0001 0800 06 04 0002 0242ac130003 ac1300f0 0242ac130009 ac130009" + "00" * 18
)
# 02:42:ac:13:00:03 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 60:
#   Request who-has 172.19.0.240 tell 0.0.0.0, length 46
PROBE = bytes.fromhex(
    "ffffffffffff 0242ac130003 0806"
    "0001 0800 06 04 0001 0242ac130003 00000000 000000000000 ac1300f0" + "00" * 18
)
# 02:42:ac:13:00:03 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 60:
#   Request who-has 172.19.0.240 tell 172.19.0.240, length 46
ANNOUNCEMENT = bytes.fromhex(
    "ffffffffffff 0242ac130003 0806"
    "0001 0800 06 04 0001 0242ac130003 ac1300f0 000000000000 ac1300f0" + "00" * 18
)
# 02:42:ac:13:00:03 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 60:
#   Reply 172.19.0.240 is-at 02:42:ac:13:00:03, length 46
ANNOUNCEMENT_AS_REPLY = bytes.fromhex(
    "ffffffffffff 0242ac130003 0806"
    "0001 0800 06 04 0002 0242ac130003 ac1300f0 0242ac130003 ac1300f0" + "00" * 18
)

BUILT = {
    "request": (arp.request(mac=CLIENT, sender=CLIENT_IP, target=VIP), REQUEST),
    "reply": (arp.reply(mac=NODE, address=VIP, to_mac=CLIENT, to_address=CLIENT_IP), REPLY),
    "probe": (arp.probe(mac=NODE, address=VIP), PROBE),
    "announcement": (arp.announcement(mac=NODE, address=VIP), ANNOUNCEMENT),
    "announcement as reply": (
        arp.announcement_as_reply(mac=NODE, address=VIP),
        ANNOUNCEMENT_AS_REPLY,
    ),
}


@pytest.mark.parametrize("name", BUILT)
def test_frames_are_built_byte_for_byte(name: str) -> None:
    built, literal = BUILT[name]

    assert built.hex() == literal.hex()


def _text(mac: bytes) -> str:
    return mac.hex(":")


@pytest.mark.parametrize("name", BUILT)
def test_scapy_reads_what_is_built(name: str) -> None:
    frame, _ = BUILT[name]
    read = arp.parse(frame)
    theirs = Ether(frame)

    assert read is not None
    assert (theirs.dst, theirs.src) == (_text(read.destination), _text(read.source))
    assert theirs[ARP].op == read.operation
    assert (theirs[ARP].hwsrc, theirs[ARP].psrc) == (
        _text(read.sender_mac),
        str(read.sender_address),
    )
    assert (theirs[ARP].hwdst, theirs[ARP].pdst) == (
        _text(read.target_mac),
        str(read.target_address),
    )


macs = st.binary(min_size=6, max_size=6)
stations = macs.filter(names_one_station)
addresses = st.ip_addresses(v=4)
packets = st.builds(
    Packet,
    destination=macs,
    source=macs,
    operation=st.sampled_from(Operation),
    sender_mac=stations,
    sender_address=addresses,
    target_mac=macs,
    target_address=addresses,
)


@given(packets)
def test_what_is_written_is_read_again(packet: Packet) -> None:
    assert arp.parse(packet.frame()) == packet


@given(packets)
def test_scapy_writes_the_same_bytes(packet: Packet) -> None:
    theirs = Ether(dst=_text(packet.destination), src=_text(packet.source)) / ARP(
        op=int(packet.operation),
        hwsrc=_text(packet.sender_mac),
        psrc=str(packet.sender_address),
        hwdst=_text(packet.target_mac),
        pdst=str(packet.target_address),
    )

    assert packet.frame() == padded(bytes(theirs))


@given(packets, st.binary(max_size=1500))
def test_padding_of_any_length_and_content_is_of_no_account(packet: Packet, tail: bytes) -> None:
    assert arp.parse(packet.frame()[: arp.FRAME_BYTES] + tail) == packet


@given(packets)
def test_the_parts_of_a_reply_make_up_the_reply(packet: Packet) -> None:
    asker = packet.sender_mac + packet.sender_address.packed
    opening = arp.reply_opening(mac=NODE) + VIP.packed

    assert packet.sender_mac + opening + asker + arp.REPLY_PADDING == arp.reply(
        mac=NODE, address=VIP, to_mac=packet.sender_mac, to_address=packet.sender_address
    )


def _with(offset: int, part: str) -> bytes:
    changed = bytes.fromhex(part)
    return REQUEST[:offset] + changed + REQUEST[offset + len(changed) :]


MALFORMED = {
    "empty": b"",
    "only a header": REQUEST[:14],
    "one byte short": REQUEST[: arp.FRAME_BYTES - 1],
    "IPv4": _with(12, "0800"),
    "a VLAN tag in the bytes": REQUEST[:12] + bytes.fromhex("81000064") + REQUEST[12:],
    "hardware type": _with(14, "0006"),
    "protocol type": _with(16, "86dd"),
    "hardware address length": _with(18, "08"),
    "protocol address length": _with(19, "10"),
    "operation 0": _with(20, "0000"),
    "RARP": _with(20, "0003"),
    "sent by everybody": _with(22, BROADCAST.hex()),
    "sent by a group": _with(22, "01005e000001"),
    "sent by nobody": _with(22, "000000000000"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused(name: str) -> None:
    assert arp.parse(MALFORMED[name]) is None


@given(st.binary(max_size=100))
def test_no_bytes_raise(frame: bytes) -> None:
    arp.parse(frame)


@given(st.binary(max_size=80), st.integers(0, 60))
def test_no_damaged_frame_raises(damage: bytes, at: int) -> None:
    arp.parse(REQUEST[:at] + damage + REQUEST[at + len(damage) :])
