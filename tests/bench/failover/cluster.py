"""Some nodes of each side on one segment, their API server on another, and a client that asks.

segment 172.19.0.0/16, bridge br0      management 172.20.0.0/16, bridge api
├─ eth0 ours-1 .1.1 … ours-3 .1.3      ├─ api0 ours-1 .1.1 … ours-3 .1.3
├─ eth0 client-go-1 .2.1 … -3 .2.3     ├─ api0 client-go-1 .2.1 … client-go-3 .2.3
└─ eth0 client .0.100                  └─ api0 control-plane .0.2   etcd, kube-apiserver
"""

from __future__ import annotations

import fcntl
import itertools
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from l2announcer.core.model import PREFERRED_NODE
from tests.bench.failover.answers import Answers, Client
from tests.bench.failover.sides import (
    CLIENT_GO,
    OURS,
    Announced,
    ClientGo,
    Daemon,
    Node,
    Ours,
    Setup,
    inherited_environment,
    restart_seconds,
)
from tests.cluster.api import MERGE_PATCH, Api
from tests.cluster.controlplane import ADMIN, DAEMON, ControlPlane
from tests.cluster.daemon.announced import policy, pool, service
from tests.cluster.daemon.audit import Audit
from tests.cluster.daemon.site import LEASES, POLICIES, POOLS, SERVICES
from tests.cluster.installation import install
from tests.cluster.place import Place
from tests.lab.namespaces import BRIDGE, Lab, Namespace
from tests.lab.root import LabError

T = TypeVar("T")

LEASE_PREFIX = "cilium-l2announce-default-"
API_BRIDGE = "api"
API_LINK = "api0"
API_ADDRESS = "172.20.0.2"
NODES = 3
ANYWHERE: Mapping[str, str] = {}
ASK_SECONDS = 0.002
SETTLE_SECONDS = 40
POLL_SECONDS = 0.01
RECENT_SECONDS = 0.4
STOP_SECONDS = 12
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_IFREQ = struct.Struct("16sh22x")


@dataclass(eq=False, slots=True, kw_only=True)
class Side:
    """One of the two, its nodes, and what a client hears of its addresses."""

    daemon: Daemon
    nodes: list[Node]
    setup: Setup | None = None
    announced: list[Announced] = field(default_factory=list)
    answers: list[Answers] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.daemon.name

    def node_of(self, mac: str) -> Node:
        return next(node for node in self.nodes if node.mac == mac)

    def holders(self) -> list[Node]:
        """Who answers for each address now; shorter than the addresses where not just one does."""
        now = time.monotonic()
        found = [answers.macs(now - RECENT_SECONDS, now) for answers in self.answers]
        return [self.node_of(next(iter(macs))) for macs in found if len(macs) == 1]


class Cluster:
    """A context manager: the control plane and the nodes are there inside the block."""

    def __init__(
        self,
        directory: Path,
        nodes: int = NODES,
        sides: Sequence[str] = (OURS, CLIENT_GO),
    ) -> None:
        """`nodes` is how many each of the `sides` has; logs and records go to the directory."""
        self.lab = Lab()
        self.sides: list[Side] = []
        self.control_plane: ControlPlane
        self.api: Api
        self.audit: Audit
        self.home: Namespace  # of the API server
        self._client: Namespace
        self._directory = directory
        self._undo = ExitStack()
        self._nodes = nodes
        self._names = sides
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        log = self._directory / "audit.log"
        with ExitStack() as undo:
            undo.enter_context(self.lab)
            self.lab.bridge(API_BRIDGE)
            self.home = self.lab.host(
                "control-plane", f"{API_ADDRESS}/16", interface=API_LINK, bridge=API_BRIDGE
            )
            place = Place(address=API_ADDRESS, namespace=self.home)
            self.control_plane = undo.enter_context(ControlPlane(audit_log=log, place=place))
            self.api = self.control_plane.api(ADMIN)
            self.audit = Audit(log)
            install(self.control_plane)
            kubeconfig = self.control_plane.kubeconfig(DAEMON)
            self._client = self.lab.host("client", "172.19.0.100/16")
            known: dict[str, Daemon] = {
                OURS: Ours(kubeconfig=kubeconfig),
                CLIENT_GO: ClientGo(kubeconfig=kubeconfig, records=self._directory),
            }
            for number, daemon in enumerate((known[name] for name in self._names), 1):
                nodes = [self._node(daemon.name, number, each + 1) for each in range(self._nodes)]
                self.sides.append(Side(daemon=daemon, nodes=nodes))
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._undo.close()

    # Both sides at work

    @contextmanager
    def running(self, setup: Setup, sides: Sequence[Side]) -> Iterator[None]:
        """Have a daemon on every node of these sides, and a client that asks for each address."""
        number = next(self._numbers)
        with ExitStack() as undo:
            for place, side in enumerate(sides):
                side.setup = setup
                name = f"{side.name}-{number}"
                side.announced = self.announced(name, setup, f"172.19.{200 + place}.{10 * number}")
                if isinstance(side.daemon, Ours):
                    undo.enter_context(self.services(name, side.announced))
            for side in sides:
                undo.callback(self.stop, side)
                for node in side.nodes:
                    self.start(side, node)
                side.answers = undo.enter_context(self.client(side.announced)).answers
            yield

    @staticmethod
    def announced(name: str, setup: Setup, address: str) -> list[Announced]:
        """What is to be answered for: the addresses after this one."""
        first = IPv4Address(address)
        return [
            Announced(lease=f"{LEASE_PREFIX}{name}-{each}", address=str(first + each))
            for each in range(1, setup.services + 1)
        ]

    def client(self, announced: Sequence[Announced], every: float = ASK_SECONDS) -> Client:
        """Asks for all of the addresses, a request every so many seconds."""
        addresses = [each.address for each in announced]
        return Client(self._client, addresses, every * len(addresses))

    @contextmanager
    def services(
        self, name: str, announced: Sequence[Announced], where: Mapping[str, str] = ANYWHERE
    ) -> Iterator[None]:
        """Services, one for each Lease, with the addresses that go with it.

        `where` are labels of the nodes that may answer for them.
        """
        names = [f"{name}-{each}" for each in range(1, len(announced) + 1)]
        rule = policy(name)
        rule["spec"]["nodeSelector"] = {**rule["spec"]["nodeSelector"], "matchLabels": where}
        made = [
            (POOLS, pool(name, [f"{each.address}/32" for each in announced])),
            (POLICIES, rule),
        ]
        for each, wanted in zip(names, announced, strict=True):
            manifest = service(each, name)
            manifest["metadata"]["annotations"] = {"lbipam.cilium.io/ips": wanted.address}
            made.append((SERVICES, manifest))
        try:
            for collection, manifest in made:
                answer = self.api.post(collection, manifest)
                assert answer.ok, answer
            yield
        finally:
            for collection, manifest in reversed(made):
                self.api.delete(f"{collection}/{manifest['metadata']['name']}")

    def start(self, side: Side, node: Node, **environment: str) -> None:
        """Start the daemon of a node; `environment` is added to its own."""
        assert side.setup is not None
        with self._log(node).open("ab") as log:
            node.process = node.host.popen(
                side.daemon.command(node, side.setup, side.announced),
                env=inherited_environment()
                | side.daemon.environment(node, side.setup)
                | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self, side: Side) -> None:
        """End the daemons of a side, whatever state they are in."""
        for node in side.nodes:
            if node.process is not None:
                node.process.send_signal(signal.SIGCONT)
                node.process.terminate()
        for node in side.nodes:
            if node.process is not None:
                try:
                    node.process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    node.process.kill()
                    node.process.wait()
            node.process = None
        if isinstance(side.daemon, ClientGo):
            for node in side.nodes:
                side.daemon.record(node).unlink(missing_ok=True)

    def settled(self, side: Side) -> list[Node]:
        """Wait until every node takes part and each address has one answer; whose that is."""
        self.until(
            f"every node of {side.name} is ready",
            lambda: all(side.daemon.ready(node) for node in side.nodes),
        )
        self.until(
            f"each address of {side.name} has one answer",
            lambda: len(side.holders()) == len(side.announced),
        )
        return side.holders()

    def transitions(self, announced: Announced) -> int:
        """How often the address's Lease has gone from one to another."""
        answer = self.api.get(f"{LEASES}/{announced.lease}")
        assert answer.ok, (announced, answer)
        return int(answer.body["spec"].get("leaseTransitions") or 0)

    def until(self, fact: str, probe: Callable[[], T], seconds: float = SETTLE_SECONDS) -> T:
        """The first result of `probe` that is true; LabError, naming the fact, when none comes."""
        deadline = time.monotonic() + seconds
        while not (result := probe()):
            if time.monotonic() > deadline:
                raise LabError(f"{fact}: not so after {seconds:g} seconds\n{self._said()}")
            time.sleep(POLL_SECONDS)
        return result

    # Faults

    def kill(self, node: Node, how: signal.Signals) -> None:
        """Send a signal to a node's daemon."""
        assert node.process is not None
        node.process.send_signal(how)

    def restart(self, side: Side, node: Node) -> None:
        """What the unit does about a daemon that died."""
        assert node.process is not None
        node.process.wait(STOP_SECONDS)
        time.sleep(restart_seconds())
        self.start(side, node)

    def set_link(self, node: Node, up: bool) -> None:
        """Set the node's link to the segment up, or down."""
        _set_up(node.host, "eth0", up)

    def set_carrier(self, node: Node, up: bool) -> None:
        """Plug the node's link to the segment in, or out."""
        _set_up(self.lab.switch, node.port, up)

    def set_reachable(self, node: Node, reachable: bool) -> None:
        """Let frames through between the node and the API server, or lose all of them.

        The link of the node stays as it is.
        """
        where = ["master", API_BRIDGE] if reachable else ["nomaster"]
        self.lab.switch.run(["ip", "link", "set", node.api_port, *where])

    def prefer(self, side: Side, node: str | None) -> None:
        """Have the first Service of a side ask for a node by name; None for any."""
        name = side.announced[0].lease.removeprefix(LEASE_PREFIX)
        self._merge(f"{SERVICES}/{name}", {"metadata": {"annotations": {PREFERRED_NODE: node}}})

    def cordon(self, node: Node, *, cordoned: bool) -> None:
        """What `kubectl cordon` and `uncordon` do."""
        self._merge(f"/api/v1/nodes/{node.name}", {"spec": {"unschedulable": cordoned}})

    def _merge(self, path: str, change: object) -> None:
        told = self.api.call("PATCH", path, change, sends=MERGE_PATCH)
        assert told.ok, told

    def _node(self, side: str, side_number: int, number: int) -> Node:
        name, end = f"{side}-{number}", f"{side_number}.{number}"
        mac = f"02:42:ac:13:{side_number:02x}:{number:02x}"
        host = self.lab.namespace(name)
        port = self.lab.link(host, "eth0", f"172.19.{end}/16", mac=mac, bridge=BRIDGE)
        api_port = self.lab.link(host, API_LINK, f"172.20.{end}/16", bridge=API_BRIDGE)
        manifest = {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}
        assert self.api.post("/api/v1/nodes", manifest).ok
        ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
        self._merge(f"/api/v1/nodes/{name}/status", ready)
        return Node(name=name, host=host, mac=mac, port=port, api_port=api_port)

    def _said(self) -> str:
        lines = []
        for side in self.sides:
            for node in side.nodes:
                if node.process is not None:
                    state = "runs" if node.process.poll() is None else "ended"
                    said = self._log(node).read_text(errors="replace")[-700:]
                    lines.append(f"{node.name} {state}: {said}")
        return "\n".join(lines)

    def _log(self, node: Node) -> Path:
        return self._directory / f"{node.name}.log"


def _set_up(namespace: Namespace, interface: str, up: bool) -> None:
    """Set a link up or down at once: starting a program to do so would take milliseconds."""
    with namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        name = interface.encode()
        told = fcntl.ioctl(asking, _SIOCGIFFLAGS, _IFREQ.pack(name, 0))
        flags = _IFREQ.unpack(told)[1]
        flags = flags | _IFF_UP if up else flags & ~_IFF_UP
        fcntl.ioctl(asking, _SIOCSIFFLAGS, _IFREQ.pack(name, flags))
