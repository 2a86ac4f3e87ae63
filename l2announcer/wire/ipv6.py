"""IPv6 packets on Ethernet: the header, groups and their MACs, and the checksum of what is inside.

RFC 8200, RFC 4291, RFC 2464.
"""

from __future__ import annotations

from l2announcer.wire.ethernet import HEADER_BYTES as ETHERNET_BYTES

HEADER_BYTES = 40
MOST_BYTES = ETHERNET_BYTES + 1280
"""A frame with a packet of the size that every link carries (RFC 8200 section 5)."""

ADDRESS_BYTES = 16
UNSPECIFIED = bytes(ADDRESS_BYTES)
ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
"""RFC 4291 section 2.7.1: every node on the link."""
SOLICITED_NODE_PREFIX = bytes.fromhex("ff0200000000000000000001ff")


def is_group(address: bytes) -> bool:
    """RFC 4291 section 2.7: a multicast address, which is nobody's own and sends nothing."""
    return address[0] == 0xFF


def solicited_node_group(address: bytes) -> bytes:
    """The group of all nodes whose address ends in the same 24 bits (RFC 4291 section 2.7.1)."""
    return SOLICITED_NODE_PREFIX + address[13:]


def is_solicited_node_group(address: bytes) -> bool:
    """Is it the group of any address?"""
    return address.startswith(SOLICITED_NODE_PREFIX)


def group_mac(group: bytes) -> bytes:
    """Where frames to a group go (RFC 2464 section 7)."""
    return b"\x33\x33" + group[12:]


def header(
    *, source: bytes, destination: bytes, payload_bytes: int, next_header: int, hop_limit: int
) -> bytes:
    """RFC 8200 section 3: the header, without a traffic class or a flow label."""
    return (
        b"\x60\x00\x00\x00"
        + payload_bytes.to_bytes(2, "big")
        + bytes((next_header, hop_limit))
        + source
        + destination
    )


def words_sum(data: bytes) -> int:
    """What the 16-bit words of an even number of bytes come to in ones' complement, modulo 65535.

    2^16 leaves 1 when divided by 65535, so each word counts the same wherever it stands (RFC 1071
    section 2): one division adds them all up.
    """
    return int.from_bytes(data, "big") % 0xFFFF


def checksum(*, source: bytes, destination: bytes, next_header: int, payload: bytes) -> int:
    """RFC 8200 section 8.1, of an even number of bytes whose own checksum field is zero."""
    total = words_sum(source + destination + payload) + len(payload) + next_header
    return -total % 0xFFFF
