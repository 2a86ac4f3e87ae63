"""The simulation can fail: it finds each rule of the core that is taken away."""

from __future__ import annotations

import pytest

from tests.sim import (
    plants,
    plants_endpoints,
    plants_groups,
    plants_hand_over,
    plants_hold_over,
    plants_node_leases,
)
from tests.sim.hunt import Hunt, Plant
from tests.sim.world import World

HUNTS: dict[Plant, Hunt] = {
    **plants.HUNTS,
    **plants_endpoints.HUNTS,
    **plants_groups.HUNTS,
    **plants_hand_over.HUNTS,
    **plants_hold_over.HUNTS,
    **plants_node_leases.HUNTS,
}


@pytest.mark.parametrize(
    ("plant", "hunt"), HUNTS.items(), ids=lambda one: getattr(one, "__name__", "")
)
def test_it_is_found(plant: Plant, hunt: Hunt, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hunt.finds(plant, monkeypatch) is not None


@pytest.mark.parametrize("plant", HUNTS, ids=lambda plant: plant.__name__)
def test_the_fault_is_what_is_found(plant: Plant) -> None:
    hunt = HUNTS[plant]
    assert not World(hunt.plan(hunt.first)).run().violations
