"""This node's heartbeat: the one Lease that says that it takes part in elections, and how it is.

Rules of this file:
- It is a Lease like any other, on terms of its own. It's no right to answer for anything, so it is
  renewed rarely, and nothing else waits for it.
- What it says of the node (core.model.Holding) is written anew as soon as that changed.
- Nodes renew at slightly different intervals, so that they don't come to write all at once.
"""

from __future__ import annotations

from dataclasses import replace

from l2announcer.core.contest import Contest
from l2announcer.core.effects import Effects, Transition
from l2announcer.core.lots import lot
from l2announcer.core.terms import Terms

HEARTBEAT_PREFIX = "l2announcer-node-"
DURATION_SECONDS = 180
RENEW_SECONDS = 60.0
SPREAD = 0.1  # of the interval, by which nodes differ


def heartbeat_name(node: str) -> str:
    """The name of a node's heartbeat: one that Cilium's clean-up of Leases passes over."""
    return f"{HEARTBEAT_PREFIX}{node}"


class Heartbeat:
    """What this node says of itself. `degraded` is taken in by whoever knows."""

    def __init__(self, node: str) -> None:
        self.contest = Contest(heartbeat_name(node), standing=True, strict=True)
        self.degraded = False
        self._renew_seconds = RENEW_SECONDS * (1 + SPREAD * (lot(node) - 0.5))
        self._logged = ""

    def terms(self, terms: Terms) -> Terms:
        """The terms on which it is contested, given those of this node."""
        return replace(
            terms,
            duration_seconds=DURATION_SECONDS,
            renew_seconds=self._renew_seconds,
            may_take=True,
            holding=replace(terms.holding, degraded=self.degraded),
        )

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
