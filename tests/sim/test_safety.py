"""At no instant do two nodes answer, and nothing else happens that the judge forbids."""

from __future__ import annotations

import pytest

from tests.sim.plan import draw, draw_node_leases
from tests.sim.world import World

CHUNK = 10


@pytest.mark.parametrize("first", range(0, 80, CHUNK))
def test_nothing_forbidden_happens(first: int) -> None:
    for seed in range(first, first + CHUNK):
        report = World(draw(seed)).run()
        told = "; ".join(map(str, report.violations))
        assert not report.violations, f"{told}; to see it: python -m tests.sim --seed {seed}"


@pytest.mark.parametrize("first", range(0, 40, CHUNK))
def test_nothing_forbidden_happens_where_heartbeats_keep_leases(first: int) -> None:
    for seed in range(first, first + CHUNK):
        report = World(draw_node_leases(seed)).run()
        told = "; ".join(map(str, report.violations))
        how = f"python -m tests.sim --kind node-leases --seed {seed}"
        assert not report.violations, f"{told}; to see it: {how}"


def test_a_seed_replays_exactly() -> None:
    histories: list[list[str]] = []
    for _ in range(2):
        lines: list[str] = []
        World(draw(5), note=lambda *entry, lines=lines: lines.append(str(entry))).run()
        histories.append(lines)
    assert len(histories[0]) > 100
    assert histories[0] == histories[1]
