"""Looks for the smallest history that still breaks the same rule: fewer faults, a milder world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.sim.plan import Plan
from tests.sim.world import World

MOST_RUNS = 300
MILDER: Mapping[str, Any] = {
    "lost_calls": 0.0,
    "refused_calls": 0.0,
    "slow_calls": 0.0,
    "lost_frames": 0.0,
    "doubled_frames": 0.0,
    "twin": False,
    "strangers": 0,
    "nodes": 2,
    "services": 1,
}


def shrunk(plan: Plan, rule: str) -> Plan:
    """The plan of the smallest history that was found; it breaks `rule` like the given one."""
    runs = 0

    def breaks(candidate: Plan) -> bool:
        nonlocal runs
        runs += 1
        return runs <= MOST_RUNS and any(
            violation.rule == rule for violation in World(candidate).run().violations
        )

    plan = _fewer_faults(plan, breaks)
    for milder in _milder(plan):
        candidate = replace(plan, **{milder: MILDER[milder]})
        if breaks(candidate):
            plan = candidate
    return _fewer_faults(plan, breaks)


def arguments(plan: Plan, drawn: Plan) -> str:
    """What makes `python -m tests.sim` replay `plan`, which was `drawn` from its seed."""
    without = ",".join(map(str, sorted(plan.without)))
    milder = [name for name in MILDER if getattr(plan, name) != getattr(drawn, name)]
    text = f" --without {without}" if without else ""
    return text + (f" --milder {','.join(milder)}" if milder else "")


def _milder(plan: Plan) -> Iterator[str]:
    return (name for name, value in MILDER.items() if getattr(plan, name) != value)


def _fewer_faults(plan: Plan, breaks: Callable[[Plan], bool]) -> Plan:
    """Leave out halves, quarters and so on of the faults, as long as the rule is still broken."""
    world = World(plan)
    world.run()
    left = sorted(world.chaos.happened)
    size = len(left) // 2
    while size >= 1:
        for start in range(0, len(left), size):
            dropped = left[start : start + size]
            candidate = replace(plan, without=plan.without | set(dropped))
            if dropped and breaks(candidate):
                plan = candidate
                left = [number for number in left if number not in dropped]
                break
        else:
            size //= 2
    return plan
