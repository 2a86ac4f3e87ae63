"""Neighbour Discovery on Ethernet: solicitations and advertisements built, and read (RFC 4861).

Rules of this file:
- What section 7.1.1 and 7.1.2 of RFC 4861 would discard is refused: a hop limit other than 255, so
  that nothing comes from beyond the link; a wrong checksum, code or length; a target that is a
  group; an option of no length; of a solicitation without a sender, one that goes elsewhere than to
  a solicited-node group, or says where the sender is; of an advertisement to a group, one that
  calls itself solicited.
- Refused is too what no sound sender writes: a group as the sender (RFC 4291 section 2.7), a
  link-layer address that is not of one station, or not of six bytes (RFC 2464 section 6).
- Options that are of no use here, and reserved bits, are ignored; of two options alike the first
  counts. A packet with extension headers is none of ours: nobody puts them before a solicitation
  (RFC 6980 forbids to cut one up).
- A reply has always the target's link-layer address, and never the router flag.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address
from struct import Struct

from l2announcer.wire import ethernet, ipv6
from l2announcer.wire.ethernet import ETHERTYPE_IPV6, MAC_BYTES, names_one_station
from l2announcer.wire.ipv6 import (
    ALL_NODES,
    is_group,
    is_solicited_node_group,
    solicited_node_group,
    words_sum,
)

NEXT_HEADER = 58
"""ICMPv6 (RFC 4443 section 1)."""
HOP_LIMIT = 255
NEXT_AND_HOPS = NEXT_HEADER << 8 | HOP_LIMIT

# RFC 4861 sections 4.3 and 4.4: type and code
SOLICITATION = 0x8700
ADVERTISEMENT = 0x8800

# RFC 4861 section 4.4: flags of an advertisement
ROUTER = 0x80
SOLICITED = 0x40
OVERRIDE = 0x20

# RFC 4861 section 4.6.1: options; the length counts eights of bytes
SOURCE_LINK_ADDRESS = b"\x01\x01"
TARGET_LINK_ADDRESS = b"\x02\x01"
OPTION_BYTES = 8
_WANTED_OPTIONS = {SOLICITATION: SOURCE_LINK_ADDRESS[0], ADVERTISEMENT: TARGET_LINK_ADDRESS[0]}

MESSAGE_BYTES = 24
"""A message without options."""
SENDER = slice(22, 38)
TARGET_AT = 62
OPTIONS_AT = 78
FRAME_BYTES = OPTIONS_AT
"""A whole frame is at least that long."""

ANY_ADDRESS = IPv6Address(0)
"""The sender of a probe (RFC 4862 section 5.4.2): a station that has no address yet."""

decisive_parts = Struct("! 6s 6s H B 3x H H 16s 16s H 6x 16s").unpack_from
"""Destination, source, Ethernet type, version and traffic class, length of the message, next header
and hop limit, sender, receiver, type and code, target: of a frame of at least `FRAME_BYTES`."""
_FLAGS_AT = 58


@dataclass(frozen=True, slots=True, kw_only=True)
class Solicitation:
    """The question where `target` is. A probe has no sender (RFC 4861 section 4.3)."""

    destination: bytes
    source: bytes
    sender: IPv6Address
    receiver: IPv6Address
    target: IPv6Address
    source_mac: bytes | None
    """The option: where the sender is."""

    def frame(self) -> bytes:
        """The bytes on the wire."""
        option = SOURCE_LINK_ADDRESS + self.source_mac if self.source_mac else b""
        return _frame(self, SOLICITATION, 0, option)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """The word that `target` is here (RFC 4861 section 4.4)."""

    destination: bytes
    source: bytes
    sender: IPv6Address
    receiver: IPv6Address
    target: IPv6Address
    flags: int
    target_mac: bytes | None
    """The option: where the target is."""

    def frame(self) -> bytes:
        """The bytes on the wire."""
        option = TARGET_LINK_ADDRESS + self.target_mac if self.target_mac else b""
        return _frame(self, ADVERTISEMENT, self.flags, option)


Message = Solicitation | Advertisement


def _frame(message: Message, kind: int, flags: int, option: bytes) -> bytes:
    sender, receiver = message.sender.packed, message.receiver.packed
    rest = bytes((flags, 0, 0, 0)) + message.target.packed + option
    opening = kind.to_bytes(2, "big")
    checksum = ipv6.checksum(
        source=sender,
        destination=receiver,
        next_header=NEXT_HEADER,
        payload=opening + bytes(2) + rest,
    )
    header = ipv6.header(
        source=sender,
        destination=receiver,
        payload_bytes=MESSAGE_BYTES + len(option),
        next_header=NEXT_HEADER,
        hop_limit=HOP_LIMIT,
    )
    return (
        ethernet.header(
            destination=message.destination, source=message.source, ethertype=ETHERTYPE_IPV6
        )
        + header
        + opening
        + checksum.to_bytes(2, "big")
        + rest
    )


def sound(frame: bytes, message_bytes: int) -> bool:
    """Is a message of this length whole in the frame, and its checksum right (RFC 4443 2.3)?

    Of a message the length is a multiple of eight, as all options are.
    """
    end = OPTIONS_AT - MESSAGE_BYTES + message_bytes
    if message_bytes < MESSAGE_BYTES or message_bytes % OPTION_BYTES or end > len(frame):
        return False
    # Sender, receiver and message lie side by side: the pseudo header lacks length and type only.
    total = int.from_bytes(frame[SENDER.start : end], "big") + message_bytes + NEXT_HEADER
    return total % 0xFFFF == 0


def parse(frame: bytes) -> Message | None:
    """Read an untagged frame; None for whatever is not a sound solicitation or advertisement."""
    if len(frame) < FRAME_BYTES:
        return None
    parts = decisive_parts(frame)
    destination, source, ethertype, version, length, next_and_hops, *addresses = parts
    sender, receiver, kind, target = addresses
    if (ethertype, version >> 4, next_and_hops) != (ETHERTYPE_IPV6, 6, NEXT_AND_HOPS):
        return None
    wanted = _WANTED_OPTIONS.get(kind)
    if wanted is None or is_group(sender) or is_group(target) or not sound(frame, length):
        return None
    found = link_address(frame, length, wanted)
    if found is None or not names_one_station(found or source):
        return None
    flags = frame[_FLAGS_AT]
    if kind == ADVERTISEMENT:
        if is_group(receiver) and flags & SOLICITED:
            return None
        return Advertisement(
            destination=destination,
            source=source,
            sender=IPv6Address(sender),
            receiver=IPv6Address(receiver),
            target=IPv6Address(target),
            flags=flags & (ROUTER | SOLICITED | OVERRIDE),
            target_mac=found or None,
        )
    if sender == ipv6.UNSPECIFIED and (found or not is_solicited_node_group(receiver)):
        return None
    return Solicitation(
        destination=destination,
        source=source,
        sender=IPv6Address(sender),
        receiver=IPv6Address(receiver),
        target=IPv6Address(target),
        source_mac=found or None,
    )


def link_address(frame: bytes, message_bytes: int, wanted: int) -> bytes | None:
    """The link-layer address in the first option of a type; empty where there is none.

    None when the options of a message that is whole in the frame are not sound.
    """
    at, end = OPTIONS_AT, OPTIONS_AT - MESSAGE_BYTES + message_bytes
    found = b""
    while at < end:
        eights = frame[at + 1]
        after = at + eights * OPTION_BYTES
        if not eights or after > end:
            return None
        if frame[at] == wanted and not found:
            found = frame[at + 2 : after]
            if len(found) != MAC_BYTES:
                return None
        at = after
    return found


def reply(
    *,
    mac: bytes,
    address: IPv6Address,
    to_mac: bytes,
    to_address: IPv6Address = ANY_ADDRESS,
) -> bytes:
    """The answer "`address` is at `mac`" to one asker (RFC 4861 section 7.2.4).

    A probe has no sender to answer to: all nodes hear that the address is in use.
    """
    if to_address == ANY_ADDRESS:
        return announcement(mac=mac, address=address)
    return Advertisement(
        destination=to_mac,
        source=mac,
        sender=address,
        receiver=to_address,
        target=address,
        flags=SOLICITED | OVERRIDE,
        target_mac=mac,
    ).frame()


REPLY_KIND = ADVERTISEMENT << 16
"""Type and code of a reply, before the checksum: 32 bits."""


def reply_opening(*, mac: bytes, address: bytes) -> bytes:
    """Bytes 6 to 38 of every reply about an address: source MAC to sender address.

    Before it goes the asker's MAC; after it the asker's address, `REPLY_KIND` with the checksum,
    and the end.
    """
    return (
        mac
        + ETHERTYPE_IPV6.to_bytes(2, "big")
        + ipv6.header(
            source=address,
            destination=b"",
            payload_bytes=MESSAGE_BYTES + OPTION_BYTES,
            next_header=NEXT_HEADER,
            hop_limit=HOP_LIMIT,
        )
    )


def reply_end(*, mac: bytes, address: bytes) -> bytes:
    """Bytes 58 to 86 of every solicited reply about an address: flags to target MAC."""
    return bytes((SOLICITED | OVERRIDE, 0, 0, 0)) + address + TARGET_LINK_ADDRESS + mac


def reply_sum(*, mac: bytes, address: bytes) -> int:
    """What all but the receiver's address adds to the checksum of a solicited reply.

    The checksum is the negative of the whole sum, modulo 65535.
    """
    end = reply_end(mac=mac, address=address)
    return words_sum(address + end) + ADVERTISEMENT + MESSAGE_BYTES + OPTION_BYTES + NEXT_HEADER


def solicitation(
    *, mac: bytes, sender: IPv6Address, target: IPv6Address, to_mac: bytes | None = None
) -> bytes:
    """The question "where is `target`?" (RFC 4861 section 7.2.2).

    To its solicited-node group or, to see whether it is still there, to one station.
    """
    group = solicited_node_group(target.packed)
    return Solicitation(
        destination=to_mac or ipv6.group_mac(group),
        source=mac,
        sender=sender,
        receiver=target if to_mac else IPv6Address(group),
        target=target,
        source_mac=mac,
    ).frame()


def probe(*, mac: bytes, address: IPv6Address) -> bytes:
    """The question "does anybody use `address`?" (RFC 4862 section 5.4.2).

    It names no sender, so that nobody's cache learns from it.
    """
    group = solicited_node_group(address.packed)
    return Solicitation(
        destination=ipv6.group_mac(group),
        source=mac,
        sender=ANY_ADDRESS,
        receiver=IPv6Address(group),
        target=address,
        source_mac=None,
    ).frame()


def announcement(*, mac: bytes, address: IPv6Address) -> bytes:
    """Tell all nodes that `address` is at `mac` (RFC 4861 section 7.2.6).

    With the override flag, so that a cached link-layer address gives way; unsolicited, so that it
    proves nobody's reachability.
    """
    return Advertisement(
        destination=ipv6.group_mac(ALL_NODES),
        source=mac,
        sender=address,
        receiver=IPv6Address(ALL_NODES),
        target=address,
        flags=OVERRIDE,
        target_mac=mac,
    ).frame()
