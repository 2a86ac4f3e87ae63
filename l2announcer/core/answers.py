"""The answer table: for each interface, what is answered there, and while whose tenure lasts.

An address with several grants on one interface is shared by Services; it is answered only while
all of their tenures are valid. IPv6 is not answered yet: such grants leave no line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from l2announcer.core.facts import Claimed
from l2announcer.core.model import Announcement, Link
from l2announcer.core.tenure import Tenure
from l2announcer.wire import arp
from l2announcer.wire.arp import (
    FRAME_BYTES,
    REPLY_PADDING,
    REQUEST_KIND,
    SENDER_ADDRESS,
    decisive_parts,
)
from l2announcer.wire.ethernet import BROADCAST, UNSPECIFIED, names_one_station


@dataclass(frozen=True, slots=True)
class Grant:
    """The node answers for the announcement while its tenure is valid."""

    announcement: Announcement
    tenure: Tenure


class Outcome(Enum):
    """Why a frame is not answered; the value is the reason's name in metrics."""

    MALFORMED = "malformed"
    NOT_A_REQUEST = "not_a_request"
    NOT_OURS = "not_ours"  # nobody granted us the address on this interface
    NOT_TO_US = "not_to_us"  # sent to another station than this interface
    OWN = "own"  # asked by this very node
    GRATUITOUS = "gratuitous"  # another station announces that it has the address
    NO_TENURE = "no_tenure"  # granted, but the right to answer has run out


Line = tuple[Tenure, tuple[Tenure, ...], bytes]


class InterfaceAnswers:
    """What is answered on one interface, and whose claims there are of interest.

    `link` is the interface, `addresses` are all that a filter has to let through, granted and
    watched, as four bytes each. Nothing changes here but the tenures, which their electors move.
    """

    __slots__ = (
        "_destinations",
        "_lines",
        "_never_asking",
        "_notable",
        "_own_macs",
        "addresses",
        "link",
    )

    def __init__(
        self,
        link: Link,
        grants: Mapping[bytes, list[Tenure]],
        watched: Iterable[bytes],
        own_macs: frozenset[bytes],
    ) -> None:
        self.link = link
        self.addresses = frozenset((*grants, *watched))
        self._own_macs = own_macs
        self._never_asking = own_macs | {UNSPECIFIED}
        self._destinations = frozenset({BROADCAST, link.mac})
        self._notable = self.addresses | {arp.ANY_ADDRESS.packed}
        opening = arp.reply_opening(mac=link.mac)
        self._lines: dict[bytes, Line] = {
            address: (first, tuple(others), opening + address)
            for address, (first, *others) in grants.items()
        }

    def answer(self, frame: bytes, now: float) -> bytes | Outcome:
        """The reply to send at once on the same interface, or why there is none.

        Any bytes are taken; none raises. Requests to everybody and to this interface alone are
        answered (RFC 826), probes too (RFC 5227 section 2.1.1: the address is in use); the
        request's sender hardware address is where the reply goes, whatever the Ethernet source.
        """
        if len(frame) < FRAME_BYTES:
            return Outcome.MALFORMED
        destination, kind, mac, sender, target = decisive_parts(frame)
        line = self._lines.get(target)
        if line is None or kind != REQUEST_KIND or mac in self._never_asking or mac[0] & 1:
            return self._refused(frame)
        if destination not in self._destinations:
            return Outcome.NOT_TO_US
        if sender == target:
            return Outcome.GRATUITOUS
        tenure, others, opening = line
        if now >= tenure.until:
            return Outcome.NO_TENURE
        for other in others:
            if now >= other.until:
                return Outcome.NO_TENURE
        return b"".join((mac, opening, mac, sender, REPLY_PADDING))

    def claim(self, frame: bytes) -> Claimed | None:
        """Does another station say here that it has, or is about to take, one of `addresses`?

        Any sound frame says so of its sender address, be it request, reply or announcement; a
        request without a sender address is a probe for its target.
        """
        if frame[SENDER_ADDRESS] not in self._notable:
            return None
        packet = arp.parse(frame)
        if packet is None or packet.sender_mac in self._own_macs:
            return None
        probe = packet.sender_address == arp.ANY_ADDRESS
        if probe and packet.operation is not arp.Operation.REQUEST:
            return None
        address = packet.target_address if probe else packet.sender_address
        if address.packed not in self.addresses:
            return None
        return Claimed(address, packet.sender_mac, self.link.name, probe=probe)

    def _refused(self, frame: bytes) -> Outcome:
        """The reason for a frame that is not a sound request for a granted address."""
        packet = arp.parse(frame)
        if packet is None:
            return Outcome.MALFORMED
        if packet.sender_mac in self._own_macs:
            return Outcome.OWN
        if packet.operation is not arp.Operation.REQUEST:
            return Outcome.NOT_A_REQUEST
        if packet.sender_address == packet.target_address:
            return Outcome.GRATUITOUS
        return Outcome.NOT_OURS


class AnswerTable:
    """All grants by interface, and the addresses whose claims we want to hear of besides.

    `interfaces` is by index. An announcement whose interface is not among the links, or has no
    Ethernet address, has no part in it.
    """

    __slots__ = ("interfaces",)

    def __init__(
        self, grants: Iterable[Grant], watched: Iterable[Announcement], links: Iterable[Link]
    ) -> None:
        links = tuple(links)
        granted_by_name: dict[str, dict[bytes, list[Tenure]]] = {}
        for grant in grants:
            address, name = grant.announcement
            if address.version == 4:
                granted = granted_by_name.setdefault(name, {})
                granted.setdefault(address.packed, []).append(grant.tenure)
        watched_by_name: dict[str, list[bytes]] = {}
        for address, name in watched:
            if address.version == 4:
                watched_by_name.setdefault(name, []).append(address.packed)
        own_macs = frozenset(link.mac for link in links if names_one_station(link.mac))
        named = granted_by_name.keys() | watched_by_name.keys()
        self.interfaces: Mapping[int, InterfaceAnswers] = {
            link.index: InterfaceAnswers(
                link,
                granted_by_name.get(link.name, {}),
                watched_by_name.get(link.name, ()),
                own_macs,
            )
            for link in links
            if link.name in named and link.ethernet and link.mac in own_macs
        }
