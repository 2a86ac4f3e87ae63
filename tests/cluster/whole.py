"""A whole control plane of the real programs, for a lab's cluster.

etcd, kube-apiserver with RBAC and kube-controller-manager on one node, kube-proxy on every node,
and kubectl. Scheduler and kubelets are played (tests.cluster.kubelet).
"""

from __future__ import annotations

import contextlib
import shlex
import signal
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tests.cluster.build import locate
from tests.cluster.controlplane import (
    ADMIN,
    CONTROLLERS,
    DAEMON,
    PROXY,
    ControlPlane,
    kubeconfig_text,
)
from tests.cluster.kubelet import Kubelet
from tests.cluster.place import Place
from tests.cluster.relay import Relay
from tests.cluster.server import Server
from tests.lab.api import Api
from tests.lab.namespaces import Lab, Namespace
from tests.lab.pods import PodNetwork
from tests.lab.root import LabError

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kubectl")
PODS = "10.244.0.0/16"
CONTROLLERS_HEALTH = 10257
PROXY_HEALTH = 10256
ANSWER_SECONDS = 2.0
# what lists the addresses that a kube-proxy has a way for
RULES = {
    "nftables": ["nft", "list", "map", "ip", "kube-proxy", "service-ips"],
    "iptables": ["iptables-save", "-t", "nat"],
    "ipvs": ["ip", "-o", "addr", "show", "dev", "kube-ipvs0"],
}


class WholeControlPlane:
    """A tests.lab.control_plane.ControlPlane whose files are in the directory `state`.

    Raises ProgramsMissingError where the programs are not built yet. `door` is a listening socket
    on this machine's loopback: who connects there reaches the API server, and the kubeconfig for
    that is `state`/kubeconfig. `proxy_mode` is that of every kube-proxy, and `proxy_arguments` go
    to it after our own.
    """

    what = (
        "etcd, kube-apiserver, kube-controller-manager, kube-proxy and kubectl are the\n"
        "real ones; scheduler and kubelets are played."
    )
    manifests: Sequence[str] = ("config/crds", "config/rbac.yaml")

    def __init__(
        self,
        state: Path,
        *,
        door: socket.socket | None = None,
        proxy_mode: str = "nftables",
        proxy_arguments: Sequence[str] = (),
    ) -> None:
        self.api: Api
        self.kubeconfig: Path
        self._programs = locate(*PROGRAMS)
        self._state = state
        self._door = door
        self._proxy_mode = proxy_mode
        self._proxy_arguments = proxy_arguments
        self._undo = ExitStack()
        self._lab: Lab
        self._node: Namespace
        self._nodes: Mapping[str, Namespace] = {}
        self._real: ControlPlane
        self._kubelet: Kubelet

    def serve(self, lab: Lab, node: Namespace, address: str) -> None:
        self._lab, self._node = lab, node
        place = Place(address=address, namespace=node)
        # a kubelet has the name of its node, which nothing in the lab resolves
        arguments = ["--kubelet-preferred-address-types=InternalIP"]
        self._real = self._undo.enter_context(ControlPlane(place=place, arguments=arguments))
        url = self._real.url
        self.api = Api(url, ADMIN.token, node, self._real.ca_file)
        self.kubeconfig = self._real.kubeconfig(DAEMON)
        if self._door is not None:
            port = urlsplit(url).port
            assert port is not None
            self._undo.callback(Relay(self._door, place, port).close)
            here = f"https://{self._door.getsockname()[0]}:{self._door.getsockname()[1]}"
            self._users_kubeconfig.write_text(
                kubeconfig_text(here, self._real.ca_file, ADMIN, server_name=address)
            )
            self._users_kubeconfig.chmod(0o600)

    def act(self, nodes: Mapping[str, Namespace], networks: Sequence[PodNetwork]) -> None:
        self._nodes = nodes
        certificates = self._real.directory / "certificates"
        self._kubelet = Kubelet(self.api, self._lab, nodes, networks, certificates)
        self._undo.callback(self._kubelet.close)
        self._start_controllers(certificates / "apiserver.key")
        for name, node in nodes.items():
            self._start_proxy(name, node)

    @property
    def administrators(self) -> Path:
        """The kubeconfig of who may do all."""
        return self._real.kubeconfig(ADMIN)

    def silence(self, *, silent: bool) -> None:
        """Have the API server hang, with all that is asked of it; or go on with that."""
        self._real.api_server.signal(signal.SIGSTOP if silent else signal.SIGCONT)

    def kubectl(self, arguments: Sequence[str]) -> str:
        command = [*self.kubectl_command(), *arguments]
        done = self._node.run(command, check=False)
        if done.returncode:
            raise LabError(f"`kubectl {shlex.join(arguments)}` failed: {done.stderr.strip()}")
        return done.stdout + done.stderr

    def kubectl_command(self) -> Sequence[str]:
        return [str(self._programs["kubectl"]), f"--kubeconfig={self.administrators}"]

    def translates(self, address: str) -> bool:
        return all(self._has_rules(node, address) for node in self._nodes.values())

    def daemon_started(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self._kubelet.daemon_started(name, process, log)

    def advice(self) -> Sequence[str]:
        if self._door is None:
            return ()
        directory = self._programs["kubectl"].parent
        return (
            f"export KUBECONFIG={self._users_kubeconfig} PATH=$PATH:{directory}",
            "kubectl get pods -A -o wide",
            "kubectl describe svc app1-service",
            f"kubectl logs -n kube-system l2announcer-{list(self._nodes)[-1]}",
        )

    def require_health(self) -> None:
        failure = self._kubelet.reconciler.failure
        if failure is not None:
            raise LabError("the lab's Kubelet failed") from failure

    def close(self) -> None:
        self._undo.close()

    @property
    def _users_kubeconfig(self) -> Path:
        return self._state / "kubeconfig"

    def _start_controllers(self, key: Path) -> None:
        arguments = [
            f"--kubeconfig={self._real.kubeconfig(CONTROLLERS)}",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={key}",
            f"--root-ca-file={self._real.ca_file}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={CONTROLLERS_HEALTH}",
        ]
        health = f"https://127.0.0.1:{CONTROLLERS_HEALTH}/healthz"
        self._start("kube-controller-manager", self._node, arguments, health)

    def _start_proxy(self, name: str, node: Namespace) -> None:
        arguments = [
            f"--kubeconfig={self._real.kubeconfig(PROXY)}",
            f"--hostname-override={name}",
            f"--proxy-mode={self._proxy_mode}",
            f"--cluster-cidr={PODS}",
            f"--healthz-bind-address=127.0.0.1:{PROXY_HEALTH}",
            # the limits of connection tracking are the machine's, not a namespace's
            "--conntrack-max-per-core=0",
            "--conntrack-min=0",
            "--conntrack-tcp-timeout-established=0s",
            "--conntrack-tcp-timeout-close-wait=0s",
            *self._proxy_arguments,
        ]
        health = f"http://127.0.0.1:{PROXY_HEALTH}/healthz"
        self._start("kube-proxy", node, arguments, health)

    def _start(self, program: str, node: Namespace, arguments: list[str], health: str) -> None:
        server = Server(
            program,
            [*node.entrance(), self._programs[program], *arguments],
            self._state / f"{program}-{node.name}.log",
        )
        self._undo.callback(server.close)
        server.start(partial(_is_well, node, health))

    def _has_rules(self, node: Namespace, address: str) -> bool:
        command = RULES[self._proxy_mode]
        return any(address in line for line in node.run(command, check=False).stdout.splitlines())


def _is_well(node: Namespace, health: str) -> bool:
    context = ssl.create_default_context()
    # its certificate is one that it has made itself for this run
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        contextlib.suppress(OSError),
        node.in_namespace(),
        urllib.request.urlopen(health, timeout=ANSWER_SECONDS, context=context) as answer,
    ):
        return bool(answer.status == 200)
    return False
