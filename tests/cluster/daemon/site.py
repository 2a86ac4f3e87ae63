"""The guide's nodes with real daemons beside a real control plane, and a client that asks.

segment 172.19.0.0/16 ── eth0 my-cluster-control-plane .2   etcd, kube-apiserver, a daemon
├─ eth0 my-cluster-worker        .3   a daemon
├─ eth0 my-cluster-worker2       .4   a daemon
└─ eth0 client                   .100
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from tests.cluster.api import MERGE_PATCH, Api
from tests.cluster.arguments import SHARED
from tests.cluster.controlplane import ADMIN, DAEMON, STRANGER, ControlPlane, User
from tests.cluster.daemon.audit import Audit
from tests.cluster.installation import CONFIG, install, manifests, place
from tests.cluster.place import Place
from tests.lab.arp_witness import ArpWitness
from tests.lab.cluster import CLIENT, CONTROL_PLANE, PLANS, WORKERS
from tests.lab.namespaces import Lab, Namespace
from tests.lab.root import LabError

T = TypeVar("T")

CLIENT_ADDRESS = "172.19.0.100"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
POOLS = "/apis/cilium.io/v2/ciliumloadbalancerippools"
POLICIES = "/apis/cilium.io/v2alpha1/ciliuml2announcementpolicies"
SERVICES = "/api/v1/namespaces/default/services"
EVENTS = "/api/v1/namespaces/default/events"
HEALTH = "http://127.0.0.1:9480"
POLL_SECONDS = 0.02
START_SECONDS = 30
SETTLE_SECONDS = 15
STOP_SECONDS = 2
ENOUGH = 10


class Timing(NamedTuple):
    """The daemon's settings of its Leases, in seconds."""

    duration: int
    renew_deadline: int
    retry_period: int
    clean_up: int = 600
    mode: str = "service"

    @property
    def tenure(self) -> float:
        """How long a holder answers after it wrote its Lease for the last time."""
        return self.duration * 0.9

    @property
    def environment(self) -> dict[str, str]:
        return {
            "L2ANNOUNCER_LEASE_DURATION": f"{self.duration}s",
            "L2ANNOUNCER_LEASE_RENEW_DEADLINE": f"{self.renew_deadline}s",
            "L2ANNOUNCER_LEASE_RETRY_PERIOD": f"{self.retry_period}s",
            "L2ANNOUNCER_LEASE_CLEAN_UP": f"{self.clean_up}s",
            "L2ANNOUNCER_LEASE_MODE": self.mode,
        }


SHORT = Timing(3, 2, 1)
TIDY = SHORT._replace(clean_up=2)  # deletes what nobody needs any more, at once
BEATING = SHORT._replace(mode="node")  # heartbeats keep all Leases
LONG = Timing(15, 5, 1)  # outlives a restart of the API server, or of a daemon


class Site:
    """A context manager: the control plane runs inside the block, with nothing installed on it."""

    def __init__(self, directory: Path, *, relayed: bool = False) -> None:
        """`relayed`: the API server can be kept from hearing of changes."""
        self.lab = Lab()
        self.nodes: dict[str, Namespace] = {}
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.client: Namespace
        self.control_plane: ControlPlane
        self.api: Api
        self.audit: Audit
        self.settled = 0  # since then in the audit log, the API server knows everybody's rights
        self._timing = SHORT
        self._directory = directory
        self._relayed = relayed
        self._undo = ExitStack()
        self._numbers = itertools.count(1)
        self._kubeconfigs: dict[str, Path] = {}
        self._began: dict[str, int] = {}  # where the output of each node's last daemon begins

    def __enter__(self) -> Self:
        log = self._directory / "audit.log"
        with ExitStack() as undo:
            undo.enter_context(self.lab)
            for plan in PLANS.values():
                host = self.lab.host(plan.name, f"{plan.address}/16", mac=plan.mac)
                self.nodes[plan.name] = host
            self.client = self.lab.host(CLIENT, f"{CLIENT_ADDRESS}/16")
            where = Place(address=PLANS[CONTROL_PLANE].address, namespace=self.nodes[CONTROL_PLANE])
            plane = ControlPlane(
                audit_log=log, place=where, arguments=SHARED, relayed=self._relayed
            )
            self.control_plane = undo.enter_context(plane)
            self.api = self.control_plane.api(ADMIN)
            self.audit = Audit(log)
            for user in (DAEMON, STRANGER):
                self._kubeconfigs[user.name] = self.control_plane.kubeconfig(user)
            for name in PLANS:
                self._register(name)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._undo.close()

    # The cluster

    def install(self) -> None:
        """What config/ ships, as a user applies it; once more does no harm."""
        install(self.control_plane)

    def uninstall(self) -> None:
        """Remove the CRDs and all that was made of them; return when they are gone."""
        for file in sorted(CONFIG.glob("crds/*.yaml")):
            for crd in manifests(file):
                self.api.delete(place(crd))
                self.until("it is gone", partial(self._is_missing, place(crd)))

    @contextmanager
    def outage(self) -> Iterator[float]:
        """No API server within the block, as after a crash; afterwards it is as it was before.

        Asked to stop, it would go on for a minute for the sake of those that watch.
        """
        self.control_plane.stop_api_server(signal.SIGKILL)
        try:
            yield time.monotonic()
        finally:
            self.control_plane.start_api_server()
            self.settled = self.audit.mark()

    def restore(self, backup: Path) -> None:
        """Put etcd back to what it was at the time of a backup."""
        self.control_plane.restore(backup)
        self.settled = self.audit.mark()

    def read(self, path: str) -> Any:
        """The object, or the list, at `path`; AssertionError where there is none."""
        answer = self.api.get(path)
        assert answer.ok, (path, answer)
        return answer.body

    def patch(self, path: str, patch: Mapping[str, Any]) -> None:
        """A merge patch by the administrator."""
        answer = self.api.call("PATCH", path, patch, sends=MERGE_PATCH)
        assert answer.ok, (path, answer)

    def lease(self, service: str) -> dict[str, Any]:
        """The Lease of a Service of the default namespace; empty while there is none."""
        answer = self.api.get(f"{LEASES}/cilium-l2announce-default-{service}")
        return answer.body if answer.ok else {}

    def holder(self, service: str) -> str:
        return str(self.lease(service).get("spec", {}).get("holderIdentity") or "")

    def transitions(self, service: str) -> int:
        return int(self.lease(service)["spec"]["leaseTransitions"])

    def next_number(self) -> int:
        """Never the same twice: what a test makes is not mistaken for another's."""
        return next(self._numbers)

    # The daemons

    def start_all(self, timing: Timing) -> None:
        """Have one daemon on each node, with these settings."""
        if timing != self._timing:
            for name in list(self.daemons):
                assert self.stop(name) == 0
        self._timing = timing
        for name in PLANS:
            if name not in self.daemons:
                self.start(name)

    def run(self, timing: Timing) -> None:
        """Have one daemon on each node, with these settings; return when all watch everything."""
        self.start_all(timing)
        for name in PLANS:
            self.until(f"{name} reads everything", partial(self.reads, name), START_SECONDS)

    def start(self, name: str, user: User = DAEMON) -> None:
        """`l2announcer run` as the process of one node."""
        self.start_in(name, [], {"KUBECONFIG": str(self._kubeconfigs[user.name])})

    def start_again(self, name: str, timing: Timing) -> None:
        """Stop a node's daemon in order, and have another one with these settings."""
        assert self.stop(name) == 0
        self._timing = timing
        self.start(name)
        self.until(f"{name} reads everything", partial(self.reads, name), START_SECONDS)

    def start_in(self, name: str, enter: Sequence[str], environment: Mapping[str, str]) -> None:
        """The same where the command `enter` leads, with what it needs to find the API server."""
        with self._log(name).open("ab") as log:
            self._began[name] = log.tell()
            self.daemons[name] = self.nodes[name].popen(
                [*enter, sys.executable, "-m", "l2announcer", "run"],
                cwd=CONFIG.parent,
                env={
                    **_inherited(),
                    **self._timing.environment,
                    # a holder that moves by itself, after a while, is not what is tested
                    "L2ANNOUNCER_SPREAD": "false",
                    "NODE_NAME": name,
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> int:
        """End a daemon; its exit code. TimeoutExpired where it takes longer than is promised."""
        daemon = self.daemons.pop(name)
        daemon.send_signal(how)
        try:
            return daemon.wait(STOP_SECONDS)
        finally:
            daemon.kill()

    def ready(self, name: str) -> tuple[bool, str]:
        """What a node's /readyz says, with its reasons; not ready while it does not answer."""
        return self._health(name, "/readyz?verbose")

    def reads(self, name: str) -> bool:
        """Is a node's daemon ready, and would it hear of any change now?"""
        if not self.ready(name)[0] or self.problems(name):
            return False
        return all(watch["state"] == "watching" for watch in self._watches(name))

    def problems(self, name: str) -> list[str]:
        """What a node's /status says is wrong with its watches."""
        return [watch["problem"] for watch in self._watches(name) if watch["problem"]]

    def said(self, name: str) -> str:
        """What a node's last daemon wrote so far."""
        with self._log(name).open("rb") as log:
            log.seek(self._began[name])
            return log.read().decode()

    # Waiting

    def until(self, fact: str, probe: Callable[[], T], seconds: float = SETTLE_SECONDS) -> T:
        """The first result of `probe` that is true; LabError, naming the fact, when none comes."""
        deadline = time.monotonic() + seconds
        while not (result := probe()):
            for name, daemon in self.daemons.items():
                if daemon.poll() is not None:
                    raise LabError(f"the daemon of {name} ended: {self.said(name)[-2000:]}")
            if time.monotonic() > deadline:
                said = "\n".join(f"{name}: {self.said(name)[-6000:]}" for name in self.daemons)
                raise LabError(f"{fact}: not so after {seconds:g} seconds\n{said}")
            time.sleep(POLL_SECONDS)
        return result

    @contextmanager
    def asking(self, address: str) -> Iterator[ArpWitness]:
        """The client asks for an address all the time, and writes down who answers."""
        with ArpWitness(self.client, CLIENT_ADDRESS, address) as witness:
            yield witness

    def answered(self, witness: ArpWitness, name: str) -> float:
        """Wait until a node has answered some requests from now on; when it did so first."""
        since, mac = time.monotonic(), PLANS[name].mac
        self.until(f"{name} answers", lambda: witness.count(mac, since) >= ENOUGH)
        return next(c.at for c in witness.claims if c.mac == mac and c.at >= since)

    def _register(self, name: str) -> None:
        """What a kubelet tells of its node, and the label that kubeadm gives the control plane."""
        labels = {"kubernetes.io/hostname": name}
        if name not in WORKERS:
            labels["node-role.kubernetes.io/control-plane"] = ""
        assert self.api.post("/api/v1/nodes", {"metadata": {"name": name, "labels": labels}}).ok

    def _watches(self, name: str) -> list[dict[str, Any]]:
        return list(json.loads(self._health(name, "/status")[1])["watches"].values())

    def _is_missing(self, path: str) -> bool:
        return self.api.get(path).status == 404

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    def _health(self, name: str, path: str) -> tuple[bool, str]:
        try:
            with (
                self.nodes[name].in_namespace(),
                urllib.request.urlopen(HEALTH + path, timeout=STOP_SECONDS) as reply,
            ):
                return True, reply.read().decode()
        except urllib.error.HTTPError as failed:
            with failed:
                return False, failed.read().decode()
        except OSError as error:
            return False, str(error)


def _inherited() -> dict[str, str]:
    """Our own environment, without what says how a daemon is to be or where its API server is."""
    ours = {key: value for key, value in os.environ.items() if "L2ANNOUNCER" not in key}
    ours.pop("KUBECONFIG", None)
    return ours
