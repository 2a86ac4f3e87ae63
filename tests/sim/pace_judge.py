"""A process steps only when there is something to do: not hundreds of times a second for long."""

from __future__ import annotations

from collections.abc import Callable

from tests.sim.node import Node

STEPS_A_SECOND = 400


class PaceJudge:
    """Counts each node's steps within a second; `breaks(rule, what)` is told of too many."""

    def __init__(self, breaks: Callable[[str, str], None]) -> None:
        self._breaks = breaks
        self._paces: dict[Node, tuple[int, int]] = {}  # the second, and the steps in it

    def stepped(self, node: Node, now: float) -> None:
        """Take in a step."""
        second, steps = self._paces.get(node, (-1, 0))
        steps = steps + 1 if second == int(now) else 1
        self._paces[node] = int(now), steps
        if steps == STEPS_A_SECOND:
            self._breaks("restless", f"{node} made {steps} steps within a second")
