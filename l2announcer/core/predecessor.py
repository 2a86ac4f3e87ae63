"""From whom a Lease was taken; decides how an answer to the first probe is read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from l2announcer.core.model import Holding, LeaseRecord


class Kind(Enum):
    """What is to be expected of it."""

    NOBODY = "nobody"  # it was ours, or never held
    OURS = "ours"  # an l2announcer: silent, or holding over, and then it gives way
    GIVER = "giver"  # an l2announcer that handed it over: silent, and this node is prepared
    STRANGER = "stranger"  # another client, which may answer on for a while


@dataclass(frozen=True, slots=True)
class Predecessor:
    """`macs` are those that its answers carry, as far as they are known."""

    kind: Kind
    macs: frozenset[str] = frozenset()


NOBODY = Predecessor(Kind.NOBODY)


def predecessor(known: LeaseRecord, holding: Holding | None, node: str) -> Predecessor:
    """Whom `node`, "" if it can't be itself, takes the Lease from that is `known`.

    `holding` is what it said last.

    Also one that released it may answer: where the release came late, because there was no answer
    to it, it may be holding over by now.
    """
    if known.holder and known.holder == node:
        return NOBODY
    if holding is not None:
        return Predecessor(Kind.OURS, frozenset(holding.macs))
    return Predecessor(Kind.STRANGER) if known.renew_time else NOBODY
