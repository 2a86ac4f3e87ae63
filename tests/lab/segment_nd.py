"""A node with a responder, and clients whose kernels speak Neighbour Discovery, on one segment."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from itertools import count
from typing import Any

import pytest
import uvloop

from l2announcer.core.answers import AnswerTable, Grant, WireProtocol
from l2announcer.core.facts import Fact
from l2announcer.core.model import Announcement, IPAddress, Link
from l2announcer.core.tenure import Tenure
from l2announcer.lan.responder import Responder
from l2announcer.wire import ndp
from l2announcer.wire.ethernet import ETHERTYPE_IPV6
from l2announcer.wire.ipv6 import solicited_node_group
from tests.lab.namespaces import Lab, Namespace
from tests.lab.segment import PATIENCE_SECONDS, LoopFactory, link_of

NODE = bytes.fromhex("0242ac130003")
OTHER_NODE = bytes.fromhex("0242ac130004")
CLIENT = bytes.fromhex("0242ac130009")
CLIENT_IP = IPv6Address("fd00::9")
VIP = IPv6Address("fd00::240")
SENTINEL = IPv6Address("fd00::241")
FOREIGN = IPv6Address("fd00::77")
POLL_SECONDS = 0.01


@dataclass(eq=False, kw_only=True)
class Segment:
    """A node with a responder, a client with a raw socket, and a clock that the test sets."""

    lab: Lab
    node: Namespace
    client: Namespace
    raw: socket.socket
    time: float = 1.0
    facts: list[Fact] = field(default_factory=list)
    tenure: Tenure = field(default_factory=lambda: Tenure(100.0))
    sentinel: Tenure = field(default_factory=lambda: Tenure(1e9))
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.responder = Responder(post=self.facts.append, now=lambda: self.time)

    def install(self, *links: Link, addresses: tuple[IPAddress, ...] = (VIP,)) -> None:
        links = links or (link_of(self.node),)
        grants = [
            Grant(Announcement(address, link.name), tenure)
            for link in links
            for address, tenure in (
                *((address, self.tenure) for address in addresses),
                (SENTINEL, self.sentinel),
            )
        ]
        with self.node.in_namespace():
            self.responder.install(AnswerTable(grants, [], links))

    def ask(self, *targets: IPv6Address, sender: IPv6Address = CLIENT_IP) -> None:
        for target in targets:
            self.raw.send(ndp.solicitation(mac=CLIENT, sender=sender, target=target))

    async def next_frame(self) -> bytes:
        """The next that speaks of Neighbour Discovery; what else the kernel sends is left out."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                frame = await asyncio.get_running_loop().sock_recv(self.raw, 2048)
                message = ndp.parse(frame)
                if message is not None and not message.target.is_link_local:
                    return frame

    async def heard(self) -> list[bytes]:
        """All that the node has sent: until it answers one more question, unlike all others."""
        sender = CLIENT_IP + next(self.numbers)
        self.ask(SENTINEL, sender=sender)
        heard: list[bytes] = []
        while (frame := await self.next_frame()) != answer(SENTINEL, sender):
            heard.append(frame)
        return heard

    async def carrying(self) -> None:
        """Ask until there is an answer: a link that came up takes a moment to carry."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                self.ask(SENTINEL)
                try:
                    async with asyncio.timeout(0.1):
                        await self.next_frame()
                        break
                except TimeoutError:
                    continue
        await self.heard()

    def counts(self, protocol: WireProtocol = WireProtocol.ND) -> Counter[str]:
        return Counter(
            {
                reason: times
                for _, counted, reason, times in self.responder.counters()
                if counted is protocol
            }
        )

    def joined(self, interface: str = "eth0") -> set[IPv6Address]:
        """The groups of an interface of the node, as its kernel says."""
        shown = self.node.run(["ip", "-6", "-j", "maddr", "show", "dev", interface]).stdout
        return {
            IPv6Address(entry["address"])
            for link in json.loads(shown)
            for entry in link["maddr"]
            if entry.get("family") == "inet6"
        }


def answer(address: IPv6Address, to_address: IPv6Address = CLIENT_IP) -> bytes:
    return ndp.reply(mac=NODE, address=address, to_mac=CLIENT, to_address=to_address)


def group_of(address: IPv6Address) -> IPv6Address:
    return IPv6Address(solicited_node_group(address.packed))


def neighbour(host: Namespace, address: IPAddress) -> tuple[str, str]:
    """What a host's kernel knows of an address: MAC and state, empty where it knows nothing."""
    shown = host.run(["ip", "-j", "neigh", "show", "to", str(address), "dev", "eth0"]).stdout
    for entry in json.loads(shown or "[]"):
        return entry.get("lladdr", ""), entry["state"][0]
    return "", ""


def send_to(host: Namespace, address: IPAddress) -> None:
    """A packet, so that the kernel of a host must know where the address is."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with closing(host.socket(family, socket.SOCK_DGRAM)) as sender:
        sender.setblocking(False)
        sender.sendto(b"", (str(address), 9))


async def until(fact: str, probe: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait, while the responder works, until something is so."""
    try:
        async with asyncio.timeout(seconds):
            while not probe():  # noqa: ASYNC110 - what another kernel knows has no event here
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"{fact}: not so after {seconds:g} seconds") from None


@contextmanager
def built(lab: Lab) -> Iterator[Segment]:
    node = lab.host("node", mac=NODE.hex(":"))
    client = lab.host("client", mac=CLIENT.hex(":"))
    client.run(["ip", "addr", "add", f"{CLIENT_IP}/64", "dev", "eth0", "nodad"])
    raw = client.socket(socket.AF_PACKET, socket.SOCK_RAW)
    raw.setblocking(False)
    raw.bind(("eth0", ETHERTYPE_IPV6))
    segment = Segment(lab=lab, node=node, client=client, raw=raw)
    with raw, closing(segment.responder):
        yield segment


@asynccontextmanager
async def installed(lab: Lab) -> AsyncIterator[Segment]:
    with built(lab) as segment:
        segment.install()
        await segment.carrying()
        yield segment


Scenario = Callable[[Segment], Coroutine[Any, Any, None]]


def on_both_loops(scenario: Scenario) -> Callable[[Lab, LoopFactory], None]:
    """Play a scenario on a segment of its own, under asyncio's event loop and under uvloop."""

    async def played(lab: Lab) -> None:
        async with installed(lab) as segment:
            await scenario(segment)

    @pytest.mark.parametrize(
        "loop_factory",
        [asyncio.SelectorEventLoop, uvloop.new_event_loop],
        ids=["asyncio", "uvloop"],
    )
    def test(lab: Lab, loop_factory: LoopFactory) -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(played(lab))

    return test
