"""The responders that are measured side by side, each at the end of a wire of its own.

All wires (veth pairs) lead to one client namespace, where the load comes from. The load has the
last processor for itself and the responders share the others: left to itself, the scheduler would
now and then put both on the same one, and measure its own time slices.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Protocol as Ways

from l2announcer.core.model import IPAddress
from tests.lab.namespaces import Lab, Namespace
from tests.lab.root import LabError

INTERFACE = "eth0"
OWN_ADDRESS = "172.19.0.3/16"
ASKERS = [IPv6Address("fe80::c612:0") + number for number in range(64)]
"""Where the load's solicitations come from: who answers through the kernel has to know them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How is asked: for addresses from the first on, or from the first of other nodes'."""

    name: str
    first: IPAddress
    foreign: IPAddress


ARP = Protocol(name="arp", first=IPv4Address("10.0.0.1"), foreign=IPv4Address("10.200.0.1"))
ND = Protocol(
    name="nd", first=IPv6Address("2001:db8::a00:1"), foreign=IPv6Address("2001:db8::ac8:1")
)

_PROCESSORS = sorted(os.sched_getaffinity(0))
LOAD_PROCESSORS = _PROCESSORS[-1:]
RESPONDERS_PROCESSORS = _PROCESSORS[:-1] or _PROCESSORS


class Responder(Ways):
    """One that answers on `eth0` of its namespace; `link` is the asking end of its wire."""

    name: str
    link: str

    def grant(self, count: int) -> None:
        """From now on answer for so many addresses from the protocol's first on, and no others."""

    def processor_seconds(self) -> float:
        """What its process has used so far. What the kernel does for it is the sender's."""


@dataclass(eq=False, slots=True, kw_only=True)
class KernelResponder:
    """The addresses are the interface's own, and the kernel answers."""

    name: str
    link: str
    first: IPAddress
    node: Namespace

    def grant(self, count: int) -> None:
        lines = [
            f"addr flush dev {INTERFACE} scope global",
            f"addr add {OWN_ADDRESS} dev {INTERFACE}",
        ]
        kind = "nodad" if self.first.version == 6 else ""
        lines += [f"addr add {self.first + i} dev {INTERFACE} {kind}" for i in range(count)]
        self.node.run(["ip", "-batch", "-"], text="\n".join(lines) + "\n", seconds=120)

    def processor_seconds(self) -> float:
        return 0.0


@dataclass(eq=False, slots=True, kw_only=True)
class ProcessResponder:
    """A process that obeys lines on its standard input, and says a line to each."""

    name: str
    link: str
    first: IPAddress
    process: subprocess.Popen[str]

    def grant(self, count: int) -> None:
        self.say(f"grant {self.first} {count}")

    def say(self, order: str) -> str:
        """Give an order; what the process answers."""
        self.order(order)
        return self.answer()

    def order(self, order: str) -> None:
        """Give an order, and don't wait."""
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        """What the process says to the next order that it has carried out."""
        assert self.process.stdout is not None
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise LabError(f"the responder {self.name!r} ended instead of obeying")
        return answer

    def processor_seconds(self) -> float:
        # linux/posix-timers.h: how the clock of another process is named
        return time.clock_gettime(~self.process.pid << 3 | 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything that is under test, and where the load comes from."""

    client: Namespace
    programs: Path
    protocol: Protocol
    kernel: KernelResponder
    go: ProcessResponder
    ours: ProcessResponder

    @property
    def responders(self) -> Sequence[Responder]:
        return self.kernel, self.go, self.ours


def built_bench(lab: Lab, programs: Path, protocol: Protocol) -> Bench:
    """Namespaces, wires and processes, which go with the lab."""
    client = lab.namespace("client")
    kernel, go, ours = (_wired(lab, client, name) for name in ("kernel", "go", "ours"))
    _acquaint(go, client.mac("go"))
    peer = _started(go, [str(programs / "responder"), INTERFACE, protocol.name])
    return Bench(
        client=client,
        programs=programs,
        protocol=protocol,
        kernel=KernelResponder(name="kernel", link="kernel", first=protocol.first, node=kernel),
        go=ProcessResponder(name="go", link="go", first=protocol.first, process=peer),
        ours=our_responder(ours, "ours", protocol),
    )


def our_responder(node: Namespace, link: str, protocol: Protocol) -> ProcessResponder:
    """The real one on `eth0` of a namespace (tests.bench.node says what it obeys)."""
    command = [sys.executable, "-m", "tests.bench.node", INTERFACE, node.mac(INTERFACE)]
    process = _started(node, command)
    return ProcessResponder(name="ours", link=link, first=protocol.first, process=process)


def on(processors: Sequence[int], command: Sequence[str]) -> list[str]:
    """The command line that runs `command` on these processors only."""
    return ["taskset", "-c", ",".join(map(str, processors)), *command]


def put_first(pid: int) -> None:
    """Let a process with a session of its own go before all else here, where that is allowed.

    Every session is a group for the scheduler (sched(7), autogroup), and the nice value that counts
    is the group's.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, -20)
        Path(f"/proc/{pid}/autogroup").write_text("-20")


def _started(node: Namespace, command: Sequence[str]) -> subprocess.Popen[str]:
    process = node.popen(
        on(RESPONDERS_PROCESSORS, command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    put_first(process.pid)
    return process


def _wired(lab: Lab, client: Namespace, name: str) -> Namespace:
    """A node on a wire whose other end has the node's name, and takes no part in ARP itself."""
    node = lab.namespace(name)
    far_end = ["peer", "name", INTERFACE, "netns", str(node.holder.pid)]
    client.run(["ip", "link", "add", name, "type", "veth", *far_end])
    client.run(["ip", "link", "set", name, "arp", "off", "up"])
    # an address of a link that nobody else is on needs no time to be found unused
    node.run(["sh", "-c", f"echo 0 > /proc/sys/net/ipv6/conf/{INTERFACE}/accept_dad"])
    node.run(["ip", "link", "set", INTERFACE, "up"])
    node.run(["ip", "addr", "add", OWN_ADDRESS, "dev", INTERFACE])
    return node


def _acquaint(node: Namespace, mac: str) -> None:
    """Tell a kernel where the askers are, so that replies through it never wait to find out."""
    lines = [
        f"neigh replace {asker} lladdr {mac} nud permanent dev {INTERFACE}" for asker in ASKERS
    ]
    node.run(["ip", "-batch", "-"], text="\n".join(lines) + "\n")
