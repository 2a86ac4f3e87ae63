"""The bench of a new Service still runs, and its steps are in their order."""

from __future__ import annotations

import pytest

from tests.bench import create
from tests.bench.failover.cluster import Cluster
from tests.bench.failover.sides import OURS
from tests.bench.report import Row

pytestmark = [pytest.mark.cluster, pytest.mark.lab, pytest.mark.xdist_group("cluster")]


def test_one_step_follows_another(ours: Cluster) -> None:
    found: list[Row] = []
    create.measured(ours, 1, found)
    since = {
        (row.labels["daemon"], row.labels["step"]): row.samples[0]
        for row in found
        if row.what == create.SINCE
    }
    for last in create.HELD, create.READ:
        for daemon, end in ((OURS, [create.ANSWERED]), (create.BARE, [])):
            times = [since[daemon, step] for step in (create.CREATED, create.GIVEN, last, *end)]
            assert times == sorted(times)
            assert 0 < times[0] < times[-1] < 1e3 * create.PATIENCE_SECONDS
    assert len(list(create.marks(found))) == 1
