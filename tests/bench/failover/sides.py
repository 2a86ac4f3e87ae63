"""The two that are compared: our daemon, and the stock elector. How one runs on a node."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Protocol

from l2announcer.settings.options import Settings
from tests.bench import elector
from tests.cluster.daemon.site import HEALTH, Timing
from tests.lab.namespaces import Namespace

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "systemd" / "l2announcer.service"
HEALTH_SECONDS = 2
OURS = "ours"
CLIENT_GO = "client-go"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How all daemons are set, and how many addresses each side answers for."""

    timing: Timing
    services: int = 1
    node_leases: bool = False
    qps: int = 0  # requests to the API server a second; 0: as it is shipped

    @property
    def label(self) -> str:
        """The three times of a Lease, as they are usually said."""
        kind = "node " if self.node_leases else ""
        return f"{kind}{self.timing.duration}/{self.timing.renew_deadline}/" + str(
            self.timing.retry_period
        )


@dataclass(eq=False, slots=True, kw_only=True)
class Node:
    """A host with a link to the segment and another one to the API server."""

    name: str
    host: Namespace
    mac: str
    port: str
    api_port: str
    process: subprocess.Popen[bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """An address and the Lease that it is answered under."""

    lease: str
    address: str


class Daemon(Protocol):
    """What runs on the nodes of one side."""

    @property
    def name(self) -> str:
        """What the side is called in the table."""

    def command(self, node: Node, setup: Setup, announced: Sequence[Announced]) -> list[str]:
        """What is executed on a node."""

    def environment(self, node: Node, setup: Setup) -> dict[str, str]:
        """What it finds in its environment, beside what every process does."""

    def ready(self, node: Node) -> bool:
        """Does it take part?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """`l2announcer run`, as it is shipped; told by its environment alone."""

    kubeconfig: Path
    name: str = OURS

    def command(self, node: Node, setup: Setup, announced: Sequence[Announced]) -> list[str]:
        del node, setup, announced
        return [sys.executable, "-m", "l2announcer", "run"]

    def environment(self, node: Node, setup: Setup) -> dict[str, str]:
        known = {
            **setup.timing.environment,
            "NODE_NAME": node.name,
            "KUBECONFIG": str(self.kubeconfig),
        }
        if setup.qps:
            known["L2ANNOUNCER_K8S_CLIENT_RATE_LIMIT_QPS"] = str(setup.qps)
            known["L2ANNOUNCER_K8S_CLIENT_RATE_LIMIT_BURST"] = str(2 * setup.qps)
        if setup.node_leases:
            known["L2ANNOUNCER_LEASE_MODE"] = "node"
        if "spread" in {each.name for each in fields(Settings)}:
            # a holder that moves by itself, meanwhile, is not what is measured
            known["L2ANNOUNCER_SPREAD"] = "false"
        return known

    def ready(self, node: Node) -> bool:
        try:
            with (
                node.host.in_namespace(),
                urllib.request.urlopen(HEALTH + "/readyz", timeout=HEALTH_SECONDS) as reply,
            ):
                return bool(reply.status == 200)
        except urllib.error.HTTPError as refusal:
            refusal.close()
        except OSError:
            pass
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientGo:
    """client-go's LeaderElector, as Cilium drives it (tests/bench/go/elector)."""

    kubeconfig: Path
    records: Path
    name: str = CLIENT_GO
    program: Path = field(default_factory=elector.place)

    def record(self, node: Node) -> Path:
        """The file in which a node's elector says what happened when."""
        return self.records / f"{node.name}.record"

    def command(self, node: Node, setup: Setup, announced: Sequence[Announced]) -> list[str]:
        return [
            str(self.program),
            f"-kubeconfig={self.kubeconfig}",
            f"-identity={node.name}",
            f"-record={self.record(node)}",
            f"-lease-duration={setup.timing.duration}s",
            f"-renew-deadline={setup.timing.renew_deadline}s",
            f"-retry-period={setup.timing.retry_period}s",
            "-qps=100",
            "-burst=200",
            *(f"{each.lease}={each.address}" for each in announced),
        ]

    def environment(self, node: Node, setup: Setup) -> dict[str, str]:
        del node, setup
        return {}

    def ready(self, node: Node) -> bool:
        record = self.record(node)
        return record.exists() and record.stat().st_size > 0


def inherited_environment() -> dict[str, str]:
    """This process's own, without settings of the daemon."""
    return {key: value for key, value in os.environ.items() if "L2ANNOUNCER" not in key}


def restart_seconds() -> float:
    """How long the unit that is shipped waits before it starts a daemon that died again."""
    line = next(line for line in UNIT.read_text().splitlines() if line.startswith("RestartSec="))
    return float(line.removeprefix("RestartSec=").removesuffix("ms")) / 1e3
