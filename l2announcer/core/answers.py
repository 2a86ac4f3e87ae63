"""The answer table: for each interface, what is answered there, and while whose tenure lasts.

An address with several grants on one interface is shared by Services; it is answered only while
all tenures of all of them are valid. Each protocol has lines of its own (core.answers_arp,
core.answers_nd), with the same ways.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from l2announcer.core.answers_arp import ArpAnswers
from l2announcer.core.answers_nd import NdAnswers
from l2announcer.core.model import Announcement, IPAddress, Link
from l2announcer.core.tenure import Right, Tenure
from l2announcer.wire.ethernet import names_one_station


@dataclass(frozen=True, slots=True)
class Grant:
    """The node answers for the announcement while its tenure is valid."""

    announcement: Announcement
    tenure: Right


class WireProtocol(Enum):
    """How neighbours ask for an address; the value is its name in metrics."""

    ARP = "arp"
    ND = "nd"


def protocol_of(address: IPAddress) -> WireProtocol:
    """How neighbours ask for this address."""
    return WireProtocol.ARP if address.version == 4 else WireProtocol.ND


class Place(NamedTuple):
    """Where questions arrive: an interface, by its number, and a protocol."""

    interface: int
    protocol: WireProtocol


PlaceAnswers = ArpAnswers | NdAnswers
"""What is answered at a place: `link`, `addresses`, answer(frame, now), claim(frame) and
give_way(claimed)."""

_KINDS: Mapping[WireProtocol, type[ArpAnswers | NdAnswers]] = {
    WireProtocol.ARP: ArpAnswers,
    WireProtocol.ND: NdAnswers,
}


class AnswerTable:
    """All grants by place, and the addresses whose claims we want to hear of besides.

    An announcement whose interface is not among the links, or has no Ethernet address, has no part
    in it.
    """

    __slots__ = ("places",)

    def __init__(
        self, grants: Iterable[Grant], watched: Iterable[Announcement], links: Iterable[Link]
    ) -> None:
        links = tuple(links)
        granted: dict[tuple[str, WireProtocol], dict[bytes, list[Right]]] = {}
        for grant in grants:
            address, name = grant.announcement
            lines = granted.setdefault((name, protocol_of(address)), {})
            rights = lines.setdefault(address.packed, [])
            if grant.tenure not in rights:  # those of one group have one
                rights.append(grant.tenure)
        heard: dict[tuple[str, WireProtocol], list[bytes]] = {}
        for address, name in watched:
            heard.setdefault((name, protocol_of(address)), []).append(address.packed)
        own = _own(links)
        self.places: Mapping[Place, PlaceAnswers] = {
            Place(link.index, protocol): answers(
                link, _tenures(granted.get(key, {})), heard.get(key, ()), own
            )
            for link in links
            if link.ethernet and link.mac in own
            for protocol, answers in _KINDS.items()
            if (key := (link.name, protocol)) in granted or key in heard
        }


def _tenures(lines: Mapping[bytes, Iterable[Right]]) -> dict[bytes, list[Tenure]]:
    """All that must be valid, for each address."""
    return {
        address: [part for right in rights for part in right.parts]
        for address, rights in lines.items()
    }


def _own(links: tuple[Link, ...]) -> dict[bytes, str]:
    """What tells a frame of ours, and the name of the interface that it left by.

    Of interfaces with one MAC (a bridge and its port) that is the one through which we send; where
    we send through several (a card and its VLANs) nobody can tell, and it has no name.
    """
    senders = Counter(link.mac for link in links if link.usable)
    return {
        link.mac: link.name if senders[link.mac] < 2 else ""
        for link in sorted(links, key=lambda link: link.usable)
        if names_one_station(link.mac)
    }
