"""The Leases that are held together on this node: one for most Services, several for a group.

Rules of this file (all Leases of a group are held by one node, or nobody answers by any of them):
1. The leader is the holder of the first Lease, in the order of their names, that is held: by
   somebody whose time has not run out as far as this node has seen, or by this node as long as it
   has not seen that another took it.
2. Nobody leads: the first Lease of all is taken as if it were alone, and no other. So whoever wins
   it leads, and equals don't each come by a part.
3. This node leads: the rest is its to take, before all others.
4. Another node leads: what this node holds of the rest it releases, silent first, and it takes none
   of them. Only the first of all, if it is free, is taken after one rank more, in which the leader
   would have taken it: that may be a client that knows nothing of groups. So who leads next comes
   earlier in the order, and two nodes that each hold a part come to rest.
5. Who has not the room to hold all holds none: else it would keep them from everybody.
6. The node answers by the tenures of all together. What an answer to a probe means depends on whom
   any of the Leases was taken from; a doubt is settled when all of them were renewed; what was held
   over comes back when all of them may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from l2announcer.core.election import Elector
from l2announcer.core.hand_outs import Purpose
from l2announcer.core.hold_over import Interruption
from l2announcer.core.predecessor import NOBODY, Kind, Predecessor
from l2announcer.core.tenure import Joint, Right
from l2announcer.core.terms import Terms

SHARED = "Services that share an address are announced by one node"
_WORST_FIRST = (Kind.STRANGER, Kind.OURS, Kind.GIVER)


class Part(Enum):
    """What this node does about one Lease of the group."""

    TAKE = "take"
    TAKE_AT_ONCE = "take before all others"
    TAKE_LATER = "take, unless the leader does"
    LEAVE = "leave to the leader"


@dataclass(frozen=True, slots=True)
class Lead:
    """Who leads: `first` is the index of its first Lease; none is held where `holder` is empty."""

    holder: str = ""
    first: int = 0
    own: bool = False


class Company:
    """The Electors of the Leases that are held together, in the order of the Leases' names.

    `left_because` says why this node does not take all of them now; "" while it does.
    """

    def __init__(self, electors: Sequence[Elector]) -> None:
        self.electors = tuple(electors)
        self.left_because = ""
        tenures = tuple(elector.tenure for elector in self.electors)
        self.right: Right = tenures[0] if len(tenures) == 1 else Joint(tenures)

    @property
    def renewed_at(self) -> float:
        """By when all were renewed: the hand-out of the oldest of the last accepted writes."""
        return min(elector.renewed_at for elector in self.electors)

    @property
    def predecessor(self) -> Predecessor:
        """From whom they were taken: the worst of all, with all of their MACs."""
        found = [elector.predecessor for elector in self.electors]
        kinds = {each.kind for each in found}
        for kind in _WORST_FIRST:
            if kind in kinds:
                return Predecessor(kind, frozenset().union(*(each.macs for each in found)))
        return NOBODY

    @property
    def problem(self) -> str:
        """What is wrong with one of them; "" is nothing."""
        return next((elector.problem for elector in self.electors if elector.problem), "")

    @property
    def interruptions(self) -> int:
        """How often one of them was interrupted while it was held over."""
        return max(elector.hold_over.interruptions for elector in self.electors)

    @property
    def interruption(self) -> Interruption | None:
        """The last interruption of the first of them that had one."""
        found = (elector.hold_over.interruption for elector in self.electors)
        return next((each for each in found if each is not None), None)

    def taking(self, now: float) -> bool:
        """Are all that are missing being taken by writes under way, so that checks may begin?

        Not while writes fail: their probes would keep a holder from coming back (core.comeback).
        """
        missing = [elector for elector in self.electors if not elector.tenure.valid(now)]
        return bool(missing) and all(
            each.taking is Purpose.TAKE and each.likely for each in missing
        )

    def returning(self, now: float, terms: Terms) -> bool:
        """Are they silent, but may come back by the segment's leave?"""
        ended = [elector for elector in self.electors if not elector.tenure.valid(now)]
        return bool(ended) and all(elector.returning(now, terms) for elector in ended)

    def come_back(self, now: float, terms: Terms) -> None:
        """Hold over again: nobody else was heard."""
        for elector in self.electors:
            if not elector.tenure.valid(now):
                elector.come_back(now, terms)

    def hurry(self) -> None:
        """Renew all: whether they are still ours is in doubt."""
        for elector in self.electors:
            elector.hurry()

    def why_not(self, now: float, terms: Terms) -> str:
        """Say which of the Leases keeps this node from answering; "" if none does."""
        for elector in self.electors:
            if not elector.tenure.valid(now):
                if elector.problem:
                    return elector.problem
                record, ours = elector.record, elector.ours(terms)
                other = record is not None and elector.held_until > now and not ours
                held = f"is held by {record.holder}" if record and other else "is still to be taken"
                return f"{SHARED}, and Lease {elector.name} {held}"
        return ""


def lead(electors: Sequence[Elector], now: float, terms: Terms) -> Lead:
    """Rule 1."""
    for first, elector in enumerate(electors):
        ours = elector.ours(terms)
        if elector.record is not None and (ours or elector.held_until > now):
            return Lead(elector.record.holder, first, ours)
    return Lead()


def left_because(lead: Lead, electors: Sequence[Elector], *, room: bool) -> str:
    """Say why this node does not take all of the Leases now; "" if it does."""
    if not room:
        return (
            f"{SHARED}, and this node has no room for all {len(electors)} of their Leases"
            " (k8sClientRateLimit.qps)"
        )
    if not lead.own:
        held = f"is held by {lead.holder}" if lead.holder else "is to be taken first"
        return f"{SHARED}, and Lease {electors[lead.first].name} {held}"
    return ""


def part(lead: Lead, place: int, *, room: bool) -> Part:
    """Rules 2 to 5 for the Lease at one place in the order; `room` is for all that is missing."""
    if not room:
        return Part.LEAVE
    if lead.own:
        return Part.TAKE_AT_ONCE
    if place == lead.first:
        return Part.TAKE
    return Part.TAKE_LATER if place == 0 else Part.LEAVE


def terms_of(part: Part | None, terms: Terms) -> Terms:
    """The terms on which a Lease of a group is taken: by rank, but sooner or later than others."""
    match part:
        case Part.TAKE_AT_ONCE:
            return replace(terms, rank=0)
        case Part.TAKE_LATER:
            return replace(terms, rank=terms.rank + 1)
        case _:
            return terms
