"""Pods of a lab: each a namespace behind the bridge of its node, which runs tests.lab.echo.

Whatever image a container names, the echo runs with that container's arguments.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.api import Object
from tests.lab.namespaces import Lab, Namespace
from tests.lab.root import LabError

ROOT = Path(__file__).parents[2]
POD_BRIDGE = "cni0"


@dataclass(eq=False, slots=True, kw_only=True)
class PodNetwork:
    """A node that runs Pods, and the addresses that it has for them: `prefix`.1 is its own."""

    node: Namespace
    prefix: str
    last: int = 1

    def next_address(self) -> str:
        self.last += 1
        return f"{self.prefix}.{self.last}"

    def run(self, lab: Lab, name: str, address: str, containers: Sequence[Object]) -> None:
        """Start a Pod; LabError, with what it said, where a container does not start."""
        namespace = lab.namespace(name)
        lab.link(namespace, "eth0", f"{address}/24", bridge=POD_BRIDGE, switch=self.node)
        namespace.run(["ip", "route", "add", "default", "via", f"{self.prefix}.1"])
        for container in containers:
            command = [sys.executable, "-m", "tests.lab.echo", *container.get("args", ())]
            process = namespace.popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            said = process.stdout.readline() if process.stdout else ""
            if said != "listening\n":
                raise LabError(
                    f"the container {container['name']} of Pod {name} did not start: {said}"
                )


def least_busy(networks: Sequence[PodNetwork], busy: Collection[str]) -> PodNetwork:
    """The node for one more Pod; `busy` names the node of each Pod that there is."""
    nodes = list(busy)
    return min(networks, key=lambda network: nodes.count(network.node.name))
