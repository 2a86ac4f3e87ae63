"""What this node wants of one Lease, and when it is to write it for that (rules of core.election).

Whoever knows a reason sets it before each poll of the Elector: the holder that is to be asked, the
node that the Lease is to be given to, the heartbeat that is to be fenced.
"""

from __future__ import annotations

from enum import Enum
from math import inf

from l2announcer.core import lease
from l2announcer.core.attempts import RETRY_SECONDS, Attempts
from l2announcer.core.hand_outs import HandOuts, Purpose
from l2announcer.core.known_lease import KnownLease
from l2announcer.core.model import LeaseRecord, Wanted
from l2announcer.core.tenure import Tenure
from l2announcer.core.terms import RANK_SECONDS, Terms

WRITE_INTERVAL_SECONDS = 1.0


class Wish(Enum):
    """What the node wants of the Lease: to hold it, to give it back, or to let it run out."""

    HOLD = "hold"
    RELEASE = "release"
    ABANDON = "abandon"


class Intent:
    """One Lease's, of whose state the other parts of its Elector know.

    `asks`: the holder is to be asked for it. `give_to`: the node to hand it over to. `declined`:
    who asked in vain, which our next renewal says. `fence_at`: when a silent node's heartbeat is to
    be fenced. `floor`: which count of transitions is behind it already, whatever is seen of it.
    `withheld`: its writes wait for others. `hurried`: whether it is still ours is in doubt.
    """

    def __init__(self, known: KnownLease, attempts: Attempts, tenure: Tenure) -> None:
        self.wish = Wish.ABANDON
        self.asks = False
        self.give_to = ""
        self.declined: Wanted | None = None
        self.fence_at = inf
        self.floor = -1
        self.withheld = False
        self.hurried = False
        self._known = known
        self._attempts = attempts
        self._tenure = tenure
        self._wished_at: float | None = None  # when a poll first saw the wish
        self._ask_at = -inf

    def want(self, wish: Wish) -> bool:
        """Set the wish; False if it is the same."""
        if wish is self.wish:
            return False
        self.wish = wish
        self._wished_at = None
        return True

    def seen(self, now: float) -> None:
        """Take in that there is a poll."""
        if self._wished_at is None:
            self._wished_at = now

    def handed_out(self, purpose: Purpose, now: float) -> None:
        """Take in that a write is handed out."""
        self.hurried = False
        if purpose is Purpose.WANT:
            self._ask_at = now + RETRY_SECONDS

    @property
    def owes_read(self) -> bool:
        """Is the Lease to be read before anything is written?"""
        return self._attempts.owes_read(wished=self.wish is Wish.HOLD or self.fence_at < inf)

    def due_at(self, hand_outs: HandOuts, now: float, terms: Terms) -> float:
        """When the next call is due; infinity is: not before something else is known."""
        retry_at, known = self._attempts.retry_at, self._known
        if self.owes_read:
            return retry_at
        ours = known.ours(terms)
        if self.wish is not Wish.HOLD:
            return max(retry_at, min(self.fence_at, self._gives_up_at(terms) if ours else inf))
        if terms.node_leases and (terms.right is None or not terms.right.tenure.valid(now)):
            return inf
        # Rule 2 does not concern a change of hands, which is a change to everybody; below, too.
        if (ours and self.give_to) or known.given(terms):
            return retry_at
        if ours and self._stands(now, terms) and not self.hurried and not self._says_else(terms):
            kept = terms.right is not None
            return inf if kept else max(retry_at, hand_outs.last_at + terms.renew_seconds)
        again_at = max(retry_at, hand_outs.last_at + WRITE_INTERVAL_SECONDS)
        if ours:
            return again_at
        ask_at = self._ask_at if self.asks and not lease.wanted_by(known.record) else inf
        taken_at = max(retry_at, hand_outs.last_take_at + WRITE_INTERVAL_SECONDS)
        return min(ask_at, max(taken_at, self._turn_at(now, terms)) if terms.may_take else inf)

    def purpose(self, now: float, terms: Terms) -> Purpose:
        """What the write is for that is due."""
        if self._known.ours(terms):
            if self.give_to:
                return Purpose.TRANSFER
            return Purpose.RENEW if self.wish is Wish.HOLD else Purpose.RELEASE
        if self.wish is not Wish.HOLD:
            return Purpose.FENCE
        if self._known.given(terms):
            return Purpose.RECEIVE
        return Purpose.WANT if now < self._known.held_until else Purpose.TAKE

    def free_at(self, terms: Terms) -> float:
        """From when on another than its holder may take or fence it, before ranks."""
        return self._known.free_at(self._attempts.answers_again_at, terms)

    def _gives_up_at(self, terms: Terms) -> float:
        """When a Lease of ours is released that isn't wanted; one that is kept can't run out."""
        if self.wish is Wish.RELEASE:
            return -inf
        if self._known.under is None or self._wished_at is None:
            return inf
        return self._wished_at + terms.duration_seconds

    def _stands(self, now: float, terms: Terms) -> bool:
        """Has an accepted write of ours all that it needs, but for renewals?"""
        if terms.right is None:
            return self._tenure.valid(now)
        return now < self._tenure.until and self._tenure.under is terms.right.tenure

    def _says_else(self, terms: Terms) -> bool:
        """Does our Lease not say yet whether we are leaving, or that we declined what it asks?

        Others act on what it says.
        """
        record: LeaseRecord | None = self._known.record
        if record is None or record.holding is None:
            return False
        declined = terms.right is not None and record.wanted == self.declined
        return record.holding.leaving is not terms.holding.leaving or (
            declined and record.wanted is not None
        )

    def _turn_at(self, now: float, terms: Terms) -> float:
        """When a Lease that isn't ours may be taken: by rank, once it is free and wanted."""
        wished_at = now if self._wished_at is None else self._wished_at
        return max(self.free_at(terms), wished_at) + terms.rank * RANK_SECONDS
