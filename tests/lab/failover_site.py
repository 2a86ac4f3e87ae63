"""The lab's cluster as a place for histories: real daemons, and a client that asks by ARP.

The API server is cut off from a node by a route that leads nowhere, on its own side: what the node
sends arrives, and no answer comes back.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from tests.histories.site import Heard
from tests.lab.arp_witness import ArpWitness
from tests.lab.cluster import (
    CLIENT_ADDRESS,
    CONTROL_PLANE,
    LEASES,
    PLANS,
    WORKERS,
    Cluster,
)
from tests.lab.control_plane import ControlPlane
from tests.lab.pods import ROOT

SERVICE = "app1-service"
ADDRESS = "172.19.0.240"
EXAMPLES = ("apps-and-svcs", "ipam", "l2announce")
SETTINGS = {
    "L2ANNOUNCER_LEASE_DURATION": "3s",
    "L2ANNOUNCER_LEASE_RENEW_DEADLINE": "2s",
    "L2ANNOUNCER_LEASE_RETRY_PERIOD": "1s",
    "L2ANNOUNCER_SPREAD": "false",
}
START_SECONDS = 30
SETTLE_SECONDS = 20
STOP_SECONDS = 2.5
_NAMES = {plan.mac: plan.name for plan in PLANS.values()}


class SilentControlPlane(ControlPlane, Protocol):
    """One that can be told to give no answer."""

    @property
    def administrators(self) -> Path:
        """A kubeconfig that leads to it, with all rights."""

    def silence(self, *, silent: bool) -> None:
        """Have its API server hang, or go on."""


class LabSite:
    """A cluster within a `with` block; a Site in real time within that of `asked`.

    One cluster may be asked several times: it is mended in between.
    """

    lease_seconds = 3.0
    renew_seconds = 1.0
    slack_seconds = 1.0
    stray = 1
    nodes = WORKERS

    def __init__(self, directory: Path, control_plane: SilentControlPlane) -> None:
        self._control_plane = control_plane
        self._cluster = Cluster(directory, SETTINGS, control_plane)
        self._stopped: list[subprocess.Popen[bytes]] = []
        self._witness: ArpWitness

    def __enter__(self) -> Self:
        self._cluster.__enter__()
        try:
            examples = (f"config/examples/{name}.yaml" for name in EXAMPLES)
            for manifest in (*self._control_plane.manifests, *examples):
                self._control_plane.kubectl(["apply", "-f", str(ROOT / manifest)])
        except BaseException:
            self._cluster.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cluster.__exit__(kind, error, trace)

    @contextmanager
    def asked(self) -> Iterator[Self]:
        """Have all daemons run, one of them answer, and a client ask."""
        cluster = self._cluster
        for name in PLANS:
            if name not in cluster.daemons:
                cluster.start_daemon(name)
        for name in PLANS:
            cluster.until(f"{name} is ready", partial(cluster.ready, name), START_SECONDS)
        cluster.until("a holder", partial(cluster.holder, SERVICE), SETTLE_SECONDS)
        with ArpWitness(cluster.client, CLIENT_ADDRESS, ADDRESS) as self._witness:
            yield self
        while self._stopped:
            assert self._stopped.pop().wait(STOP_SECONDS) == 0

    @property
    def now(self) -> float:
        return time.monotonic()

    @property
    def heard(self) -> Sequence[Heard]:
        claims = list(self._witness.claims)
        return [Heard(claim.at, _NAMES.get(claim.mac, claim.mac)) for claim in claims]

    def run(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._cluster.require_health()
            time.sleep(min(left, 0.1))

    def stop(self, node: str) -> None:
        self._stopped.append(self._ended(node, signal.SIGTERM))

    def kill(self, node: str) -> None:
        self._ended(node, signal.SIGKILL)

    def freeze(self, node: str, *, frozen: bool) -> None:
        how = signal.SIGSTOP if frozen else signal.SIGCONT
        self._cluster.daemons[node].send_signal(how)

    def cut(self, node: str, *, cut: bool) -> None:
        change = "add" if cut else "del"
        route = ["ip", "route", change, "blackhole", f"{PLANS[node].address}/32"]
        self._cluster.nodes[CONTROL_PLANE].run(route)

    def silence_api(self, *, silent: bool) -> None:
        self._control_plane.silence(silent=silent)

    def delete_lease(self) -> None:
        self._cluster.api.delete(f"{LEASES}/cilium-l2announce-default-{SERVICE}")

    def prefer(self, node: str) -> None:
        """As a person would."""
        command = [sys.executable, "-m", "l2announcer", "move", SERVICE, "--to", node]
        moved = self._cluster.nodes[CONTROL_PLANE].run(
            [*command, "--kubeconfig", str(self._control_plane.administrators)]
        )
        assert f"to {node} in " in moved.stdout

    def cordon(self, node: str, *, cordoned: bool) -> None:
        spec = {"spec": {"unschedulable": cordoned}}
        self._cluster.api.merge(f"/api/v1/nodes/{node}", spec)

    def _ended(self, node: str, how: signal.Signals) -> subprocess.Popen[bytes]:
        """Send a daemon a signal; its end is no failure of the lab then."""
        daemon = self._cluster.daemons.pop(node)
        daemon.send_signal(how)
        return daemon
