"""Planned hand-overs on real sockets: how long nobody answers, and that two never do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from tests.lab.arp_witness import ArpWitness, runs
from tests.lab.cluster import (
    CLIENT_ADDRESS,
    CONTROL_PLANE,
    LEASES,
    PLANS,
    WORKERS,
    Cluster,
)
from tests.lab.demo.kubectl import kubectl
from tests.lab.pods import ROOT

pytestmark = pytest.mark.lab

SERVICE = "app1-service"
ADDRESS = "172.19.0.240"
START_SECONDS = 30
SETTLE_SECONDS = 20
ENOUGH = 20
MOVES = 7
GAP_SECONDS = 0.05
"""Two writes and an event, on a machine that does other things as well."""


@pytest.fixture
def cluster(_namespaces: None, tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as built:
        for name in PLANS:
            built.start_daemon(name)
        for name in PLANS:
            built.until(f"{name} is ready", partial(built.ready, name), START_SECONDS)
        for name in ("apps-and-svcs", "ipam", "l2announce"):
            kubectl(built.api, ["apply", "-f", str(ROOT / f"config/examples/{name}.yaml")])
        built.until("a holder", partial(built.holder, SERVICE), SETTLE_SECONDS)
        yield built


def test_a_service_moves_to_the_node_that_it_asks_for(cluster: Cluster) -> None:
    """It goes back and forth as it is asked to: short gaps, in order, one transition each."""
    with ArpWitness(cluster.client, CLIENT_ADDRESS, ADDRESS, pause_seconds=0.001) as witness:
        holders = [cluster.holder(SERVICE)]
        for _ in range(MOVES):
            (target,) = set(WORKERS) - {holders[-1]}
            count = witness.count(PLANS[target].mac)
            _move(cluster, target)
            cluster.until(
                f"{target} answers",
                partial(_answers, witness, PLANS[target].mac, count + ENOUGH),
                SETTLE_SECONDS,
            )
            holders.append(target)
    assert [mac for mac, _ in runs(witness.claims)] == [PLANS[name].mac for name in holders]
    gaps = [
        after.at - before.at
        for before, after in pairwise(witness.claims)
        if before.mac != after.mac
    ]
    print("gaps in ms:", " ".join(f"{gap * 1000:.1f}" for gap in gaps))
    assert median(gaps) < GAP_SECONDS
    lease = cluster.api.get(f"{LEASES}/cilium-l2announce-default-{SERVICE}")
    assert lease["spec"]["leaseTransitions"] == MOVES


def _move(cluster: Cluster, target: str) -> None:
    """As a person would."""
    command = [sys.executable, "-m", "l2announcer", "move", SERVICE, "--to", target]
    moved = cluster.nodes[CONTROL_PLANE].run(
        [*command, "--kubeconfig", str(cluster.control_plane.kubeconfig)]
    )
    assert f"to {target} in " in moved.stdout


def _answers(witness: ArpWitness, mac: str, count: int) -> bool:
    return witness.count(mac) >= count
