"""What every fault acts on, and the lots of the one that is happening."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.sim.api import Api
from tests.sim.host import Host
from tests.sim.node import Node
from tests.sim.plan import Plan
from tests.sim.segment import Segment
from tests.sim.stranger import Stranger
from tests.sim.timeline import Timeline


@dataclass(slots=True, kw_only=True)
class Stage:
    """`rng` has the lots of the fault that is happening, `victim` the node that it must hit."""

    plan: Plan
    timeline: Timeline
    api: Api
    segment: Segment
    nodes: list[Node]
    strangers: list[Stranger]
    hosts: list[Host]
    rng: Random = field(default_factory=Random)
    victim: Node | None = None
    calm: bool = False

    @property
    def machines(self) -> list[Node | Stranger]:
        """All that may answer."""
        return [*self.nodes, *self.strangers]

    def node(self) -> Node:
        """Mostly one that holds something: there it matters."""
        lot, any_node = self.rng.random(), self.rng.choice(self.nodes)
        if self.victim is not None:
            return self.victim
        holders = [node for node in self.nodes if node.holds]
        if holders and lot < 0.6:
            return self.rng.choice(holders)
        return any_node

    def later(self, action: Callable[[], None], *, longest: float = 3.0) -> float:
        """Undo a fault after a while: mostly short, now and then past several durations."""
        shares = (0.02, 0.3, 1.0, 1.0, longest)
        seconds = self.rng.choice(shares) * self.plan.duration_seconds
        seconds *= self.rng.uniform(0.2, 1.2)
        self.timeline.after(seconds, action)
        return seconds
