"""Ethernet II frames (IEEE 802.3; RFC 894): the parts that ARP and Neighbour Discovery share."""

from __future__ import annotations

HEADER_BYTES = 14
MAC_BYTES = 6
MINIMUM_BYTES = 60
"""IEEE 802.3, minFrameSize, without the check sequence that the card adds."""

BROADCAST = b"\xff" * 6
UNSPECIFIED = b"\x00" * 6

ETHERTYPE_ARP = 0x0806
ETHERTYPE_IPV6 = 0x86DD


def header(*, destination: bytes, source: bytes, ethertype: int) -> bytes:
    """The first 14 bytes of an untagged frame."""
    return destination + source + ethertype.to_bytes(2, "big")


def padded(frame: bytes) -> bytes:
    """The frame, filled up with zeros to the Ethernet minimum; a longer one is left as it is."""
    return frame.ljust(MINIMUM_BYTES, b"\x00")


def names_one_station(mac: bytes) -> bool:
    """Can this be the address of a single card: six bytes, no group bit, not all zeros?"""
    return len(mac) == MAC_BYTES and not mac[0] & 1 and mac != UNSPECIFIED
