"""ARP for IPv4 on Ethernet: frames built, and frames read (RFC 826; RFC 5227)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address
from struct import Struct

from l2announcer.wire.ethernet import (
    BROADCAST,
    ETHERTYPE_ARP,
    UNSPECIFIED,
    header,
    names_one_station,
    padded,
)

HARDWARE_ETHERNET = 1
"""RFC 826, "Definitions": ar$hrd."""
PROTOCOL_IPV4 = 0x0800
"""RFC 826, "Definitions": ar$pro, the Ethernet type of the resolved protocol."""
LENGTHS = 0x0604
"""ar$hln and ar$pln: six bytes of hardware address, four of protocol address."""

FRAME_BYTES = 42
"""Ethernet header and ARP packet; what follows is padding."""


class Operation(IntEnum):
    """RFC 826, "Definitions": ar$op."""

    REQUEST = 1
    REPLY = 2


_FORMAT = (
    HARDWARE_ETHERNET.to_bytes(2, "big")
    + PROTOCOL_IPV4.to_bytes(2, "big")
    + LENGTHS.to_bytes(2, "big")
)
_KINDS = {
    ETHERTYPE_ARP.to_bytes(2, "big") + _FORMAT + operation.to_bytes(2, "big"): operation
    for operation in Operation
}
REQUEST_KIND, REPLY_KIND = _KINDS
"""Bytes 12 to 22 of every sound request and reply: Ethernet type to operation."""

SENDER_ADDRESS = slice(28, 32)

decisive_parts = Struct("6s 6x 10s 6s 4s 6x 4s").unpack_from
"""Destination, kind, sender MAC, sender address and target address of a frame of at least
`FRAME_BYTES`: all that decides about an answer, in one call."""

ANY_ADDRESS = IPv4Address(0)
"""The sender of a probe (RFC 5227 section 2.1.1): a station that has no address yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One frame, read."""

    destination: bytes
    source: bytes
    operation: Operation
    sender_mac: bytes
    sender_address: IPv4Address
    target_mac: bytes
    target_address: IPv4Address

    def frame(self) -> bytes:
        """The bytes on the wire, padded to the Ethernet minimum."""
        return padded(
            header(destination=self.destination, source=self.source, ethertype=ETHERTYPE_ARP)
            + _FORMAT
            + self.operation.to_bytes(2, "big")
            + self.sender_mac
            + self.sender_address.packed
            + self.target_mac
            + self.target_address.packed
        )


def parse(frame: bytes) -> Packet | None:
    """Read an untagged frame; None for whatever is not sound ARP for IPv4 on Ethernet.

    A sender hardware address that can't belong to one station (a group, or all zeros) is refused
    too: RFC 1812 section 3.3.2 forbids to believe such an ARP reply.
    """
    if len(frame) < FRAME_BYTES:
        return None
    destination, kind, sender_mac, sender, target = decisive_parts(frame)
    operation = _KINDS.get(kind)
    if operation is None or not names_one_station(sender_mac):
        return None
    return Packet(
        destination=destination,
        source=frame[6:12],
        operation=operation,
        sender_mac=sender_mac,
        sender_address=IPv4Address(sender),
        target_mac=frame[32:38],
        target_address=IPv4Address(target),
    )


def reply_opening(*, mac: bytes) -> bytes:
    """What all replies from an interface have in common: bytes 6 to 28, source to sender MAC.

    Before it goes the asker's hardware address; after it the answered address, the asker's
    hardware and protocol address, and `REPLY_PADDING`.
    """
    return mac + REPLY_KIND + mac


REPLY_PADDING = bytes(18)


def reply(
    *, mac: bytes, address: IPv4Address, to_mac: bytes, to_address: IPv4Address = ANY_ADDRESS
) -> bytes:
    """The answer "`address` is at `mac`" to one asker (RFC 826, "Packet Reception")."""
    return Packet(
        destination=to_mac,
        source=mac,
        operation=Operation.REPLY,
        sender_mac=mac,
        sender_address=address,
        target_mac=to_mac,
        target_address=to_address,
    ).frame()


def request(
    *, mac: bytes, sender: IPv4Address, target: IPv4Address, to_mac: bytes = BROADCAST
) -> bytes:
    """The question "who has `target`?", to everybody or, to see whether it still has, to one."""
    return Packet(
        destination=to_mac,
        source=mac,
        operation=Operation.REQUEST,
        sender_mac=mac,
        sender_address=sender,
        target_mac=UNSPECIFIED,
        target_address=target,
    ).frame()


def probe(*, mac: bytes, address: IPv4Address) -> bytes:
    """The question "does anybody use `address`?" (RFC 5227 section 2.1.1).

    The sender address is zero, so that nobody's cache learns from it; the target hardware address
    should be zero.
    """
    return request(mac=mac, sender=ANY_ADDRESS, target=address)


def announcement(*, mac: bytes, address: IPv4Address) -> bytes:
    """Tell everybody that `address` is at `mac`, as a request (RFC 5227 section 2.3)."""
    return request(mac=mac, sender=address, target=address)


def announcement_as_reply(*, mac: bytes, address: IPv4Address) -> bytes:
    """Tell everybody the same as a reply, for hosts that only learn from replies.

    RFC 5944 section 4.6: the target hardware address is the announced one too. Linux takes no
    other reply for gratuitous.
    """
    return Packet(
        destination=BROADCAST,
        source=mac,
        operation=Operation.REPLY,
        sender_mac=mac,
        sender_address=address,
        target_mac=mac,
        target_address=address,
    ).frame()
