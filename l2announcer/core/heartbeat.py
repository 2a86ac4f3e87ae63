"""This node's heartbeat: the one Lease that says that it takes part in elections, and how it is.

Rules of this file:
- It is a Lease like any other, on terms of its own. Where each Lease is kept by itself it's no
  right to answer for anything, so it is renewed rarely, and nothing else waits for it.
- Where it keeps all Leases of this node (core.node_leases), it is renewed as one of them would be.
  Each number of it is a right of its own. That ends for good as soon as the heartbeat is seen with
  another number or in other hands, since others may take the Leases then: each is to be written
  under the new number first. One that vanished and is made again by us has the same number, and
  carries on what stood under it; nobody could take it without a later number.
- Once it has run out without an answer, be it after a missed step or a frozen process, it comes
  back at once, but as another right: each Lease has to come back by itself, by the segment's leave.
- What it says of the node (core.model.Holding) is written anew as soon as that changed.
- Nodes renew at slightly different intervals, so that they don't come to write all at once.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from l2announcer.core.contest import Contest
from l2announcer.core.effects import Effects, Transition
from l2announcer.core.lease import NODE
from l2announcer.core.lots import lot
from l2announcer.core.node_right import NodeRight
from l2announcer.core.tenure import Tenure
from l2announcer.core.terms import Terms

HEARTBEAT_PREFIX = "l2announcer-node-"
DURATION_SECONDS = 180
RENEW_SECONDS = 60.0
SPREAD = 0.1  # of the interval, by which nodes differ


def heartbeat_name(node: str) -> str:
    """The name of a node's heartbeat: one that Cilium's clean-up of Leases passes over."""
    return f"{HEARTBEAT_PREFIX}{node}"


class Heartbeat:
    """What this node says of itself. `degraded` is taken in by whoever knows.

    `right` is what it carries with `node_leases`, while it is ours; `state` tells, as of the last
    poll, if that lasts, and if it is held over.
    """

    def __init__(self, node: str, *, node_leases: bool) -> None:
        self.contest = Contest(heartbeat_name(node), standing=True, strict=not node_leases)
        self.degraded = False
        self.right: NodeRight | None = None
        self.state = (False, False)
        self._renew_seconds = RENEW_SECONDS * (1 + SPREAD * (lot(node) - 0.5))
        self._logged = ""

    def terms(self, terms: Terms) -> Terms:
        """The terms on which it is contested, given those of this node."""
        if terms.node_leases:
            return replace(
                terms,
                may_take=True,
                holding=replace(terms.holding, mode=NODE, degraded=self.degraded, heartbeat=None),
                node_leases=False,
                right=None,
            )
        return replace(
            terms,
            duration_seconds=DURATION_SECONDS,
            renew_seconds=self._renew_seconds,
            may_take=True,
            holding=replace(terms.holding, degraded=self.degraded),
        )

    def follow(self, terms: Terms) -> None:
        """Take in how the heartbeat is now; with every fact about it, and after its poll."""
        elector = self.contest.elector
        if not terms.node_leases or elector.record is None:
            return
        number = elector.record.transitions if elector.ours(terms) else None
        if self.right is None or self.right.number != number:
            self._begin(number)

    def _begin(self, number: int | None) -> None:
        """End the right for good, and have another one where there is a number."""
        elector = self.contest.elector
        if self.right is not None:
            self.right.tenure.void()
        self.right = None
        if number is not None:
            self.right = NodeRight(number, Tenure(inf, under=elector.tenure), elector.hold_over)

    def lend(self, now: float, terms: Terms) -> Terms:
        """The terms on which it carries other Leases, after its poll."""
        elector = self.contest.elector
        self.follow(terms)
        own = self.terms(terms)
        if elector.returning(now, own):
            self._begin(self.right.number if self.right is not None else None)
            elector.come_back(now, own)
        right = self.right
        if right is None:
            self.state = False, False
            return replace(terms, right=None, holding=replace(terms.holding, heartbeat=None))
        self.state = right.tenure.valid(now), right.tenure.holding_over
        holding = replace(terms.holding, mode=NODE, heartbeat=right.number)
        return replace(terms, right=right, holding=holding)

    def poll(self, terms: Terms, out: Effects) -> None:
        """Have written what changed; say once what is wrong with it. `terms` are its own."""
        elector = self.contest.elector
        if elector.ours(terms) and elector.record is not None:
            said = elector.record.holding
            if said is not None and said != terms.holding:
                elector.hurry()
        if elector.problem != self._logged:
            self._logged = elector.problem
            keys = {"lease": elector.name}
            if elector.problem:
                out.transitions.append(Transition("heartbeat", elector.problem, keys, warning=True))
