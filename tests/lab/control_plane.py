"""What a lab's cluster needs of a control plane: the one seam between the two that there are.

tests.lab.embedded has everything in memory; tests.cluster.whole runs the real programs.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tests.lab.api import Api
from tests.lab.namespaces import Lab, Namespace
from tests.lab.pods import PodNetwork


class ControlPlane(Protocol):
    """An API server, and all that acts on its objects but the daemons.

    `serve` is called once, then `act`; whatever came of either, `close` ends it.
    """

    what: str
    """What it is, for a person who reads what the demo prints."""
    manifests: Sequence[str]
    """What is to be applied to it, from the checkout, before a daemon can work."""
    api: Api
    """The administrator's way to it, once it serves."""
    kubeconfig: Path
    """The daemons' identity and rights, once it serves."""

    def serve(self, lab: Lab, node: Namespace, address: str) -> None:
        """Start the API server on a node, whose `address` the others reach it at."""

    def act(self, nodes: Mapping[str, Namespace], networks: Sequence[PodNetwork]) -> None:
        """Run Pods, endpoints and the service proxies; the Nodes are registered by now."""

    def kubectl(self, arguments: Sequence[str]) -> str:
        """What a command of the administrator prints; LabError or ApiError when it fails."""

    def kubectl_command(self) -> Sequence[str]:
        """The beginning of a command line that does the same on the API server's node."""

    def translates(self, address: str) -> bool:
        """Has every node's service proxy a way from this address to an endpoint?"""

    def daemon_started(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        """The daemon of a node runs, and writes into this file."""

    def advice(self) -> Sequence[str]:
        """Lines for a person who wants to look around."""

    def require_health(self) -> None:
        """LabError when a part of it has failed."""

    def close(self) -> None:
        """End it; may be called twice, and before it served."""
