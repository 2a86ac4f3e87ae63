"""A node with a responder and a client with a raw socket, on a segment of their own."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count
from typing import Any

import pytest
import uvloop

from l2announcer.core.answers import AnswerTable, Grant
from l2announcer.core.facts import Fact
from l2announcer.core.model import Announcement, Link
from l2announcer.core.tenure import Tenure
from l2announcer.lan.responder import Responder
from l2announcer.wire import arp
from l2announcer.wire.ethernet import ETHERTYPE_ARP
from tests.lab.namespaces import Lab, Namespace

NODE = bytes.fromhex("0242ac130003")
CLIENT = bytes.fromhex("0242ac130009")
CLIENT_IP = IPv4Address("172.19.0.9")
VIP = IPv4Address("172.19.0.240")
SENTINEL = IPv4Address("172.19.0.241")
FOREIGN = IPv4Address("172.19.0.77")
PATIENCE_SECONDS = 10


@dataclass(eq=False, kw_only=True)
class Segment:
    """A node with a responder, a client with a raw socket, and a clock that the test sets."""

    lab: Lab
    node: Namespace
    client: socket.socket
    time: float = 1.0
    facts: list[Fact] = field(default_factory=list)
    tenure: Tenure = field(default_factory=lambda: Tenure(100.0))
    sentinel: Tenure = field(default_factory=lambda: Tenure(1e9))
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.responder = Responder(post=self.facts.append, now=lambda: self.time)

    def install(self, *links: Link, addresses: tuple[IPv4Address, ...] = (VIP,)) -> None:
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

    def ask(self, *targets: IPv4Address, sender: IPv4Address = CLIENT_IP) -> None:
        for target in targets:
            self.client.send(arp.request(mac=CLIENT, sender=sender, target=target))

    async def next_frame(self) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await asyncio.get_running_loop().sock_recv(self.client, 2048)

    async def heard(self) -> list[bytes]:
        """All that the node has sent: until it answers one more request, unlike all others."""
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

    def counts(self, interface: str = "eth0") -> Counter[str]:
        return Counter(
            {
                reason: times
                for name, _, reason, times in self.responder.counters()
                if name == interface
            }
        )


def answer(address: IPv4Address, to_address: IPv4Address = CLIENT_IP) -> bytes:
    return arp.reply(mac=NODE, address=address, to_mac=CLIENT, to_address=to_address)


def link_of(host: Namespace, name: str = "eth0") -> Link:
    shown = host.run(["ip", "-o", "link", "show", "dev", name]).stdout
    mac = bytes.fromhex(host.mac(name).replace(":", ""))
    return Link(index=int(shown.split(":")[0]), name=name, mac=mac, up=True, carrier=True)


def raw_socket(host: Namespace, interface: str) -> socket.socket:
    opened = host.socket(socket.AF_PACKET, socket.SOCK_RAW)
    opened.setblocking(False)
    opened.bind((interface, ETHERTYPE_ARP))
    return opened


@contextmanager
def joined(lab: Lab, node: Namespace, client: socket.socket) -> Iterator[Segment]:
    made = Segment(lab=lab, node=node, client=client)
    with client, closing(made.responder):
        yield made


@asynccontextmanager
async def built(lab: Lab) -> AsyncIterator[Segment]:
    node = lab.host("node", mac=NODE.hex(":"))
    client = lab.host("client", mac=CLIENT.hex(":"))
    with joined(lab, node, raw_socket(client, "eth0")) as segment:
        segment.install()
        await segment.carrying()
        yield segment


Scenario = Callable[[Segment], Coroutine[Any, Any, None]]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def on_both_loops(scenario: Scenario) -> Callable[[Lab, LoopFactory], None]:
    """Play a scenario on a segment of its own, under asyncio's event loop and under uvloop."""

    async def played(lab: Lab) -> None:
        async with built(lab) as segment:
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
