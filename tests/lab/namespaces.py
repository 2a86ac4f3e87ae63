"""A lab of network namespaces, joined by veth pairs and bridges, for the tests and the demo.

Every namespace lives as long as a sleeping child process of ours that holds it, so nothing has a
name in the file system: when this process ends, however it ends, the kernel takes its children
(PR_SET_PDEATHSIG), then the namespaces, then the links. Root and an unprivileged user run the same
code; the latter first becomes root of a user namespace of its own (tests.lab.root).

The parent-death signal follows the *thread* that started a child: start children from the main
thread, or from one that outlives them.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab.root import LabError, why_not

CLONE_NEWNET = 0x40000000
BRIDGE = "br0"
START_SECONDS = 20
STOP_SECONDS = 5

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(eq=False, slots=True, kw_only=True)
class Namespace:
    """One network namespace: a host of the lab, or the switch between them."""

    name: str
    holder: subprocess.Popen[str]
    children: list[subprocess.Popen[Any]] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return Path(f"/proc/{self.holder.pid}/ns/net")

    def argv(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` in here, and dies with its parent."""
        return ["setpriv", "--pdeathsig", "KILL", *self.entrance(), *command]

    def entrance(self) -> list[str]:
        """What to put in front of a command, also from another terminal, to run it in here."""
        return ["nsenter", "-t", str(self.holder.pid), "-n", "--"]

    def run(
        self,
        command: Sequence[str],
        *,
        check: bool = True,
        text: str | None = None,
        seconds: float = 30,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end, output captured, `text` on standard input; LabError when it fails."""
        result = subprocess.run(
            self.argv(command),
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=env,
        )
        if check and result.returncode:
            said = (result.stderr or result.stdout).strip()
            raise LabError(
                f"in {self.name}: `{' '.join(command)}` ended with {result.returncode}: {said}"
            )
        return result

    def popen(self, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a process that the lab ends, at the latest when it is taken down.

        It has a session of its own: a terminal's Ctrl-C is for us, and we end it.
        """
        child = subprocess.Popen(self.argv(command), start_new_session=True, **options)
        self.children.append(child)
        return child

    @contextmanager
    def in_namespace(self) -> Iterator[None]:
        """Put the calling thread in here: a socket opened inside the block stays in here.

        A whole event loop may run inside the block, but a task of a loop that runs outside must not
        wait inside: the thread would run other tasks in here too.
        """
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            there = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _set_namespace(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                _set_namespace(own)
        finally:
            os.close(own)

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket of this namespace, for use by any thread."""
        with self.in_namespace():
            return socket.socket(family, kind, protocol)

    def mac(self, interface: str = "eth0") -> str:
        """The hardware address of a link, as the kernel tells it."""
        words = self.run(["ip", "-o", "link", "show", "dev", interface]).stdout.split()
        return words[words.index("link/ether") + 1]

    def close(self) -> None:
        """End every process that was started in here; the namespace goes with its holder."""
        for child in (*reversed(self.children), self.holder):
            if child.poll() is None:
                child.kill()
        for child in (*self.children, self.holder):
            child.wait(STOP_SECONDS)
            for pipe in (child.stdin, child.stdout, child.stderr):
                if pipe is not None:
                    pipe.close()
        self.children.clear()


class Lab:
    """Hosts on a switch of their own; a context manager that leaves nothing behind."""

    def __init__(self) -> None:
        self.namespaces: dict[str, Namespace] = {}
        self._ports = itertools.count(1)

    def __enter__(self) -> Self:
        reason = why_not()
        if reason:
            raise LabError(reason)
        try:
            self.namespace("switch")
            self.bridge(BRIDGE)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def switch(self) -> Namespace:
        """Where the bridges are, and the far end of every host's link."""
        return self.namespaces["switch"]

    def namespace(self, name: str) -> Namespace:
        """A namespace with nothing in it but a loopback interface that is up."""
        script = "ip link set lo up && echo ready && exec sleep infinity"
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", "-n", "sh", "-ec", script]
        holder = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # what we leave to run must not hold our own output open
            text=True,
            start_new_session=True,
        )
        made = Namespace(name=name, holder=holder)
        self.namespaces[name] = made
        assert holder.stdout is not None
        if (said := holder.stdout.readline()) != "ready\n":
            raise LabError(f"no namespace for {name}: `{' '.join(command)}` failed: {said}")
        return made

    def bridge(self, name: str, switch: Namespace | None = None) -> None:
        """One more segment. It forwards from the first instant: no spanning tree, no snooping."""
        switch = switch or self.switch
        options = ["forward_delay", "0", "stp_state", "0", "mcast_snooping", "0"]
        switch.run(["ip", "link", "add", name, "type", "bridge", *options])
        switch.run(["ip", "link", "set", name, "up"])

    def host(
        self,
        name: str,
        address: str | None = None,
        *,
        mac: str | None = None,
        interface: str = "eth0",
        bridge: str = BRIDGE,
    ) -> Namespace:
        """A namespace with one link to a segment; `address` with its prefix length."""
        made = self.namespace(name)
        self.link(made, interface, address, mac=mac, bridge=bridge)
        return made

    def link(
        self,
        host: Namespace,
        interface: str,
        address: str | None = None,
        *,
        mac: str | None = None,
        bridge: str = BRIDGE,
        switch: Namespace | None = None,
    ) -> str:
        """One more link from a host to a segment; returns the name of its port on the switch.

        The host loses its carrier while the port is down. `switch` is where the bridge is, when
        it's not in the lab's own: a node with Pods is a switch too.
        """
        switch = switch or self.switch
        port = f"port{next(self._ports)}"
        far_end = [*(["address", mac] if mac else []), "netns", str(host.holder.pid)]
        switch.run(["ip", "link", "add", port, "type", "veth", "peer", "name", interface, *far_end])
        switch.run(["ip", "link", "set", port, "master", bridge, "up"])
        lines = [f"link set {interface} up"]
        if address:
            lines.append(f"addr add {address} dev {interface}")
        host.run(["ip", "-batch", "-"], text="\n".join(lines) + "\n")
        return port

    def remove(self, name: str) -> None:
        """Pull the plug of one host: its processes, links and namespace."""
        self.namespaces.pop(name).close()

    def close(self) -> None:
        """Take everything down; may be called twice."""
        while self.namespaces:
            _, namespace = self.namespaces.popitem()
            namespace.close()


def _set_namespace(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise LabError(f"setns into a network namespace: {os.strerror(number)}")
