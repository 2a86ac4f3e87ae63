"""One node in a namespace of its own: real daemon, an API server on loopback, systemd's ear.

The API server runs in a thread of this process, so a test reaches its store and its faults.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.fakes.apiserver import ApiServer
from tests.fakes.bootstrap import apply_object
from tests.fakes.kubeconfig import write_kubeconfig
from tests.fakes.refusals import Refusal
from tests.fakes.resources import LEASES, NODES, SERVICES
from tests.lab.namespaces import Lab, Namespace
from tests.lab.pods import ROOT

T = TypeVar("T")

NODE = "worker"
ADDRESS = "172.19.0.240"
API_PORT = 6443
HEALTH_PORT = 9480
ANSWER_SECONDS = 5.0
START_SECONDS = 30.0
POLL_SECONDS = 0.02
CRDS = sorted((ROOT / "config/crds").glob("*.yaml"))
POLICY = {
    "apiVersion": "cilium.io/v2alpha1",
    "kind": "CiliumL2AnnouncementPolicy",
    "metadata": {"name": "p"},
    "spec": {"externalIPs": True, "interfaces": ["^eth0$"]},
}


def until(fact: str, probe: Callable[[], T], seconds: float = START_SECONDS) -> T:
    """The first true result of `probe`; AssertionError, naming the fact, when none comes."""
    deadline = time.monotonic() + seconds
    while not (result := probe()):
        assert time.monotonic() < deadline, f"{fact}: not so after {seconds:g} seconds"
        time.sleep(POLL_SECONDS)
    return result


class ApiThread:
    """An embedded API server at 127.0.0.1 of a namespace, in a thread; begins stopped."""

    def __init__(self, namespace: Namespace) -> None:
        self.server = ApiServer()
        self._namespace = namespace
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="api server", daemon=True)
        self._thread.start()

    def start(self) -> None:
        self._wait(self.server.start(port=API_PORT))

    def stop(self) -> None:
        self._wait(self.server.stop())

    def do(self, act: Callable[[ApiServer], T]) -> T:
        """Have the server's own thread do it."""

        async def acted() -> T:
            return act(self.server)

        result: T = self._wait(acted())
        return result

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        with self._namespace.in_namespace():
            self._loop.run_forever()

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_SECONDS)


class Supervisor:
    """What systemd is to a Type=notify service: a socket, and what was said to it."""

    def __init__(self, namespace: Namespace) -> None:
        self._socket = namespace.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0l2announcer-supervisor")
        self._socket.settimeout(POLL_SECONDS)
        self._said: list[str] = []
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, name="supervisor", daemon=True)
        self._thread.start()

    environment: Mapping[str, str] = {
        "NOTIFY_SOCKET": "@l2announcer-supervisor",
        "WATCHDOG_USEC": "400000",
    }

    @property
    def said(self) -> list[str]:
        """Every message so far, in order."""
        return list(self._said)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        while not self._closed.is_set():
            try:
                self._said.append(self._socket.recv(4096).decode())
            except TimeoutError:
                continue


class Daemon:
    """One `l2announcer run` as a child, and what it logs."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def said(self, text: str) -> bool:
        """Does any line of the log contain the text?"""
        return text in self._log.read_text()

    def ended(self, seconds: float = START_SECONDS) -> int:
        """Its exit code; TimeoutExpired when it goes on."""
        return self.process.wait(seconds)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)


class SingleNode:
    """A context manager: the namespaces, and the API server, whose store has the Node in it."""

    def __init__(self, lab: Lab, state: Path) -> None:
        self.node = lab.host(NODE, "172.19.0.3/16", mac="02:42:ac:13:00:03")
        self.client = lab.host("client", "172.19.0.100/16")
        self._kubeconfig = write_kubeconfig(state / "kubeconfig", f"http://127.0.0.1:{API_PORT}")
        self._state = state
        self._daemons = 0

    def __enter__(self) -> Self:
        self.supervisor = Supervisor(self.node)
        self.api = ApiThread(self.node)
        node = {"metadata": {"name": NODE}}
        self.api.do(lambda server: server.store.create(NODES, node, now=time.time()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.node.close()
        self.api.close()
        self.supervisor.close()

    def start_daemon(self, *before: str, **settings: str) -> Daemon:
        """`before` is put in front of the command; settings by the names of their variables."""
        environment = {
            **{key: value for key, value in os.environ.items() if "L2ANNOUNCER" not in key},
            **self.supervisor.environment,
            "NODE_NAME": NODE,
            "KUBECONFIG": str(self._kubeconfig),
            **settings,
        }
        self._daemons += 1
        log = self._state / f"daemon{self._daemons}.log"
        with log.open("wb") as output:
            process = self.node.popen(
                [*before, sys.executable, "-m", "l2announcer", "run"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return Daemon(process, log)

    def install(self) -> None:
        """The CRDs, and the policy that announces external IPs."""

        def install(server: ApiServer) -> None:
            server.apply_files(*CRDS)
            apply_object(server.store, POLICY, time.time())

        self.api.do(install)

    def add_service(self) -> None:
        """A Service with an address to be announced."""
        spec = {"ports": [{"port": 80}], "externalIPs": [ADDRESS]}
        app1 = {"metadata": {"name": "app1"}, "spec": spec}

        def add(server: ApiServer) -> None:
            server.store.create(SERVICES, app1, namespace="default", now=time.time())

        self.api.do(add)

    def holder(self, lease: str) -> str | None:
        """Who holds a Lease; None when there is none."""

        def read(server: ApiServer) -> str | None:
            try:
                found = server.store.get(LEASES, "kube-system", lease)
            except Refusal:
                return None
            return str(found["spec"].get("holderIdentity") or "")

        return self.api.do(read)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page of the daemon; (0, "") while it does not listen."""
        with closing(HTTPConnection("127.0.0.1", HEALTH_PORT, timeout=ANSWER_SECONDS)) as asked:
            try:
                with self.node.in_namespace():
                    asked.connect()
                asked.request("GET", path)
                response = asked.getresponse()
                return response.status, response.read().decode()
            except ConnectionError:
                return 0, ""

    def until_ready(self) -> None:
        until("READY=1", lambda: "READY=1" in self.supervisor.said)

    def until_announced(self) -> None:
        """Wait until the client resolves the address to the node's MAC."""
        until(f"{ADDRESS} is at the node's MAC", self._resolved)

    def _resolved(self) -> bool:
        with closing(self.client.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asker:
            asker.sendto(b"", (ADDRESS, 9))
        neighbour = self.client.run(["ip", "neigh", "show", ADDRESS]).stdout
        return "lladdr 02:42:ac:13:00:03" in neighbour
