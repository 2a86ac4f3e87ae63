"""Neighbour Discovery on Ethernet: solicitations and advertisements built, and read (RFC 4861).

Rules of this file:
- What section 7.1.1 and 7.1.2 of RFC 4861 would discard is refused: a hop limit other than 255, so
  that nothing comes from beyond the link; a wrong checksum, code or length; a target that is a
  group; an option of no length; of a solicitation without a sender, one that goes elsewhere than to
  a solicited-node group, or says where the sender is; of an advertisement to a group, one that
  calls itself solicited.
- Refused is too what no sound sender writes: a group as the sender (RFC 4291 section 2.7), a
  link-layer address that is not of one station, or not of six bytes (RFC 2464 section 6).
- Other options and reserved bits are ignored; of two options alike the first counts. A packet with
  extension headers is none of ours: no sound sender needs any (RFC 6980 forbids to cut one up).
- A reply has always the target's link-layer address, and never the router flag.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
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


class Kind(IntEnum):
    """RFC 4861 sections 4.3 and 4.4: ICMPv6 type and code."""

    SOLICITATION = 0x8700
    ADVERTISEMENT = 0x8800


# RFC 4861 section 4.4: flags of an advertisement
ROUTER = 0x80
SOLICITED = 0x40
OVERRIDE = 0x20
_FLAGS = {Kind.SOLICITATION: 0, Kind.ADVERTISEMENT: ROUTER | SOLICITED | OVERRIDE}

# RFC 4861 section 4.6.1: options; the length counts eights of bytes
SOURCE_LINK_ADDRESS = b"\x01\x01"
TARGET_LINK_ADDRESS = b"\x02\x01"
OPTION_BYTES = 8
_OPTIONS = {Kind.SOLICITATION: SOURCE_LINK_ADDRESS, Kind.ADVERTISEMENT: TARGET_LINK_ADDRESS}

MESSAGE_BYTES = 24
"""A message without options."""
SENDER = slice(22, 38)
TARGET = slice(62, 78)
OPTIONS_AT = 78
FRAME_BYTES = OPTIONS_AT
"""A whole frame is at least that long."""

ANY_ADDRESS = IPv6Address(0)
"""The sender of a probe (RFC 4862 section 5.4.2): a station that has no address yet."""

_parts = Struct("! 6s 6s H B 3x H H 16s 16s H 2x B 3x 16s").unpack_from

USUAL_BYTES = FRAME_BYTES + OPTION_BYTES
"""Nearly every solicitation has one option, that says where the sender is."""
USUAL_HEAD = bytes.fromhex("86dd 60000000 0020 3aff")
"""Bytes 12 to 22 of nearly every solicitation, and of our replies: Ethernet type to hop limit."""
usual_parts = Struct("6s 6x 10s 16s 16x 2s 6x 16s 2s 6s").unpack_from
"""Of at least `USUAL_BYTES`: destination, head, sender, kind, target, option, its MAC."""
USUAL_SUMMED = slice(SENDER.start, USUAL_BYTES)
"""Sender, receiver and message lie side by side. Their words and `USUAL_REST`, which is what else
the pseudo header has, come to nothing modulo 65535 where the checksum is right."""
USUAL_REST = MESSAGE_BYTES + OPTION_BYTES + NEXT_HEADER
_KINDS = {int(kind): kind for kind in Kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One frame, read: the question where `target` is, or the word that it is here."""

    destination: bytes
    source: bytes
    sender: IPv6Address
    receiver: IPv6Address
    kind: Kind
    target: IPv6Address
    link_mac: bytes | None
    """The option: where the sender of a solicitation, the target of an advertisement is."""
    flags: int = 0

    @property
    def station(self) -> bytes:
        """The MAC of whom it speaks: as the option says or, without one, as the frame does."""
        return self.link_mac or self.source

    def frame(self) -> bytes:
        """The bytes on the wire."""
        sender, receiver = self.sender.packed, self.receiver.packed
        kind = self.kind.to_bytes(2, "big")
        option = _OPTIONS[self.kind] + self.link_mac if self.link_mac else b""
        rest = bytes((self.flags, 0, 0, 0)) + self.target.packed + option
        checksum = ipv6.checksum(
            source=sender,
            destination=receiver,
            next_header=NEXT_HEADER,
            payload=kind + bytes(2) + rest,
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
                destination=self.destination, source=self.source, ethertype=ETHERTYPE_IPV6
            )
            + header
            + kind
            + checksum.to_bytes(2, "big")
            + rest
        )


def _sound(frame: bytes, message_bytes: int) -> bool:
    """Is a message of this length whole in the frame, and its checksum right (RFC 4443 2.3)?

    Of a message the length is a multiple of eight, as all options are.
    """
    end = OPTIONS_AT - MESSAGE_BYTES + message_bytes
    if message_bytes < MESSAGE_BYTES or message_bytes % OPTION_BYTES or end > len(frame):
        return False
    total = int.from_bytes(frame[SENDER.start : end], "big") + message_bytes + NEXT_HEADER
    return total % 0xFFFF == 0


def parse(frame: bytes) -> Message | None:
    """Read an untagged frame; None for whatever is not a sound solicitation or advertisement."""
    if len(frame) < FRAME_BYTES:
        return None
    destination, source, ethertype, version, length, next_and_hops, *message = _parts(frame)
    sender, receiver, number, flags, target = message
    if (ethertype, version >> 4, next_and_hops) != (ETHERTYPE_IPV6, 6, NEXT_AND_HOPS):
        return None
    kind = _KINDS.get(number)
    if kind is None or is_group(sender) or is_group(target) or not _sound(frame, length):
        return None
    link_mac = _link_mac(frame, length, _OPTIONS[kind])
    if link_mac is None or not names_one_station(link_mac or source):
        return None
    if kind is Kind.ADVERTISEMENT:
        if is_group(receiver) and flags & SOLICITED:
            return None
    elif sender == ipv6.UNSPECIFIED and (link_mac or not is_solicited_node_group(receiver)):
        return None
    return Message(
        destination=destination,
        source=source,
        sender=IPv6Address(sender),
        receiver=IPv6Address(receiver),
        kind=kind,
        target=IPv6Address(target),
        link_mac=link_mac or None,
        flags=flags & _FLAGS[kind],
    )


def _link_mac(frame: bytes, message_bytes: int, option: bytes) -> bytes | None:
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
        if frame[at] == option[0] and not found:
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
    return Message(
        destination=to_mac,
        source=mac,
        sender=address,
        receiver=to_address,
        kind=Kind.ADVERTISEMENT,
        target=address,
        link_mac=mac,
        flags=SOLICITED | OVERRIDE,
    ).frame()


REPLY_KIND = Kind.ADVERTISEMENT << 16
"""Type and code of a reply, before the checksum: 32 bits."""


REPLY_FLAGS = bytes((SOLICITED | OVERRIDE, 0, 0, 0))
"""What follows the checksum of a solicited reply."""


def reply_opening(*, mac: bytes) -> bytes:
    """Bytes 6 to 22 of every reply from an interface: source to hop limit.

    Before it goes the asker's MAC; after it the answered address, the asker's address, `REPLY_KIND`
    with the checksum, `REPLY_FLAGS`, the answered address again, and the end.
    """
    return mac + USUAL_HEAD


def reply_end(*, mac: bytes) -> bytes:
    """Bytes 78 to 86 of every reply from an interface: the option."""
    return TARGET_LINK_ADDRESS + mac


def reply_sum(*, mac: bytes) -> int:
    """What all but the addresses adds to the checksum of a solicited reply.

    The answered address counts twice. The checksum is the negative of the whole sum, modulo 65535.
    """
    return words_sum(REPLY_FLAGS + reply_end(mac=mac)) + Kind.ADVERTISEMENT + USUAL_REST


def solicitation(
    *, mac: bytes, sender: IPv6Address, target: IPv6Address, to_mac: bytes | None = None
) -> bytes:
    """The question "where is `target`?" (RFC 4861 section 7.2.2).

    To its solicited-node group or, to see whether it is still there, to one station.
    """
    group = solicited_node_group(target.packed)
    return Message(
        destination=to_mac or ipv6.group_mac(group),
        source=mac,
        sender=sender,
        receiver=target if to_mac else IPv6Address(group),
        kind=Kind.SOLICITATION,
        target=target,
        link_mac=mac,
    ).frame()


def probe(*, mac: bytes, address: IPv6Address) -> bytes:
    """The question "does anybody use `address`?" (RFC 4862 section 5.4.2).

    It names no sender, so that nobody's cache learns from it.
    """
    group = solicited_node_group(address.packed)
    return Message(
        destination=ipv6.group_mac(group),
        source=mac,
        sender=ANY_ADDRESS,
        receiver=IPv6Address(group),
        kind=Kind.SOLICITATION,
        target=address,
        link_mac=None,
    ).frame()


def announcement(*, mac: bytes, address: IPv6Address) -> bytes:
    """Tell all nodes that `address` is at `mac`, whatever they have cached (RFC 4861 7.2.6)."""
    return Message(
        destination=ipv6.group_mac(ALL_NODES),
        source=mac,
        sender=address,
        receiver=IPv6Address(ALL_NODES),
        kind=Kind.ADVERTISEMENT,
        target=address,
        link_mac=mac,
        flags=OVERRIDE,
    ).frame()
