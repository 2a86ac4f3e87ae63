"""A node with a responder, and a client whose kernel speaks Neighbour Discovery, on one segment."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address

from l2announcer.core.answers import WireProtocol
from l2announcer.core.model import IPAddress
from l2announcer.wire import ndp
from l2announcer.wire.ethernet import ETHERTYPE_IPV6
from l2announcer.wire.ipv6 import solicited_node_group
from tests.lab import segment
from tests.lab.namespaces import Lab, Namespace
from tests.lab.segment import CLIENT, NODE, PATIENCE_SECONDS, played_on

OTHER_NODE = bytes.fromhex("0242ac130004")
CLIENT_IP = IPv6Address("fd00::9")
VIP = IPv6Address("fd00::240")
SENTINEL = IPv6Address("fd00::241")
FOREIGN = IPv6Address("fd00::77")
POLL_SECONDS = 0.01


@dataclass(eq=False, kw_only=True)
class Segment(segment.Segment):
    """As there, for IPv6; `host` is where the client's socket is."""

    host: Namespace
    vip: IPAddress = VIP
    sentinel_address: IPAddress = SENTINEL
    client_address: IPAddress = CLIENT_IP
    protocol: WireProtocol = WireProtocol.ND

    def question(self, target: IPAddress, sender: IPAddress) -> bytes:
        assert isinstance(target, IPv6Address)
        assert isinstance(sender, IPv6Address)
        return ndp.solicitation(mac=CLIENT, sender=sender, target=target)

    def answer(self, address: IPAddress, to_address: IPAddress) -> bytes:
        assert isinstance(address, IPv6Address)
        assert isinstance(to_address, IPv6Address)
        return answer(address, to_address)

    def told(self, frame: bytes) -> bool:
        """Of Neighbour Discovery, and not about what the node's kernel gave itself?"""
        message = ndp.parse(frame)
        return message is not None and not message.target.is_link_local

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
    host = lab.host("client", mac=CLIENT.hex(":"))
    host.run(["ip", "addr", "add", f"{CLIENT_IP}/64", "dev", "eth0", "nodad"])
    made = Segment(lab=lab, node=node, host=host, client=raw_socket(host, "eth0"))
    with made.client, closing(made.responder):
        yield made


def raw_socket(host: Namespace, interface: str) -> socket.socket:
    """Hears what arrives for IPv6, and sends anything."""
    opened = host.socket(socket.AF_PACKET, socket.SOCK_RAW)
    opened.setblocking(False)
    opened.bind((interface, ETHERTYPE_IPV6))
    return opened


on_both_loops = played_on(built)
