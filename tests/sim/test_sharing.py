"""Services share addresses, join and part: one node answers for each, by the Leases of all."""

from __future__ import annotations

import pytest

from tests.sim.plan import draw_sharers
from tests.sim.world import World

CHUNK = 6


@pytest.mark.parametrize("first", range(0, 24, CHUNK))
def test_nothing_forbidden_happens(first: int) -> None:
    for seed in range(first, first + CHUNK):
        report = World(draw_sharers(seed)).run()
        told = "; ".join(map(str, report.violations))
        assert not report.violations, (
            f"{told}; to see it: python -m tests.sim --kind sharers --seed {seed}"
        )
