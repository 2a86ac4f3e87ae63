"""Answers by Neighbour Discovery: what is answered on one interface for IPv6, and who claims it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from l2announcer.core.facts import Claimed, Overheard
from l2announcer.core.model import Link
from l2announcer.core.outcome import Outcome, give_way, overheard
from l2announcer.core.tenure import Tenure
from l2announcer.wire import ipv6, ndp
from l2announcer.wire.ethernet import UNSPECIFIED
from l2announcer.wire.ndp import (
    REPLY_FLAGS,
    REPLY_KIND,
    SENDER,
    SOURCE_LINK_ADDRESS,
    USUAL_BYTES,
    USUAL_HEAD,
    USUAL_REST,
    USUAL_SUMMED,
    Kind,
    usual_parts,
)

Line = tuple[Tenure, tuple[Tenure, ...]]
_SOLICITATION = Kind.SOLICITATION.to_bytes(2, "big")
_KIND = slice(54, 56)
_NO_SENDERS = frozenset({0x00, 0xFF})
_GROUP_MAC_PREFIX = ipv6.group_mac(ipv6.SOLICITED_NODE_PREFIX)
_number = int.from_bytes


class NdAnswers:
    """What is answered on one interface, and whose claims there are of interest.

    `link` is the interface, `addresses` are all that a filter has to let through, granted and
    watched, as sixteen bytes each. Nothing changes here but the tenures, which their electors move.
    """

    __slots__ = (
        "_end",
        "_lines",
        "_mac",
        "_never_asking",
        "_notable",
        "_opening",
        "_own",
        "_rest",
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
        self._mac = mac = link.mac
        self._own = own
        self._never_asking = frozenset((*own, UNSPECIFIED))
        self._notable = self.addresses | {ipv6.UNSPECIFIED}
        self._opening = ndp.reply_opening(mac=mac)
        self._end = ndp.reply_end(mac=mac)
        self._rest = ndp.reply_sum(mac=mac)
        self._lines: dict[bytes, Line] = {
            address: (first, tuple(others)) for address, (first, *others) in grants.items()
        }

    def answer(self, frame: bytes, now: float) -> bytes | Outcome:
        """The reply to send at once on the same interface, or why there is none.

        Any bytes are taken; none raises. Solicitations to the group of the address and to this
        interface alone are answered (RFC 4861 section 7.2.4), to where their option says that the
        sender is, or else to where they came from. A probe is answered to all nodes: the address is
        in use (RFC 4862 section 5.4.3).

        What is not answered here, as the usual solicitation for one of our addresses, is read.
        """
        if len(frame) < USUAL_BYTES:
            return self._answer_unusual(frame, now)
        destination, head, sender, kind, target, option, mac = usual_parts(frame)
        line = self._lines.get(target)
        if (
            line is None
            or head != USUAL_HEAD
            or kind != _SOLICITATION
            or option != SOURCE_LINK_ADDRESS
            or mac in self._never_asking
            or mac[0] & 1
            or sender == target
            or sender[0] in _NO_SENDERS
            or (_number(frame[USUAL_SUMMED], "big") + USUAL_REST) % 0xFFFF
        ):
            return self._answer_unusual(frame, now)
        if destination != self._mac and destination != _GROUP_MAC_PREFIX + target[13:]:
            return Outcome.NOT_TO_US
        tenure, others = line
        if not tenure.valid(now):
            return Outcome.NO_TENURE
        for other in others:
            if not other.valid(now):
                return Outcome.NO_TENURE
        total = self._rest + _number(sender, "big") + 2 * _number(target, "big")
        summed = (REPLY_KIND | -total % 0xFFFF).to_bytes(4, "big")
        return b"".join(
            (mac, self._opening, target, sender, summed, REPLY_FLAGS, target, self._end)
        )

    def claim(self, frame: bytes) -> Claimed | Overheard | None:
        """Does another station say here that it has, or is about to take, one of `addresses`?

        An advertisement says so of its target, a solicitation of its sender; one without a sender
        is a probe for its target. Such a frame may also be one that this node sent through another
        of its interfaces.
        """
        if frame[_KIND] == _SOLICITATION and frame[SENDER] not in self._notable:
            return None
        message = ndp.parse(frame)
        if message is None:
            return None
        mac = message.station
        probe = message.sender == ndp.ANY_ADDRESS and message.kind is Kind.SOLICITATION
        of_target = probe or message.kind is Kind.ADVERTISEMENT
        address = message.target if of_target else message.sender
        if address.packed not in self.addresses:
            return None
        if mac in self._own:
            return overheard(mac, self._own, self.link)
        return Claimed(address, mac, self.link.name, probe=probe)

    def give_way(self, claimed: Claimed) -> None:
        """Have the tenures of the claimed address give way."""
        line = self._lines.get(claimed.address.packed)
        if line is not None:
            give_way(claimed, (line[0], *line[1]))

    def _answer_unusual(self, frame: bytes, now: float) -> bytes | Outcome:
        """The same for any frame, and the whole rule."""
        message = ndp.parse(frame)
        if message is None:
            return Outcome.MALFORMED
        mac = message.station
        if mac in self._own:
            return Outcome.OWN
        if message.kind is not Kind.SOLICITATION:
            return Outcome.NOT_A_REQUEST
        if message.sender == message.target:
            return Outcome.GRATUITOUS
        line = self._lines.get(message.target.packed)
        if line is None:
            return Outcome.NOT_OURS
        group = ipv6.solicited_node_group(message.target.packed)
        if message.destination not in {ipv6.group_mac(group), self._mac}:
            return Outcome.NOT_TO_US
        tenure, others = line
        if not all(each.valid(now) for each in (tenure, *others)):
            return Outcome.NO_TENURE
        return ndp.reply(
            mac=self._mac, address=message.target, to_mac=mac, to_address=message.sender
        )
