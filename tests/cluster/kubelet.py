"""The scheduler and the kubelets of a lab that has the real control plane.

Pods are bound to workers, run (tests.lab.pods) and are reported as a kubelet reports them; Nodes
have heartbeats; a daemon is the process of a Pod with the host's network, whose log `kubectl logs`
shows.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.cluster.kubelet_logs import PORT, Logs
from tests.lab.api import Api, ApiError, Object, Reconciler
from tests.lab.namespaces import Lab, Namespace
from tests.lab.pods import PodNetwork, least_busy

PODS = "/api/v1/pods"
NODE_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
DAEMONS = "/api/v1/namespaces/kube-system/pods"
HEARTBEAT_SECONDS = 10
LOOK_SECONDS = 1.0
HEALTH_PORT = 9480


@dataclass(slots=True, kw_only=True)
class Daemon:
    """A daemon and its Pod; `reported` is what the API server was told last."""

    node: str
    process: subprocess.Popen[bytes]
    log: Path
    reported: tuple[bool, int | None] | None = None

    @property
    def pod(self) -> str:
        return f"l2announcer-{self.node}"


class Kubelet:
    """One for all nodes, until closed. `certificates` has the pair that it serves logs with."""

    def __init__(
        self,
        api: Api,
        lab: Lab,
        nodes: Mapping[str, Namespace],
        networks: Sequence[PodNetwork],
        certificates: Path,
    ) -> None:
        self._api = api
        self._lab = lab
        self._nodes = nodes
        self._networks = networks
        self._running: dict[str, str] = {}  # a Pod's uid, and the name of its namespace
        self._daemons: dict[str, Daemon] = {}
        self._addresses = {name: self._register(name) for name in nodes}
        self._logs = [
            Logs(nodes[name], address, certificates) for name, address in self._addresses.items()
        ]
        self._closed = threading.Event()
        self._looks = threading.Thread(target=self._look_after, name="kubelet", daemon=True)
        self._looks.start()
        self.reconciler = Reconciler(api, (PODS,), self._converge)

    def close(self) -> None:
        """Stop; the Pods go with the lab."""
        self._closed.set()
        self.reconciler.close()
        self._looks.join()
        for logs in self._logs:
            logs.close()

    def daemon_started(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        """Show the daemon of a node as a Pod, from now on until it has ended."""
        daemon = Daemon(node=name, process=process, log=log)
        with suppress(ApiError):  # the last one's Pod, where it was started before
            self._api.delete(f"{DAEMONS}/{daemon.pod}?gracePeriodSeconds=0")
        container = {"name": "l2announcer", "image": "l2announcer"}
        spec = {"nodeName": name, "hostNetwork": True, "containers": [container]}
        metadata = {"name": daemon.pod, "labels": {"app.kubernetes.io/name": "l2announcer"}}
        self._api.create(
            DAEMONS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        )
        for logs in self._logs:
            logs.files[f"kube-system/{daemon.pod}"] = log
        self._daemons[name] = daemon

    def _register(self, name: str) -> str:
        """Say where the kubelet of a node is to be found; its address."""
        path = f"/api/v1/nodes/{name}"
        endpoints = {"kubeletEndpoint": {"Port": PORT}}
        node = self._api.merge(f"{path}/status", {"status": {"daemonEndpoints": endpoints}})
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": _now(6)},
        }
        self._api.create(NODE_LEASES, lease)
        addresses = node["status"]["addresses"]
        return next(str(a["address"]) for a in addresses if a["type"] == "InternalIP")

    def _look_after(self) -> None:
        looks = 0
        while not self._closed.wait(LOOK_SECONDS):
            looks += 1
            # the API server is away, or a Pod was deleted by hand: the next look tells again
            with suppress(OSError, HTTPException, ApiError):
                for daemon in list(self._daemons.values()):
                    self._report(daemon)
                if looks % HEARTBEAT_SECONDS == 0:
                    for name in self._nodes:
                        renewed = {"spec": {"renewTime": _now(6)}}
                        self._api.merge(f"{NODE_LEASES}/{name}", renewed)

    def _report(self, daemon: Daemon) -> None:
        code = daemon.process.poll()
        state = (code is None and self._is_ready(daemon.node), code)
        if state == daemon.reported:
            return
        address = self._addresses[daemon.node]
        status = _status(["l2announcer"], address, address, ready=state[0], ended=code)
        self._api.merge(f"{DAEMONS}/{daemon.pod}/status", {"status": status})
        daemon.reported = state

    def _is_ready(self, node: str) -> bool:
        connection = HTTPConnection("127.0.0.1", HEALTH_PORT, timeout=LOOK_SECONDS)
        with closing(connection), suppress(OSError, HTTPException):
            with self._nodes[node].in_namespace():
                connection.connect()
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        return False

    def _converge(self) -> None:
        pods = self._api.items(PODS)
        for uid in self._running.keys() - {pod["metadata"]["uid"] for pod in pods}:
            self._end(uid)
        for pod in pods:
            metadata, node = pod["metadata"], pod["spec"].get("nodeName", "")
            path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
            with suppress(ApiError):  # deleted meanwhile, of which an event tells
                if metadata.get("deletionTimestamp"):
                    self._end(metadata["uid"])
                    self._api.delete(f"{path}?gracePeriodSeconds=0")
                elif not node:
                    self._bind(path, metadata["name"], pods)
                elif metadata["uid"] not in self._running and not _is_a_daemon(pod):
                    self._start(path, pod)

    def _bind(self, path: str, name: str, pods: Sequence[Object]) -> None:
        busy = [pod["spec"].get("nodeName", "") for pod in pods]
        node = least_busy(self._networks, busy).node.name
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        self._api.create(f"{path}/binding", body)
        for pod in pods:
            if pod["metadata"]["name"] == name:
                pod["spec"]["nodeName"] = node  # the next one counts it

    def _start(self, path: str, pod: Object) -> None:
        metadata, containers = pod["metadata"], pod["spec"]["containers"]
        host = pod["spec"]["nodeName"]
        network = next((each for each in self._networks if each.node.name == host), None)
        if network is None:
            return
        self._running[metadata["uid"]] = metadata["name"]
        address = network.next_address()
        network.run(self._lab, metadata["name"], address, containers)
        names = [container["name"] for container in containers]
        status = _status(names, self._addresses[host], address, ready=True, ended=None)
        self._api.merge(f"{path}/status", {"status": status})

    def _end(self, uid: str) -> None:
        name = self._running.pop(uid, "")
        if name:
            self._lab.remove(name)


def _is_a_daemon(pod: Object) -> bool:
    """Does it show a process that runs already?"""
    return bool(pod["spec"].get("hostNetwork"))


def _status(
    containers: Sequence[str], host: str, address: str, *, ready: bool, ended: int | None
) -> dict[str, Any]:
    now = _now()
    state: dict[str, Any] = {"running": {"startedAt": now}}
    if ended is not None:
        reason = "Error" if ended else "Completed"
        state = {"terminated": {"exitCode": ended % 256, "reason": reason, "finishedAt": now}}
    truth = {True: "True", False: "False"}
    conditions = {
        "PodScheduled": True,
        "Initialized": True,
        "ContainersReady": ready,
        "Ready": ready,
    }
    phases = {None: "Running", 0: "Succeeded"}
    return {
        "phase": phases.get(ended, "Failed"),
        "hostIP": host,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now,
        "conditions": [
            {"type": type_, "status": truth[holds], "lastTransitionTime": now}
            for type_, holds in conditions.items()
        ],
        "containerStatuses": [
            {
                "name": name,
                "image": "tests.lab",
                "imageID": "",
                "ready": ready,
                "started": ended is None,
                "restartCount": 0,
                "state": state,
            }
            for name in containers
        ],
    }


def _now(digits: int = 0) -> str:
    shape = "%Y-%m-%dT%H:%M:%S" + (".%f" if digits else "") + "Z"
    return datetime.now(UTC).strftime(shape)
