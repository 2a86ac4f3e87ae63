"""At no instant do two nodes answer, and nothing else happens that the judge forbids."""

from __future__ import annotations

import pytest

from tests.sim.plan import draw
from tests.sim.world import World

CHUNK = 10


@pytest.mark.parametrize("first", range(0, 80, CHUNK))
def test_nothing_forbidden_happens(first: int) -> None:
    for seed in range(first, first + CHUNK):
        report = World(draw(seed)).run()
        told = "; ".join(map(str, report.violations))
        assert not report.violations, f"{told}; to see it: python -m tests.sim --seed {seed}"


def test_a_seed_replays_exactly() -> None:
    histories: list[list[str]] = []
    for _ in range(2):
        lines: list[str] = []
        World(draw(5), note=lambda *entry, lines=lines: lines.append(str(entry))).run()
        histories.append(lines)
    assert len(histories[0]) > 100
    assert histories[0] == histories[1]
