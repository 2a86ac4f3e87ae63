"""In which worlds a planted fault is looked for: most need a rare history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.sim.plan import Fault, Plan, draw
from tests.sim.world import World

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """Seeds of worlds with these faults alone (none given: with any), and these settings.

    `first` is one that found the fault, and is tried first.
    """

    first: int = 0
    faults: tuple[Fault, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 250

    def plan(self, seed: int) -> Plan:
        plan = draw(seed)
        faults = tuple(fault for fault in plan.faults if fault is not Fault.SUSPEND)
        plan = replace(plan, faults=self.faults or faults, holds_over=False)
        return replace(plan, **self.settings)

    def plans(self) -> Iterator[Plan]:
        yield self.plan(self.first)
        yield from (self.plan(seed) for seed in range(self.seeds) if seed != self.first)

    def finds(self, plant: Plant, patch: pytest.MonkeyPatch) -> int | None:
        """The first seed in which something is broken by the fault; None is none."""
        plant(patch)
        for plan in self.plans():
            if World(plan).run().violations:
                return plan.seed
        return None
