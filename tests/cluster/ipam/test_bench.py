"""The bench still runs, and what it counts is right: a few Services of it."""

from __future__ import annotations

import pytest

from tests.bench import ipam, services
from tests.cluster.controlplane import ControlPlane

pytestmark = pytest.mark.cluster

FEW = 50


async def test_services_are_given_addresses_once(control_plane: ControlPlane) -> None:
    """Some Services → all served with about one request each, nothing again, nothing lost."""
    bench = ipam.Bench(control_plane, FEW)
    try:
        rows = await ipam.measured(bench)
    finally:
        bench.api.delete(f"{ipam.POOLS}/bench")
        for name, end in ((ipam.NAME, bench.total), (ipam.BARE, FEW)):
            await services.done(bench.admin, services.delete, name, range(end))

    found = {(row.what, row.labels["load"]): row.samples[0] for row in rows}
    for load in (ipam.CREATED, ipam.ADDED):
        assert FEW <= found[ipam.REQUESTS, load] * FEW <= 3 * FEW
        assert found[ipam.SECONDS, load] > 0
        assert found[ipam.BARE_SECONDS, load] > 0
        assert found[ipam.STALL, load] > 0
        assert found[ipam.IDLE_STALL, load] > 0
    assert found[ipam.WRITES, ""] == found[ipam.LOST, ""] == found[ipam.DOUBLED, ""] == 0
    assert len(list(ipam.marks(rows))) == 9
