"""How long it takes to take 1,000 addresses over at once, as seen by their neighbours.

Run by `python -m tests.bench.takeover`. The time runs from the order to one node to install and
announce all of them: until the last one was answered to a station that asks for all again and
again, and until the last entry in the ARP cache of another, which had the former holder's hardware
address for each, has been put right. Both see it in rounds of their own, in turn.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import islice

from l2announcer.wire import arp
from l2announcer.wire.ethernet import ETHERTYPE_ARP
from tests.bench.report import Row, publish
from tests.bench.responders import (
    ARP,
    INTERFACE,
    OWN_ADDRESS,
    ProcessResponder,
    our_responder,
)
from tests.lab.namespaces import Lab, Namespace
from tests.lab.root import LabError, become_lab_root

FIRST = IPv4Address(int(ARP.first))
FORMER = "02:00:00:00:00:01"
SENTINEL = IPv4Address("10.255.0.1")
ASKER = IPv4Address("172.19.0.8")
NEIGHBOUR = "172.19.0.9/16"
PATIENCE_SECONDS = 20
ASK_AGAIN_SECONDS = 0.002
OUTSTANDING = 64
"""More requests at once would not fit into the receive buffer of a socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured."""

    addresses: int = 1_000
    rounds: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One node, a station that asks, and another that only remembers."""

    node: Namespace
    ours: ProcessResponder
    asker: Namespace
    neighbour: Namespace

    def take_over(self, count: int) -> float:
        """Give the order to a node that answers nothing yet; when that was."""
        self.ours.grant(0)
        self.ours.order(f"take-over {FIRST} {count}")
        return time.perf_counter()


def built_segment(lab: Lab) -> Segment:
    node = lab.host("node", OWN_ADDRESS)
    asker = lab.host("asker", f"{ASKER}/16")
    neighbour = lab.host("neighbour", NEIGHBOUR)
    ours = our_responder(node, INTERFACE, ARP)
    return Segment(node=node, ours=ours, asker=asker, neighbour=neighbour)


def measured(segment: Segment, extent: Extent) -> list[Row]:
    done: list[float] = []
    answered: list[float] = []
    moved: list[float] = []
    for _ in range(extent.rounds):
        answered.append(until_answered(segment, extent.addresses))
        sent, last = until_moved(segment, extent.addresses)
        done.append(sent)
        moved.append(last)
    found = {
        "take-over ms, all is announced": done,
        "take-over ms, the last one answers": answered,
        "take-over ms, the last cached entry has moved": moved,
    }
    return [
        Row(
            what=what,
            samples=[1e3 * seconds for seconds in samples],
            labels={"responder": "ours", "addresses": extent.addresses, "protocol": "arp"},
        )
        for what, samples in found.items()
    ]


def until_answered(segment: Segment, count: int) -> float:
    """Seconds until every address has been answered to a station that asks for all that are not."""
    mac = bytes.fromhex(segment.asker.mac().replace(":", ""))
    missing = {
        address.packed: arp.request(mac=mac, sender=ASKER, target=address)
        for address in (FIRST + number for number in range(count))
    }
    with segment.asker.socket(socket.AF_PACKET, socket.SOCK_RAW) as asking:
        with segment.asker.in_namespace():
            asking.bind((INTERFACE, ETHERTYPE_ARP))
        asking.settimeout(ASK_AGAIN_SECONDS)
        start = last = segment.take_over(count)
        while missing and last - start < PATIENCE_SECONDS:
            asked = [asking.send(request) for request in islice(missing.values(), OUTSTANDING)]
            for address in islice(_answered(asking, mac), len(asked)):
                missing.pop(address, None)
            last = time.perf_counter()
    segment.ours.answer()
    if missing:
        raise LabError(f"{len(missing)} of {count} addresses were never answered")
    return last - start


def _answered(asking: socket.socket, mac: bytes) -> Iterator[bytes]:
    """The addresses of all replies to us that are there, or come while we wait."""
    try:
        while True:
            frame = asking.recv(2048)
            if frame.startswith(mac):
                yield frame[arp.SENDER_ADDRESS]
    except TimeoutError:
        return


def until_moved(segment: Segment, count: int) -> tuple[float, float]:
    """Seconds until all is sent, and until the cache of a neighbour has forgotten FORMER."""
    missing = {str(FIRST + number).encode() for number in range(count)}
    entries = [_entry(FIRST + number, FORMER) for number in range(count)]
    lines = [" ".join(arguments) for _, *arguments in entries]
    segment.neighbour.run(["ip", "-batch", "-"], text="\n".join(lines) + "\n")
    ours = segment.node.mac().encode()
    with _watched(segment.neighbour) as changes:
        start = last = segment.take_over(count)
        unread = b""
        while missing and last - start < PATIENCE_SECONDS:
            if select.select([changes], [], [], PATIENCE_SECONDS)[0]:
                *told, unread = (unread + os.read(changes, 1 << 16)).split(b"\n")
                missing -= {words[0] for line in told if ours in (words := line.split())}
            last = time.perf_counter()
    sent = float(segment.ours.answer())
    if missing:
        raise LabError(f"{len(missing)} of {count} cached entries never moved")
    return sent, last - start


@contextmanager
def _watched(neighbour: Namespace) -> Iterator[int]:
    """Where the kernel tells, a line each, of changes in the ARP cache from now on."""
    monitor = neighbour.popen(["ip", "-4", "-o", "monitor", "neigh"], stdout=subprocess.PIPE)
    try:
        assert monitor.stdout is not None
        changes = monitor.stdout.fileno()
        for number in range(100):
            mac = f"02:00:00:00:01:{number:02x}"
            neighbour.run(_entry(SENTINEL, mac))
            if select.select([changes], [], [], 0.05)[0]:
                break
        else:
            raise LabError("`ip monitor neigh` tells nothing")
        yield changes
    finally:
        monitor.kill()
        monitor.wait()


def _entry(address: IPv4Address, mac: str) -> list[str]:
    return [
        *("ip", "neigh", "replace", str(address), "lladdr", mac),
        *("nud", "reachable", "dev", INTERFACE),
    ]


def main() -> None:
    try:
        become_lab_root()
        with Lab() as lab:
            rows = measured(built_segment(lab), Extent())
    except LabError as error:
        raise SystemExit(f"skipped: {error}") from error
    publish("takeover", rows)


if __name__ == "__main__":
    main()
