"""Two Services with one address on real sockets: one node answers, whatever hands do to Leases."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from tests.lab.arp_witness import ArpWitness, runs
from tests.lab.cluster import CLIENT_ADDRESS, CONTROL_PLANE, LEASES, PLANS, WORKERS, Cluster
from tests.lab.demo.kubectl import kubectl
from tests.lab.pods import ROOT

pytestmark = pytest.mark.lab

FIRST, SECOND = "shared-a", "shared-b"
ADDRESS = "172.19.0.240"
LEASE_SECONDS = 3
SETTINGS = {
    "L2ANNOUNCER_LEASE_DURATION": f"{LEASE_SECONDS}s",
    "L2ANNOUNCER_LEASE_RENEW_DEADLINE": "2s",
    "L2ANNOUNCER_LEASE_RETRY_PERIOD": "1s",
    "L2ANNOUNCER_SPREAD": "false",
}
START_SECONDS = 30
SETTLE_SECONDS = 20
ENOUGH = 30
GAP_SECONDS = 0.2
"""A gift, a release and two writes more, on a machine that does other things as well."""


class Sharing:
    """A cluster in which one of two workers answers for what two Services share."""

    def __init__(self, cluster: Cluster, witness: ArpWitness) -> None:
        self.cluster = cluster
        self.witness = witness

    @property
    def holder(self) -> str:
        """The node that holds the Leases of both; "" if there is none."""
        first, second = (self.cluster.holder(name) for name in (FIRST, SECOND))
        return first if first == second else ""

    def settled(self) -> str:
        """Wait until one node holds both, and has answered some requests from now on; its name."""
        since = time.monotonic()

        def answers() -> str:
            holder = self.holder
            plan = PLANS.get(holder)
            enough = plan is not None and self.witness.count(plan.mac, since) >= ENOUGH
            return holder if enough else ""

        return self.cluster.until(f"somebody answers for {ADDRESS}", answers, SETTLE_SECONDS)

    def take(self, service: str) -> None:
        """A hand takes a Lease, for as long as Leases last."""
        path = f"{LEASES}/cilium-l2announce-default-{service}"
        self.cluster.api.merge(path, {"spec": {"holderIdentity": "somebody"}})


@pytest.fixture
def sharing(_namespaces: None, tmp_path: Path) -> Iterator[Sharing]:
    with Cluster(tmp_path, SETTINGS) as cluster:
        for name in PLANS:
            cluster.start_daemon(name)
        for name in PLANS:
            cluster.until(f"{name} is ready", partial(cluster.ready, name), START_SECONDS)
        for name in ("ipam", "l2announce"):
            kubectl(cluster.api, ["apply", "-f", str(ROOT / f"config/examples/{name}.yaml")])
        for name, port in ((FIRST, 80), (SECOND, 443)):
            cluster.api.create("/api/v1/namespaces/default/services", service(name, port))
        with ArpWitness(cluster.client, CLIENT_ADDRESS, ADDRESS) as witness:
            yield Sharing(cluster, witness)


def service(name: str, port: int) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "labels": {"app": "myapp"},
            "annotations": {"lbipam.cilium.io/sharing-key": "k"},
        },
        "spec": {
            "type": "LoadBalancer",
            "ports": [{"port": port, "protocol": "TCP"}],
            "selector": {"app": "myapp"},
        },
    }


def test_a_lease_that_is_taken_by_hand_silences_both_and_all_comes_back(sharing: Sharing) -> None:
    order = [sharing.settled()]
    for name in (SECOND, FIRST):
        taken = time.monotonic()
        sharing.take(name)
        order.append(sharing.settled())
        silent = (taken + 0.5, taken + LEASE_SECONDS - 0.5)
        claims = [claim for claim in sharing.witness.claims if silent[0] < claim.at < silent[1]]
        assert not claims, f"somebody answered by the other Lease alone, {name} being taken"
    assert set(order) <= set(WORKERS)
    macs = [PLANS[holder].mac for holder in order]
    expected = [mac for place, mac in enumerate(macs) if place == 0 or mac != macs[place - 1]]
    assert [mac for mac, _ in runs(sharing.witness.claims)] == expected


def test_a_killed_holder_is_followed_in_both(sharing: Sharing) -> None:
    first = sharing.settled()
    daemon = sharing.cluster.daemons.pop(first)
    daemon.send_signal(signal.SIGKILL)
    sharing.cluster.until(f"{first} is followed", lambda: sharing.holder != first, SETTLE_SECONDS)
    second = sharing.settled()
    assert second != first
    assert [mac for mac, _ in runs(sharing.witness.claims)] == [
        PLANS[first].mac,
        PLANS[second].mac,
    ]


def test_both_move_together_when_one_is_asked_to(sharing: Sharing) -> None:
    first = sharing.settled()
    (target,) = set(WORKERS) - {first}
    command = [sys.executable, "-m", "l2announcer", "move", SECOND, "--to", target]
    command += ["--kubeconfig", str(sharing.cluster.control_plane.kubeconfig)]
    moved = sharing.cluster.nodes[CONTROL_PLANE].run(command)
    assert f"to {target} in " in moved.stdout
    assert sharing.settled() == target
    claims = sharing.witness.claims
    assert [mac for mac, _ in runs(claims)] == [PLANS[first].mac, PLANS[target].mac]
    (gap,) = [after.at - before.at for before, after in pairwise(claims) if before.mac != after.mac]
    print(f"nobody answered for {gap * 1000:.1f} ms")
    assert gap < GAP_SECONDS
