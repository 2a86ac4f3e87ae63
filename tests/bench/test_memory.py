"""The bench of memory and processor time still runs, and finds something of everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import memory
from tests.bench.failover.cluster import Cluster
from tests.bench.report import Row

pytestmark = [pytest.mark.cluster, pytest.mark.lab, pytest.mark.xdist_group("cluster")]


def test_daemons_are_observed_without_services_and_with_some(ours: Cluster, tmp_path: Path) -> None:
    found: list[Row] = []
    memory.measured(ours, [0, 3], 4.0, 1, tmp_path, found)
    seen = {(row.what, row.labels["services"], row.labels["role"]) for row in found}
    quantities = (memory.MEMORY, memory.PROCESSOR, memory.START)
    roles = (memory.HOLDER, memory.CANDIDATE)
    assert seen == {
        *((what, services, role) for what in quantities for services in (0, 3) for role in roles),
        (memory.EVENT, 3, memory.CANDIDATE),
    }
    for row in found:
        if row.what in {memory.MEMORY, memory.START}:
            assert min(row.samples) > 0
