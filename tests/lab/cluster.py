"""The guide's cluster in a lab: three nodes, a client beside them, an API server, real daemons.

segment 172.19.0.0/16
├─ eth0 my-cluster-control-plane .2 ─ the API server
├─ eth0 my-cluster-worker        .3 ─ cni0 10.244.1.0/24 ─ Pods
├─ eth0 my-cluster-worker2       .4 ─ cni0 10.244.2.0/24 ─ Pods
└─ eth0 client                   .1
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from tests.lab.api import Api, ApiError
from tests.lab.control_plane import ControlPlane
from tests.lab.embedded import Embedded
from tests.lab.namespaces import Lab, Namespace
from tests.lab.pods import POD_BRIDGE, ROOT, PodNetwork
from tests.lab.root import LabError

T = TypeVar("T")

HEALTH_PORT = 9480
CLIENT = "client"
CLIENT_ADDRESS = "172.19.0.1"
CONTROL_PLANE = "my-cluster-control-plane"
WORKERS = ("my-cluster-worker", "my-cluster-worker2")
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
POLL_SECONDS = 0.02
ANSWER_SECONDS = 2.0


class NodePlan(NamedTuple):
    """One node; `number` is the last part of its address and MAC."""

    name: str
    number: int

    @property
    def address(self) -> str:
        return f"172.19.0.{self.number}"

    @property
    def mac(self) -> str:
        return f"02:42:ac:13:00:{self.number:02x}"

    @property
    def pod_prefix(self) -> str:
        return f"10.244.{self.number - 2}"


PLANS = {
    plan.name: plan
    for plan in (NodePlan(CONTROL_PLANE, 2), NodePlan(WORKERS[0], 3), NodePlan(WORKERS[1], 4))
}


class Cluster:
    """A context manager: all of it but the daemons runs inside the block, nothing after it.

    `state` is a directory for the logs; `environment` is added to that of each daemon. Without
    `control_plane` there is an embedded one.
    """

    def __init__(
        self,
        state: Path,
        environment: Mapping[str, str] | None = None,
        control_plane: ControlPlane | None = None,
    ) -> None:
        self.lab = Lab()
        self.state = state
        self.control_plane = control_plane or Embedded(state)
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.nodes: dict[str, Namespace] = {}
        self.client: Namespace
        self.api: Api
        self._environment = dict(environment or {})
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.enter_context(self.lab)
            for plan in PLANS.values():
                self.nodes[plan.name] = self._node(plan)
            self.client = self.lab.host(CLIENT, f"{CLIENT_ADDRESS}/16")
            undo.callback(self.control_plane.close)
            first = PLANS[CONTROL_PLANE]
            self.control_plane.serve(self.lab, self.nodes[first.name], first.address)
            self.api = self.control_plane.api
            for plan in PLANS.values():
                self._register(plan)
            networks = [
                PodNetwork(node=self.nodes[name], prefix=PLANS[name].pod_prefix) for name in WORKERS
            ]
            self.control_plane.act(self.nodes, networks)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._undo.close()

    def start_daemon(self, name: str) -> subprocess.Popen[bytes]:
        """`l2announcer run` as the process of one node."""
        environment = {
            **{key: value for key, value in os.environ.items() if "L2ANNOUNCER" not in key},
            **self._environment,
            "NODE_NAME": name,
            "KUBECONFIG": str(self.control_plane.kubeconfig),
        }
        command = [sys.executable, "-m", "l2announcer", "run"]
        with self.log(name).open("ab") as log:
            daemon = self.nodes[name].popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stderr=log, stdout=log
            )
        self.daemons[name] = daemon
        self.control_plane.daemon_started(name, daemon, self.log(name))
        return daemon

    def log(self, name: str) -> Path:
        """Where the output of a node's daemon goes."""
        return self.state / f"{name}.log"

    def holder(self, service: str) -> str:
        """The node that holds the Lease of a Service of the default namespace; "" when none."""
        try:
            lease = self.api.get(f"{LEASES}/cilium-l2announce-default-{service}")
        except ApiError as error:
            if error.code != 404:
                raise
            return ""
        return str(lease["spec"].get("holderIdentity") or "")

    def ready(self, name: str) -> bool:
        """Does the daemon of a node say so on its health port?"""
        with self.nodes[name].socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_SECONDS)
            try:
                connection.connect(("127.0.0.1", HEALTH_PORT))
                connection.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
                with connection.makefile("rb") as answer:
                    return b" 200 " in answer.readline()
            except OSError:
                return False

    def until(self, fact: str, probe: Callable[[], T], seconds: float) -> T:
        """The first result of `probe` that is true; LabError, naming the fact, when none comes."""
        deadline = time.monotonic() + seconds
        while not (result := probe()):
            self.require_health()
            if time.monotonic() > deadline:
                raise LabError(f"{fact}: not so after {seconds:g} seconds")
            time.sleep(POLL_SECONDS)
        return result

    def require_health(self) -> None:
        """LabError when a part of the lab, or a daemon that nobody stopped, has failed."""
        self.control_plane.require_health()
        for name, daemon in self.daemons.items():
            if daemon.poll() not in {None, 0}:
                raise LabError(f"the daemon of {name} ended with exit code {daemon.returncode}")

    def _node(self, plan: NodePlan) -> Namespace:
        node = self.lab.host(plan.name, f"{plan.address}/16", mac=plan.mac)
        node.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])
        self.lab.bridge(POD_BRIDGE, switch=node)
        lines = [f"addr add {plan.pod_prefix}.1/24 dev {POD_BRIDGE}"]
        lines += [
            f"route add {other.pod_prefix}.0/24 via {other.address}"
            for other in PLANS.values()
            if other != plan
        ]
        # a node's own packets to a cluster address need some route before they are translated
        lines.append(f"route add default via {CLIENT_ADDRESS}")
        node.run(["ip", "-batch", "-"], text="\n".join(lines) + "\n")
        return node

    def _register(self, plan: NodePlan) -> None:
        """What a kubelet tells of its node, and the label that kubeadm gives the control plane."""
        labels = {"kubernetes.io/hostname": plan.name, "kubernetes.io/os": "linux"}
        if plan.name == CONTROL_PLANE:
            labels["node-role.kubernetes.io/control-plane"] = ""
        self.api.create(
            "/api/v1/nodes",
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": plan.name, "labels": labels},
                "spec": {"podCIDR": f"{plan.pod_prefix}.0/24"},
            },
        )
        addresses = [
            {"type": "InternalIP", "address": plan.address},
            {"type": "Hostname", "address": plan.name},
        ]
        ready = {"type": "Ready", "status": "True", "reason": "LabIsUp"}
        status = {
            "addresses": addresses,
            "conditions": [ready],
            "nodeInfo": {"kubeletVersion": "lab"},
        }
        self.api.merge(f"/api/v1/nodes/{plan.name}/status", {"status": status})
