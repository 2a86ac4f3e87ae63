"""The control plane in memory: tests.fakes.apiserver in a process, the rest played by threads."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.lab.api import Api
from tests.lab.demo.kubectl import kubectl
from tests.lab.kubelet import Kubelet
from tests.lab.namespaces import STOP_SECONDS, Lab, Namespace
from tests.lab.pods import ROOT, PodNetwork
from tests.lab.root import LabError
from tests.lab.service_proxy import ServiceProxy

API_PORT = 6443


class Embedded:
    """A ControlPlane with its kubeconfig and log in the directory `state`; everybody may do all."""

    what = "The API server is in memory, and `kubectl` is the demo's own small client."
    manifests: Sequence[str] = ()

    def __init__(self, state: Path) -> None:
        self.api: Api
        self.kubeconfig = state / "kubeconfig"
        self._log = state / "apiserver.log"
        self._lab: Lab
        self._server: subprocess.Popen[bytes]
        self._undo = ExitStack()
        self._proxy: ServiceProxy
        self._parts: list[Kubelet | ServiceProxy] = []

    def serve(self, lab: Lab, node: Namespace, address: str) -> None:
        self._lab = lab
        token = secrets.token_hex(16)
        command = [sys.executable, "-m", "tests.fakes.apiserver", "--host", address]
        command += ["--port", str(API_PORT), "--token", token, "--kubeconfig", str(self.kubeconfig)]
        command += [str(path) for path in sorted((ROOT / "config" / "crds").glob("*.yaml"))]
        with self._log.open("ab") as log:
            server = node.popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        if server.stdout is None or not server.stdout.readline().startswith(b"serving on "):
            raise LabError(f"the API server did not start: {self._log.read_text()}")
        self._server = server
        self._undo.callback(_stop, server)
        self.api = Api(f"http://{address}:{API_PORT}", token, node)

    def act(self, nodes: Mapping[str, Namespace], networks: Sequence[PodNetwork]) -> None:
        kubelet = Kubelet(self.api, self._lab, networks)
        self._undo.callback(kubelet.close)
        self._proxy = ServiceProxy(self.api, list(nodes.values()))
        self._undo.callback(self._proxy.close)
        self._parts = [kubelet, self._proxy]

    @property
    def administrators(self) -> Path:
        """Everybody's, here."""
        return self.kubeconfig

    def silence(self, *, silent: bool) -> None:
        """Have it hang, with all that is asked of it; or go on with that."""
        self._server.send_signal(signal.SIGSTOP if silent else signal.SIGCONT)

    def kubectl(self, arguments: Sequence[str]) -> str:
        return kubectl(self.api, arguments)

    def kubectl_command(self) -> Sequence[str]:
        variables = [f"KUBECONFIG={self.kubeconfig}", f"PYTHONPATH={ROOT}"]
        return ["env", *variables, sys.executable, "-m", "tests.lab.demo.kubectl"]

    def translates(self, address: str) -> bool:
        return self._proxy.translates(address)

    def daemon_started(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        """It is in no Pod."""

    def advice(self) -> Sequence[str]:
        return ()

    def require_health(self) -> None:
        for part in self._parts:
            if part.reconciler.failure is not None:
                name = type(part).__name__
                raise LabError(f"the lab's {name} failed") from part.reconciler.failure

    def close(self) -> None:
        self._undo.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGCONT)  # one that hangs does not end
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
