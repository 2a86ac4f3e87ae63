"""What becomes of a frame that came in and is not answered, and what it does to a tenure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from l2announcer.core.facts import Claimed, Overheard
from l2announcer.core.model import Link
from l2announcer.core.tenure import Tenure


class Outcome(Enum):
    """Why a frame is not answered; the value is the reason's name in metrics."""

    MALFORMED = "malformed"
    NOT_A_REQUEST = "not_a_request"
    NOT_OURS = "not_ours"  # nobody granted us the address on this interface
    NOT_TO_US = "not_to_us"  # sent to another station than this interface
    OWN = "own"  # asked by this very node
    GRATUITOUS = "gratuitous"  # another station announces that it has the address
    NO_TENURE = "no_tenure"  # granted, but the right to answer has run out


def overheard(mac: bytes, own: Mapping[bytes, str], link: Link) -> Overheard | None:
    """What a frame of our own, by its MAC, says when it arrives on `link`.

    Nothing where nobody can tell by which interface it left.
    """
    sender = own[mac]
    return Overheard(sender, link.name) if sender and mac != link.mac else None


def give_way(claimed: Claimed, tenures: Iterable[Tenure]) -> None:
    """End those of the claimed address that are held over; a probe is no reason to."""
    if not claimed.probe:
        for tenure in tenures:
            tenure.give_way()
