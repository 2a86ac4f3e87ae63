"""How many Leases this node may hold: no more than its renewals can carry.

Rules of this file:
- A Lease counts from the moment at which it is being taken, until another wrote it.
- Leases are renewed at slightly different intervals: those that were taken at one moment, or that
  an outage brought together, don't go on being written at one moment.
- Who was passed over because the node was full is looked at again as soon as there is room; a
  group that needs room for several, as soon as the node has fewer than then.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from l2announcer.core.election import Elector
from l2announcer.core.lots import lot
from l2announcer.core.terms import Terms, pace, rarest_seconds

PERIODS = 32
LONGER = 0.05  # of the interval; by so much the longest is longer than the shortest


class Budget:
    """Counts Leases by name. `qps` is how many renewals a second this node may write."""

    def __init__(self, qps: float) -> None:
        self._qps = qps
        self._ours: set[str] = set()
        self._passed_over: set[str] = set()
        self._waiting: set[str] = set()  # of groups
        self._full_at = 0  # how many Leases there were when these found no room
        self._paced: Terms | None = None
        self._periods: tuple[Terms, ...] = ()  # the same terms, but for the interval

    def paced(self, terms: Terms) -> Terms:
        """The terms with what the present number of Leases allows."""
        renew_seconds, may_take = pace(len(self._ours), self._qps, terms)
        return replace(terms, renew_seconds=renew_seconds, may_take=may_take)

    def has_room(self, leases: int, terms: Terms) -> bool:
        """Can so many Leases be taken besides those that this node has?"""
        return leases < 1 or pace(len(self._ours) + leases - 1, self._qps, terms)[1]

    def pass_over(self, lease: str) -> None:
        """Note that there was no room for all Leases of a group, this one among them."""
        self._waiting.add(lease)
        self._full_at = max(self._full_at, len(self._ours))

    def terms_for(self, elector: Elector, terms: Terms) -> Terms:
        """The present terms; for one Lease too many in this very poll, those of a full node."""
        if elector.ours(terms):
            return self._period(elector.name, terms)
        if not terms.may_take or self.has_room(1, terms):
            return terms
        self._passed_over.add(elector.name)
        return replace(terms, may_take=False)

    def _period(self, lease: str, terms: Terms) -> Terms:
        if terms != self._paced:
            self._paced = terms
            shortest, rarest = terms.renew_seconds, rarest_seconds(terms)
            intervals = (shortest * (1 + LONGER * each / PERIODS) for each in range(PERIODS))
            self._periods = tuple(
                replace(terms, renew_seconds=max(shortest, min(interval, rarest)))
                for interval in intervals
            )
        return self._periods[int(lot(lease) * PERIODS)]

    def count(self, elector: Elector, terms: Terms) -> None:
        """Note whether the Lease is ours, after its Elector was polled."""
        if elector.ours(terms) or elector.taking:
            self._ours.add(elector.name)
        else:
            self._ours.discard(elector.name)

    def take_passed_over(self) -> AbstractSet[str]:
        """For whom there was no room since it was last asked."""
        passed_over, self._passed_over = self._passed_over, set()
        if self._waiting and len(self._ours) < self._full_at:
            passed_over |= self._waiting
            self._waiting, self._full_at = set(), 0
        return passed_over
