"""One answer: a holder that stops, dies or freezes, with every frame counted by its MAC."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.lab.arp_witness import ArpWitness, longest_gap, runs
from tests.lab.cluster import CLIENT_ADDRESS, PLANS, WORKERS, Cluster
from tests.lab.demo.kubectl import kubectl
from tests.lab.pods import ROOT

pytestmark = pytest.mark.lab

SERVICE = "app1-service"
ADDRESS = "172.19.0.240"
LEASE_SECONDS = 3
SETTINGS = {
    "L2ANNOUNCER_LEASE_DURATION": f"{LEASE_SECONDS}s",
    "L2ANNOUNCER_LEASE_RENEW_DEADLINE": "2s",
    "L2ANNOUNCER_LEASE_RETRY_PERIOD": "1s",
}
START_SECONDS = 30
SETTLE_SECONDS = 20
ENOUGH = 30


class Failover:
    """A cluster in which one of two workers answers for the address, and a witness asks."""

    def __init__(self, cluster: Cluster, witness: ArpWitness) -> None:
        self.cluster = cluster
        self.witness = witness
        self.first = cluster.holder(SERVICE)
        self.second = next(name for name in WORKERS if name != self.first)
        self.daemon = cluster.daemons[self.first]

    def answered(self, name: str) -> None:
        """Wait until a worker has answered some requests from now on."""
        since = time.monotonic()
        self.cluster.until(
            f"{name} answers for {ADDRESS}",
            lambda: self.witness.count(PLANS[name].mac, since) >= ENOUGH,
            SETTLE_SECONDS,
        )

    def stop(self, number: signal.Signals) -> None:
        """Send a signal to the holder's daemon, whose end or silence is then no failure."""
        del self.cluster.daemons[self.first]
        self.daemon.send_signal(number)

    @property
    def order(self) -> list[str]:
        """The MACs in the order in which they answered."""
        return [mac for mac, _ in runs(self.witness.claims)]


@pytest.fixture
def failover(_namespaces: None, tmp_path: Path) -> Iterator[Failover]:
    with Cluster(tmp_path, SETTINGS) as cluster:
        for name in PLANS:
            cluster.start_daemon(name)
        for name in PLANS:
            cluster.until(f"{name} is ready", partial(cluster.ready, name), START_SECONDS)
        for name in ("apps-and-svcs", "ipam", "l2announce"):
            kubectl(cluster.api, ["apply", "-f", str(ROOT / f"config/examples/{name}.yaml")])
        cluster.until("a holder", partial(cluster.holder, SERVICE), SETTLE_SECONDS)
        with ArpWitness(cluster.client, CLIENT_ADDRESS, ADDRESS) as witness:
            found = Failover(cluster, witness)
            found.answered(found.first)
            yield found


def test_a_stopped_holder_hands_over_at_once(failover: Failover) -> None:
    failover.stop(signal.SIGTERM)
    failover.answered(failover.second)
    assert failover.daemon.wait(2) == 0
    assert failover.order == [PLANS[failover.first].mac, PLANS[failover.second].mac]
    assert longest_gap(failover.witness.claims) < 1


def test_a_killed_holder_is_followed_when_its_lease_has_run_out(failover: Failover) -> None:
    failover.stop(signal.SIGKILL)
    failover.answered(failover.second)
    assert failover.order == [PLANS[failover.first].mac, PLANS[failover.second].mac]
    gap = longest_gap(failover.witness.claims)
    assert gap < LEASE_SECONDS + 2
    assert gap > LEASE_SECONDS - 1.5  # nobody took what was still held: it was renewed each second


def test_a_frozen_holder_is_silent_when_it_wakes_up(failover: Failover) -> None:
    failover.stop(signal.SIGSTOP)
    failover.answered(failover.second)
    taken = next(
        claim.at for claim in failover.witness.claims if claim.mac == PLANS[failover.second].mac
    )
    failover.daemon.send_signal(signal.SIGCONT)
    failover.cluster.until(
        f"{failover.first} runs again", partial(failover.cluster.ready, failover.first), 10
    )
    failover.answered(failover.second)
    # what was already past its last check when the freeze came may still get out: one frame
    assert failover.witness.count(PLANS[failover.first].mac, taken) <= 1
    assert failover.order[:2] == [PLANS[failover.first].mac, PLANS[failover.second].mac]
    assert failover.cluster.holder(SERVICE) == failover.second
