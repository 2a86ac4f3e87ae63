"""In which order a node that stops gives up its Leases.

Rules of this file:
- Those of Services go first, since another node waits to answer for them.
- What says that this node takes part, or does the cluster's chores, follows a moment after they are
  gone: each request less at the API server makes the other's faster. A node that had nothing of the
  kind waits for nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from math import inf

from l2announcer.core.contest import Contest
from l2announcer.core.election import Wish
from l2announcer.core.terms import Terms

PAUSE_SECONDS = 0.1  # in which another node takes them, reads the Services, and answers


class Resignation:
    """Of one node; `wake_at` is when the moment is over."""

    def __init__(self) -> None:
        self.wake_at = inf
        self._owed = False  # was there a Service's Lease to give up?
        self._last_at: float | None = None

    def gives_up(
        self, contest: Contest, among: Collection[Contest], terms: Terms, now: float
    ) -> bool:
        """Is the Lease of this contest to go now, the node having begun to stop?"""
        if not contest.standing:
            return True
        self.wake_at = inf
        if any(each.elector.busy(terms) for each in among if not each.standing):
            self._owed, self._last_at = True, None
            return False
        if self._last_at is None:
            self._last_at = now if self._owed else -inf
        if now < self._last_at + PAUSE_SECONDS:
            self.wake_at = self._last_at + PAUSE_SECONDS
            return False
        return True

    @staticmethod
    def over(contests: Collection[Contest], terms: Terms) -> bool:
        """Is nothing owed to the API server any more?"""
        return not any(
            contest.elector.wish is Wish.HOLD or contest.elector.busy(terms) for contest in contests
        )
