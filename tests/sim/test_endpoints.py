"""Where only a node with an endpoint may answer, one with an endpoint does, and no other."""

from __future__ import annotations

import pytest

from tests.sim.plan import draw_local
from tests.sim.world import World

CHUNK = 10


@pytest.mark.parametrize("first", range(0, 40, CHUNK))
def test_the_answers_follow_the_endpoints(first: int) -> None:
    for seed in range(first, first + CHUNK):
        report = World(draw_local(seed)).run()
        told = "; ".join(map(str, report.violations))
        assert not report.violations, f"seed {seed}: {told}"
