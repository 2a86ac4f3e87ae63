"""How much a process may do in how short a time.

Rules of this file; a violation is a broken one:
- restless: it steps only when there is something to do, not hundreds of times a second for long.
- budget: what it writes of Leases stays within the rate limit of the settings at any moment, though
  renewals do not wait for that limit.
"""

from __future__ import annotations

from collections.abc import Callable

from l2announcer.settings import Settings
from tests.sim.node import Node

STEPS_A_SECOND = 400
QPS = Settings().k8s_client_rate_limit_qps
BURST = Settings().k8s_client_rate_limit_burst


class PaceJudge:
    """Counts each node's steps and writes; `breaks(rule, what)` is told of too many."""

    def __init__(self, breaks: Callable[[str, str], None]) -> None:
        self._breaks = breaks
        self._paces: dict[Node, tuple[int, int]] = {}  # the second, and the steps in it
        self._rooms: dict[Node, tuple[float, float]] = {}  # for writes, and as of when

    def stepped(self, node: Node, now: float) -> None:
        """Take in a step."""
        second, steps = self._paces.get(node, (-1, 0))
        steps = steps + 1 if second == int(now) else 1
        self._paces[node] = int(now), steps
        if steps == STEPS_A_SECOND:
            self._breaks("restless", f"{node} made {steps} steps within a second")

    def writes(self, node: Node, now: float) -> None:
        """Take in a write of a Lease."""
        room, since = self._rooms.get(node, (BURST, now))
        room = min(BURST, room + (now - since) * QPS) - 1.0
        self._rooms[node] = room, now
        if room < 0.0:
            self._breaks("budget", f"{node} writes Leases faster than {QPS:g} times a second")
