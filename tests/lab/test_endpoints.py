"""externalTrafficPolicy Local on real sockets: the answers follow an endpoint, and stay there."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.lab.arp_witness import ArpWitness, longest_gap, runs
from tests.lab.cluster import CLIENT_ADDRESS, LEASES, PLANS, WORKERS, Cluster
from tests.lab.demo.kubectl import kubectl
from tests.lab.kubelet import SLICES
from tests.lab.pods import ROOT

pytestmark = pytest.mark.lab

SERVICE = "roaming"
ADDRESS = "172.19.0.240"
COLLECTION = f"{SLICES}/namespaces/default/endpointslices"
START_SECONDS = 30
SETTLE_SECONDS = 20
ENOUGH = 1500
"""Longer than a second, for which a node that gave a Lease back writes none."""
MOVES = 5
GAP_SECONDS = 0.1
RESTART_SECONDS = 12.0
"""An interpreter starts on a machine that does other things as well; the Lease lasts 15 s."""


def endpoint_on(node: str) -> dict[str, Any]:
    """The one endpoint of the Service is ready, and on this node."""
    address, conditions = f"{PLANS[node].pod_prefix}.9", {"ready": True}
    return {"endpoints": [{"addresses": [address], "nodeName": node, "conditions": conditions}]}


@pytest.fixture
def cluster(_namespaces: None, tmp_path: Path) -> Iterator[Cluster]:
    """A Local Service whose endpoint is on the first worker, which answers."""
    with Cluster(tmp_path) as built:
        for name in ("ipam", "l2announce"):
            kubectl(built.api, ["apply", "-f", str(ROOT / f"config/examples/{name}.yaml")])
        labels = {"kubernetes.io/service-name": SERVICE}
        slice_ = {
            "metadata": {"name": SERVICE, "labels": labels},
            "addressType": "IPv4",
            "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
        }
        built.api.create(COLLECTION, slice_ | endpoint_on(WORKERS[0]))
        spec = {
            "type": "LoadBalancer",
            "externalTrafficPolicy": "Local",
            "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP"}],
        }
        service = {"metadata": {"name": SERVICE, "labels": {"app": "myapp"}}, "spec": spec}
        built.api.create("/api/v1/namespaces/default/services", service)
        for name in PLANS:
            built.start_daemon(name)
        for name in PLANS:
            built.until(f"{name} is ready", partial(built.ready, name), START_SECONDS)
        yield built


def answered(cluster: Cluster, witness: ArpWitness, node: str) -> None:
    """Wait until a node has answered some more requests."""
    mac = PLANS[node].mac
    enough = witness.count(mac) + ENOUGH
    cluster.until(f"{node} answers", lambda: witness.count(mac) >= enough, SETTLE_SECONDS)


def test_the_answers_follow_an_endpoint_that_moves(cluster: Cluster) -> None:
    there = [WORKERS[number % 2] for number in range(MOVES + 1)]
    with ArpWitness(cluster.client, CLIENT_ADDRESS, ADDRESS, pause_seconds=0.001) as witness:
        answered(cluster, witness, there[0])
        for node in there[1:]:
            cluster.api.merge(f"{COLLECTION}/{SERVICE}", endpoint_on(node))
            answered(cluster, witness, node)
    assert [mac for mac, _ in runs(witness.claims)] == [PLANS[node].mac for node in there]
    gaps = [
        after.at - before.at
        for before, after in pairwise(witness.claims)
        if before.mac != after.mac
    ]
    print("gaps in ms:", " ".join(f"{gap * 1000:.1f}" for gap in gaps))
    assert median(gaps) < GAP_SECONDS


def test_a_killed_daemon_finds_its_endpoint_and_goes_on(cluster: Cluster) -> None:
    holder = WORKERS[0]
    with ArpWitness(cluster.client, CLIENT_ADDRESS, ADDRESS, pause_seconds=0.001) as witness:
        answered(cluster, witness, holder)
        daemon = cluster.daemons.pop(holder)
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        cluster.start_daemon(holder)
        answered(cluster, witness, holder)
    assert [mac for mac, _ in runs(witness.claims)] == [PLANS[holder].mac]
    assert longest_gap(witness.claims) < RESTART_SECONDS
    lease = cluster.api.get(f"{LEASES}/cilium-l2announce-default-{SERVICE}")
    assert lease["spec"]["leaseTransitions"] == 0
