"""The bench of the requests still runs, and what it counts is right: a few Services of it."""

from __future__ import annotations

import pytest

from tests.bench import api
from tests.bench.failover.cluster import Cluster
from tests.bench.failover.sides import Setup
from tests.bench.report import Row
from tests.cluster.daemon.site import SHORT

pytestmark = [pytest.mark.cluster, pytest.mark.lab, pytest.mark.xdist_group("cluster")]


def test_leases_are_renewed_and_nothing_is_read(ours: Cluster) -> None:
    found: list[Row] = []
    api.measured(ours, Setup(timing=SHORT, qps=api.QPS), [3, 6], 5.0, found)
    rates = {
        (row.labels["services"], row.labels["request"]): row.samples
        for row in found
        if row.what == api.RATE
    }
    for services in (3, 6):
        assert sum(rates[services, api.RENEWALS]) / api.PARTS == pytest.approx(services, rel=0.3)
        assert not any(rates[services, api.READS])
    assert len(list(api.marks(found))) == 4
