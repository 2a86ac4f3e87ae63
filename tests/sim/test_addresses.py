"""Many ask for addresses while controllers come and go: none is given twice, none is taken away."""

from __future__ import annotations

from typing import Any

import pytest

from l2announcer.core import controller
from l2announcer.core.controller import Controller
from l2announcer.core.effects import Call, StatusWrite
from l2announcer.core.model import Kind
from tests.sim.api import Api, By
from tests.sim.hunt import Plant
from tests.sim.plan import draw, draw_askers
from tests.sim.world import World

CHUNK = 8
MOST_SEEDS = 150


@pytest.mark.parametrize("first", range(0, 48, CHUNK))
def test_nothing_forbidden_happens(first: int) -> None:
    for seed in range(first, first + CHUNK):
        report = World(draw_askers(seed)).run()
        told = "; ".join(map(str, report.violations))
        assert not report.violations, (
            f"{told}; to see it: python -m tests.sim --kind askers --seed {seed}"
        )


@pytest.mark.parametrize("seed", range(4))
def test_in_calm_times_a_service_costs_one_request(seed: int) -> None:
    world = World(draw_askers(seed))
    world.calm_network()
    world.chaos.populate()
    world.timeline.run(30.0, halted=lambda: False)
    assert not world.judge.violations
    told = [one for one in world.api.services() if one["status"].get("conditions")]
    assert len(told) == world.plan.asking
    assert world.api.status_writes <= 1.1 * len(told)


# The simulation can fail


def no_read(patch: pytest.MonkeyPatch) -> None:
    """A tenure begins with what the watch has shown so far."""
    poll = Controller.poll

    def hasty(self: Controller, *given: Any) -> bool:
        owed = poll(self, *given)
        if owed:
            self.services_read(answered=True)
        return False

    patch.setattr(Controller, "poll", hasty)


def unconditional_writes(patch: pytest.MonkeyPatch) -> None:
    """A status write does not say what it knew."""
    carry_out = Api._carry_out

    def blind(self: Api, call: Call, by: By) -> Any:
        if isinstance(call, StatusWrite) and call.kind is Kind.SERVICE:
            call = StatusWrite(call.kind, call.key, {"status": call.patch["status"]})
        return carry_out(self, call, by)

    patch.setattr(Api, "_carry_out", blind)


def hosts_are_not_awaited(patch: pytest.MonkeyPatch) -> None:
    """Addresses are given before those of the nodes are known."""
    tenure = controller._Tenure
    patch.setattr(controller, "_Tenure", lambda: tenure(hosts_known=True))


FOUND_BY: dict[Plant, int] = {no_read: 196, unconditional_writes: 38, hosts_are_not_awaited: 0}


@pytest.mark.parametrize(
    ("plant", "first"), FOUND_BY.items(), ids=lambda one: getattr(one, "__name__", "")
)
def test_it_is_found(plant: Plant, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    seeds = (first, *(seed for seed in range(MOST_SEEDS) if seed != first))
    assert any(World(draw_askers(seed)).run().violations for seed in seeds)


def test_the_faults_are_what_is_found() -> None:
    for seed in FOUND_BY.values():
        assert not World(draw_askers(seed)).run().violations


def test_other_seeds_know_nothing_of_it() -> None:
    assert draw(0).asking == 0
