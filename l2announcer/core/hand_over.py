"""The planned hand-over of one Lease, as the node that has it sees it, and as one that wants it.

The two writes themselves are the Elector's (rule 16 of core.election). Rules of this file:
- Who wants a Lease prepares first (core.preparation), and only then writes its wish into it: one
  wish at a time, never over another's. It asks none but a holder of ours.
- The favourite of the order that all nodes share (core.roster) wants what another has, once it has
  been able to serve, and the Lease has not moved, for the quiet period; at once when its name was
  put into the Service just now.
- From a holder that is leaving, the k-th favourite wants it after k half seconds.
- A wish counts at the holder if it names the present count of transitions, for some seconds after
  it was seen. What is not granted by then is taken off, and is not repeated before a quiet period.
- The holder gives only to who comes before it in the order as it sees it: two nodes that see it
  differently don't pass a Lease back and forth. A node that leaves, or stops, gives to anybody who
  asks.
- Who is not answering for all of it gives nothing, nor one who stops: a foreign host may have the
  address, and who is given a Lease does not probe.
- While the API server gives no answer nothing is given: the silence would last until it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from l2announcer.core import lease
from l2announcer.core.election import Elector, Wish
from l2announcer.core.model import PREFERRED_NODE, LeaseRecord, Service, Wanted
from l2announcer.core.moves import Moves, Moving
from l2announcer.core.terms import Terms

HEEDED_SECONDS = 10.0
RECONSIDER_SECONDS = 10.0  # where the nodes stand is no cheap question, and has no hurry
TURN_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """Where nodes stand for one Lease: `order` has the best first, others come after all.

    `preferred` is the one that its Services ask for by name, if they do.
    """

    order: tuple[str, ...] = ()
    preferred: str = ""

    def place(self, node: str) -> float:
        """How many come before it; infinity for one that isn't among them."""
        return self.order.index(node) if node in self.order else inf


class HandOver:
    """One Lease's. `wants`: this node prepares for it, and asks as soon as that is done.

    `settled` is set before each poll: all that the Lease stands for is answered for here.
    """

    def __init__(self, elector: Elector) -> None:
        self.wants = False
        self.settled = False
        self.wake_at = inf
        self._elector = elector
        self._by_hand = False
        self._able_since: float | None = None
        self._quiet_since = -inf
        self._stirred = False  # is the quiet period to begin anew?
        self._transitions: int | None = None
        self._stood = False  # our wish was in the Lease
        self._leaving_since: float | None = None  # its holder
        self._wish: Wanted | None = None  # of another, with the instant at which it was seen
        self._wish_at = -inf
        self._stance = Stance()
        self._stance_until = -inf

    def compare(self, before: Sequence[Service], after: Sequence[Service]) -> None:
        """Take in a change of the Services: which node they ask for is a wish of now.

        That they ask for none any more is no reason to hurry: it begins a quiet period.
        """
        asked = [
            [service.annotations.get(PREFERRED_NODE, "") for service in services]
            for services in (before, after)
        ]
        if before and asked[0] != asked[1]:
            self._by_hand, self._stance_until = any(asked[1]), -inf
            self._stirred = True

    def stand_back(self, moving: Moving) -> None:
        """Let the Lease go where the first one of its group goes."""
        self.wants, self.wake_at = False, inf
        intent = self._elector.intent
        intent.give_to, intent.asks = "", False
        for moves in moving:
            moves.end(self._elector.name)

    def poll(self, now: float, terms: Terms, moving: Moving, stance: Callable[[], Stance]) -> None:
        """Say to the Elector whom to give the Lease to, and whether this node wants it."""
        self.wake_at = inf
        self._keep_quiet(now, terms)
        self._elector.intent.give_to = self._given_to(now, terms, moving.giving, stance)
        wants_at = self._wants_at(now, terms, stance)
        if wants_at <= now:
            paced = not self._by_hand and self._leaving_since is None
            self.wants = moving.wanting.begin(self._elector.name, now, paced=paced)
        else:
            self.wants = False
            moving.wanting.end(self._elector.name)
            self.wake_at = min(self.wake_at, wants_at)

    def _keep_quiet(self, now: float, terms: Terms) -> None:
        elector, record = self._elector, self._elector.record
        if elector.wish is not Wish.HOLD or terms.holding.leaving:
            self._able_since = None
        elif self._able_since is None:
            self._able_since = now
        if self._stirred:
            self._quiet_since, self._stirred = now, False
        if record is None:
            return
        if record.transitions != self._transitions:
            self._quiet_since = -inf if self._transitions is None else now
            self._transitions = record.transitions
            self._stood, self._stance_until = False, -inf
        leaving = record.holding is not None and record.holding.leaving
        if leaving is not (self._leaving_since is not None):
            self._leaving_since = now if leaving else None
            self._stance_until = -inf

    def _consider(self, now: float, stance: Callable[[], Stance]) -> Stance:
        if now >= self._stance_until:
            self._stance, self._stance_until = stance(), now + RECONSIDER_SECONDS
        return self._stance

    # Giving

    def _given_to(
        self, now: float, terms: Terms, moves: Moves, stance: Callable[[], Stance]
    ) -> str:
        """To whom the Lease is to be given now; empty for nobody."""
        elector, record = self._elector, self._elector.record
        node = lease.wanted_by(record)
        if record is None or not node or node == terms.node or not elector.ours(terms):
            self._wish = elector.intent.declined = None
            if lease.given_to(record) and now < elector.held_until:
                self.wake_at = elector.held_until
            else:
                moves.end(elector.name)
            return ""
        if record.wanted != self._wish:
            self._wish, self._wish_at = record.wanted, now
        if elector.wish is Wish.RELEASE:
            return node if self.settled and record.wanted != elector.intent.declined else ""
        heeded_until = self._wish_at + HEEDED_SECONDS
        known, leaving = stance(), terms.holding.leaving
        welcome = leaving or known.place(node) < known.place(terms.node)
        if now >= heeded_until or not welcome:
            elector.intent.declined = record.wanted
        if elector.wish is not Wish.HOLD or record.wanted == elector.intent.declined:
            return ""
        self.wake_at = heeded_until
        tenure = elector.tenure
        sure = tenure.valid(now) and not tenure.holding_over and not elector.problem
        if not (sure and self.settled) and not elector.transferring:
            return ""
        paced = not leaving and node != known.preferred
        return node if moves.begin(elector.name, now, paced=paced) else ""

    # Wanting

    def _wants_at(self, now: float, terms: Terms, stance: Callable[[], Stance]) -> float:
        """From when on this node wants the Lease, as things are; infinity for not at all."""
        elector, record = self._elector, self._elector.record
        wished = elector.wish is Wish.HOLD
        if self.wants and wished and (elector.given(terms) or elector.taking):
            return -inf  # what is prepared is needed now
        if elector.ours(terms):
            self._by_hand = False
        if self._able_since is None or record is None or not self._askable(record, now, terms):
            self._stood = False
            # Who keeps it by a heartbeat may be back without a word about this Lease.
            return now + RECONSIDER_SECONDS if elector.known.kept_until <= now else inf
        asking = lease.wanted_by(record)
        if asking == terms.node:
            self._stood = True
        elif self._stood:  # it was taken off again
            self._stood = self._by_hand = False
            self._quiet_since = now
        if asking not in {"", terms.node}:
            return inf
        known = self._consider(now, stance)
        self._by_hand &= known.order[:1] == (terms.node,)
        if known.place(terms.node) >= known.place(record.holder):
            return inf
        quiet_until = max(self._able_since, self._quiet_since) + terms.quiet_seconds
        if self._leaving_since is not None and known.place(terms.node) < inf:
            return self._leaving_since + known.place(terms.node) * TURN_SECONDS
        if self._by_hand:
            return -inf
        favourite = known.order[:1] == (terms.node,)
        return quiet_until if terms.spread and favourite else inf

    def _askable(self, record: LeaseRecord, now: float, terms: Terms) -> bool:
        """Has somebody the Lease who could give it, and is there room for it here?"""
        held = record.holder not in {"", terms.node} and not lease.given_to(record)
        ours = record.holding is not None
        held_until = min(self._elector.held_until, self._elector.known.kept_until)
        return held and ours and now < held_until and terms.may_take
