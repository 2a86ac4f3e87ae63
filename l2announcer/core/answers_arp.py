"""Answers by ARP: what is answered on one interface for IPv4 addresses, and who claims them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from l2announcer.core.facts import Claimed, Overheard
from l2announcer.core.model import Link
from l2announcer.core.outcome import Outcome, give_way, overheard
from l2announcer.core.tenure import Tenure
from l2announcer.wire import arp
from l2announcer.wire.arp import (
    FRAME_BYTES,
    REPLY_PADDING,
    REQUEST_KIND,
    SENDER_ADDRESS,
    decisive_parts,
)
from l2announcer.wire.ethernet import BROADCAST, UNSPECIFIED

Line = tuple[Tenure, tuple[Tenure, ...], bytes]


class ArpAnswers:
    """What is answered by ARP on one interface, and whose claims there are of interest.

    `link` is the interface, `addresses` are all that a filter has to let through, granted and
    watched, as four bytes each. Nothing changes here but the tenures, which their electors move.
    """

    __slots__ = (
        "_destinations",
        "_lines",
        "_never_asking",
        "_notable",
        "_own",
        "addresses",
        "link",
    )

    def __init__(
        self,
        link: Link,
        grants: Mapping[bytes, list[Tenure]],
        watched: Iterable[bytes],
        own: Mapping[bytes, str],
    ) -> None:
        self.link = link
        self.addresses = frozenset((*grants, *watched))
        self._own = own
        self._never_asking = frozenset((*own, UNSPECIFIED))
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
        if not tenure.valid(now):
            return Outcome.NO_TENURE
        for other in others:
            if not other.valid(now):
                return Outcome.NO_TENURE
        return b"".join((mac, opening, mac, sender, REPLY_PADDING))

    def claim(self, frame: bytes) -> Claimed | Overheard | None:
        """Does another station say here that it has, or is about to take, one of `addresses`?

        Any sound frame says so of its sender address, be it request, reply or announcement; a
        request without a sender address is a probe for its target. Such a frame may also be one
        that this node sent through another of its interfaces.
        """
        if frame[SENDER_ADDRESS] not in self._notable:
            return None
        packet = arp.parse(frame)
        if packet is None:
            return None
        if packet.sender_mac in self._own:
            return overheard(packet.sender_mac, self._own, self.link)
        probe = packet.sender_address == arp.ANY_ADDRESS
        if probe and packet.operation is not arp.Operation.REQUEST:
            return None
        address = packet.target_address if probe else packet.sender_address
        if address.packed not in self.addresses:
            return None
        to_us = packet.operation is arp.Operation.REPLY and frame[:6] == self.link.mac
        return Claimed(address, packet.sender_mac, self.link.name, probe=probe, to_us=to_us)

    def give_way(self, claimed: Claimed) -> None:
        """Have the tenures of the claimed address give way."""
        line = self._lines.get(claimed.address.packed)
        if line is not None:
            give_way(claimed, (line[0], *line[1]))

    def _refused(self, frame: bytes) -> Outcome:
        """The reason for a frame that is not a sound request for a granted address."""
        packet = arp.parse(frame)
        if packet is None:
            return Outcome.MALFORMED
        if packet.sender_mac in self._own:
            return Outcome.OWN
        if packet.operation is not arp.Operation.REQUEST:
            return Outcome.NOT_A_REQUEST
        if packet.sender_address == packet.target_address:
            return Outcome.GRATUITOUS
        return Outcome.NOT_OURS
