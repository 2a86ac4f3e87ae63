"""A node with a responder and a client with a raw socket, on a segment of their own.

The segment here speaks ARP; that of tests.lab.segment_nd differs in how it asks.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count
from typing import Any, TypeVar

import pytest
import uvloop

from l2announcer.core.answers import AnswerTable, Grant, WireProtocol
from l2announcer.core.facts import Fact, Listens
from l2announcer.core.model import Announcement, IPAddress, Link
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
    """A node with a responder, a client with a raw socket, and a clock that the test sets.

    The sentinel is an address like the others, but always answered.
    """

    lab: Lab
    node: Namespace
    client: socket.socket
    vip: IPAddress = VIP
    sentinel_address: IPAddress = SENTINEL
    client_address: IPAddress = CLIENT_IP
    protocol: WireProtocol = WireProtocol.ARP
    time: float = 1.0
    facts: list[Fact] = field(default_factory=list)  # what was heard
    listens: list[Listens] = field(default_factory=list)
    tenure: Tenure = field(default_factory=lambda: Tenure(100.0))
    sentinel: Tenure = field(default_factory=lambda: Tenure(1e9))
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.responder = Responder(post=self.post, now=lambda: self.time)

    def post(self, fact: Fact) -> None:
        if isinstance(fact, Listens):
            self.listens.append(fact)
        else:
            self.facts.append(fact)

    def install(self, *links: Link, addresses: Sequence[IPAddress] | None = None) -> None:
        """Answer for these addresses, or for `vip`; on these links, or on eth0."""
        links = links or (link_of(self.node),)
        addresses = (self.vip,) if addresses is None else addresses
        grants = [
            Grant(Announcement(address, link.name), tenure)
            for link in links
            for address, tenure in (
                *((address, self.tenure) for address in addresses),
                (self.sentinel_address, self.sentinel),
            )
        ]
        with self.node.in_namespace():
            self.responder.install(AnswerTable(grants, [], links))

    def ask(self, *targets: IPAddress, sender: IPAddress | None = None) -> None:
        for target in targets:
            self.client.send(self.question(target, sender or self.client_address))

    def question(self, target: IPAddress, sender: IPAddress) -> bytes:
        assert isinstance(target, IPv4Address)
        assert isinstance(sender, IPv4Address)
        return arp.request(mac=CLIENT, sender=sender, target=target)

    def answer(self, address: IPAddress, to_address: IPAddress) -> bytes:
        """What the node says to a question."""
        assert isinstance(address, IPv4Address)
        assert isinstance(to_address, IPv4Address)
        return answer(address, to_address)

    def told(self, frame: bytes) -> bool:
        """Is it of interest, or does the node's kernel speak?"""
        return bool(frame)

    async def next_frame(self) -> bytes:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.told(frame := await loop.sock_recv(self.client, 2048)):
                continue
            return frame

    async def heard(self) -> list[bytes]:
        """All that the node has sent: until it answers one more request, unlike all others."""
        sender = self.client_address + next(self.numbers)
        self.ask(self.sentinel_address, sender=sender)
        last = self.answer(self.sentinel_address, sender)
        heard: list[bytes] = []
        while (frame := await self.next_frame()) != last:
            heard.append(frame)
        return heard

    async def carrying(self) -> None:
        """Ask until there is an answer: a link that came up takes a moment to carry."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                self.ask(self.sentinel_address)
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
                for name, protocol, reason, times in self.responder.counters()
                if name == interface and protocol is self.protocol
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


@contextmanager
def built(lab: Lab) -> Iterator[Segment]:
    node = lab.host("node", mac=NODE.hex(":"))
    client = lab.host("client", mac=CLIENT.hex(":"))
    with joined(lab, node, raw_socket(client, "eth0")) as segment:
        yield segment


S = TypeVar("S", bound=Segment)
LoopFactory = Callable[[], asyncio.AbstractEventLoop]
Test = Callable[[Lab, LoopFactory], None]


def played_on(
    build: Callable[[Lab], AbstractContextManager[S]],
) -> Callable[[Callable[[S], Coroutine[Any, Any, None]]], Test]:
    """Play a scenario on a segment of its own, under asyncio's event loop and under uvloop."""

    def decorated(scenario: Callable[[S], Coroutine[Any, Any, None]]) -> Test:
        async def played(lab: Lab) -> None:
            with build(lab) as segment:
                segment.install()
                await segment.carrying()
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

    return decorated


on_both_loops = played_on(built)
