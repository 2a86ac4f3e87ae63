"""The bench still runs, and sees what it is there to see: two answers, and times without one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bench import elector
from tests.bench.failover.__main__ import DUPLICATES, GAP, NEW_MAC, measured
from tests.bench.failover.cluster import Cluster
from tests.bench.failover.faults import FAULTS
from tests.bench.failover.sides import CLIENT_GO, OURS
from tests.bench.report import Row
from tests.cluster.build import ProgramsMissingError, locate
from tests.lab.root import why_not

pytestmark = [pytest.mark.cluster, pytest.mark.lab, pytest.mark.xdist_group("cluster")]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    reason = why_not() or elector.why_not()
    try:
        locate("etcd", "kube-apiserver")
    except ProgramsMissingError as missing:
        reason = str(missing)
    if not reason:
        return Cluster(tmp_path)
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def test_a_frozen_holder_and_one_without_carrier(cluster: Cluster) -> None:
    found: list[Row] = []
    with cluster:
        chosen = [fault for fault in FAULTS if fault.key in {"carrier", "stop-3"}]
        measured(cluster, chosen, 1, found)
    seen = {
        (row.what, str(row.labels["fault"]).split()[0], row.labels["daemon"]): row.samples[0]
        for row in found
    }
    # it does not look: no other takes over, and the address has no answer as long as it lasts
    assert (NEW_MAC, "carrier", CLIENT_GO) not in seen
    assert seen[GAP, "carrier", CLIENT_GO] > 2
    assert seen[NEW_MAC, "carrier", OURS] <= seen[GAP, "carrier", OURS] + 0.1 < 1
    assert seen[DUPLICATES, "carrier", OURS] == 0
    # it goes on with what it believed before, until it has not renewed for the deadline of 2 s
    assert seen[DUPLICATES, "SIGSTOP", CLIENT_GO] > 100
    assert seen[DUPLICATES, "SIGSTOP", OURS] <= 1
    for side in OURS, CLIENT_GO:
        assert 1 < seen[NEW_MAC, "SIGSTOP", side] <= seen[GAP, "SIGSTOP", side] + 0.1 < 8
