"""Interfaces appear, change and vanish in a namespace, and each change becomes a fact."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from l2announcer.core.facts import Fact, Links
from l2announcer.core.model import Link
from l2announcer.lan import links as links_module
from l2announcer.lan.links import watch_links
from tests.lab.namespaces import Lab, Namespace

pytestmark = pytest.mark.lab

MAC = "02:42:ac:13:00:02"
MAC_BYTES = bytes.fromhex("0242ac130002")


class Watched:
    """The facts that a watch has posted."""

    def __init__(self) -> None:
        self.facts: list[tuple[Link, ...]] = []
        self._changed = asyncio.Event()

    def post(self, fact: Fact) -> None:
        assert isinstance(fact, Links)
        self.facts.append(fact.links)
        self._changed.set()

    async def until(self, holds: Callable[[dict[str, Link]], bool]) -> dict[str, Link]:
        """The links by name, as soon as they are as expected."""
        async with asyncio.timeout(10):
            while True:
                self._changed.clear()
                if self.facts:
                    named = {link.name: link for link in self.facts[-1]}
                    if holds(named):
                        return named
                await self._changed.wait()


def watch(host: Namespace, scenario: Callable[[Watched], Awaitable[None]]) -> None:
    """Run a scenario beside a watch of the interfaces of `host`, on uvloop, inside it."""

    async def both() -> None:
        watched = Watched()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch_links(watched.post))
            await watched.until(lambda links: "lo" in links)
            await scenario(watched)
            watching.cancel()

    with host.in_namespace():
        uvloop.run(both())


def test_the_first_fact_names_what_is_there(lab: Lab) -> None:
    host = lab.host("node", "172.19.0.2/16", mac=MAC)

    async def scenario(watched: Watched) -> None:
        links = await watched.until(lambda links: links["eth0"].carrier)
        assert set(links) == {"lo", "eth0"}
        eth0, loopback = links["eth0"], links["lo"]
        assert eth0 == Link(index=eth0.index, name="eth0", mac=MAC_BYTES, up=True, carrier=True)
        assert eth0.usable
        assert loopback.loopback
        assert not loopback.ethernet
        assert not loopback.usable

    watch(host, scenario)


def test_an_interface_appears_and_vanishes(lab: Lab) -> None:
    host = lab.namespace("node")

    async def scenario(watched: Watched) -> None:
        lab.link(host, "eth0")
        first = (await watched.until(lambda links: "eth0" in links and links["eth0"].usable))[
            "eth0"
        ]
        host.run(["ip", "link", "del", "eth0"])
        await watched.until(lambda links: set(links) == {"lo"})
        lab.link(host, "eth0", mac=MAC)
        again = (await watched.until(lambda links: "eth0" in links and links["eth0"].usable))[
            "eth0"
        ]
        assert again.index != first.index
        assert again.mac == MAC_BYTES

    watch(host, scenario)


def test_name_and_mac_change(lab: Lab) -> None:
    host = lab.host("node")

    async def scenario(watched: Watched) -> None:
        index = (await watched.until(lambda links: "eth0" in links))["eth0"].index
        host.run(["ip", "link", "set", "eth0", "address", MAC])
        await watched.until(lambda links: links["eth0"].mac == MAC_BYTES)
        host.run(["ip", "link", "set", "eth0", "down"])
        host.run(["ip", "link", "set", "eth0", "name", "wan0"])
        links = await watched.until(lambda links: "wan0" in links)
        assert "eth0" not in links
        assert links["wan0"].index == index

    watch(host, scenario)


def test_down_is_told_from_a_lost_carrier(lab: Lab) -> None:
    host = lab.namespace("node")
    port = lab.link(host, "eth0")

    async def scenario(watched: Watched) -> None:
        await watched.until(lambda links: links["eth0"].usable)
        lab.switch.run(["ip", "link", "set", port, "down"])
        links = await watched.until(lambda links: not links["eth0"].carrier)
        assert links["eth0"].up
        assert not links["eth0"].usable
        lab.switch.run(["ip", "link", "set", port, "up"])
        await watched.until(lambda links: links["eth0"].usable)
        host.run(["ip", "link", "set", "eth0", "down"])
        await watched.until(lambda links: not links["eth0"].up)

    watch(host, scenario)


def test_a_port_that_leaves_its_bridge_does_not_vanish(lab: Lab) -> None:
    host = lab.host("node")

    async def scenario(watched: Watched) -> None:
        host.run(["ip", "link", "add", "bridge1", "type", "bridge"])
        host.run(["ip", "link", "set", "eth0", "master", "bridge1"])
        links = await watched.until(lambda links: links["eth0"].master != 0)
        assert links["eth0"].master == links["bridge1"].index
        assert not links["eth0"].usable
        host.run(["ip", "link", "set", "eth0", "nomaster"])
        await watched.until(lambda links: links["eth0"].master == 0)
        host.run(["ip", "link", "del", "bridge1"])
        links = await watched.until(lambda links: "bridge1" not in links)
        assert links["eth0"].usable

    watch(host, scenario)


def test_an_interface_moves_to_another_namespace_and_back(lab: Lab) -> None:
    host, other = lab.host("node"), lab.namespace("other")

    async def scenario(watched: Watched) -> None:
        host.run(["ip", "link", "set", "eth0", "netns", str(other.holder.pid)])
        await watched.until(lambda links: set(links) == {"lo"})
        other.run(["ip", "link", "set", "eth0", "netns", str(host.holder.pid)])
        await watched.until(lambda links: "eth0" in links)

    watch(host, scenario)


def test_an_interface_without_arp_is_not_ethernet(lab: Lab) -> None:
    host = lab.host("node")

    async def scenario(watched: Watched) -> None:
        host.run(["ip", "link", "set", "eth0", "arp", "off"])
        await watched.until(lambda links: not links["eth0"].ethernet)

    watch(host, scenario)


def test_ipv6_is_switched_off_and_on(lab: Lab) -> None:
    host = lab.host("host", mac=MAC)

    async def scenario(watched: Watched) -> None:
        for value, expected in (("1", False), ("0", True)):
            host.run(["sysctl", "-w", f"net/ipv6/conf/eth0/disable_ipv6={value}"])
            await watched.until(lambda links, e=expected: links["eth0"].ipv6 is e)  # type: ignore[misc]

    watch(host, scenario)


def test_what_changes_nothing_posts_nothing(lab: Lab) -> None:
    host = lab.host("node")

    async def scenario(watched: Watched) -> None:
        await watched.until(lambda links: links["eth0"].usable)
        before = len(watched.facts)
        host.run(["ip", "link", "set", "eth0", "mtu", "1400"])
        host.run(["ip", "link", "set", "eth0", "address", MAC])
        await watched.until(lambda links: links["eth0"].mac == MAC_BYTES)
        assert len(watched.facts) == before + 1

    watch(host, scenario)


def test_events_lost_to_a_full_buffer_are_made_good(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, opened: list[socket.socket]
) -> None:
    monkeypatch.setattr(links_module, "_BUFFER_BYTES", 1)  # the kernel's minimum
    host = lab.host("node")

    async def scenario(watched: Watched) -> None:
        for number in range(40):  # the loop does not run meanwhile, so nobody reads
            host.run(["ip", "link", "set", "eth0", "mtu", str(1300 + number)])
        host.run(["ip", "link", "set", "eth0", "address", MAC])
        assert _lost_events(opened[0])
        await watched.until(lambda links: links["eth0"].mac == MAC_BYTES)
        host.run(["ip", "link", "set", "eth0", "down"])
        await watched.until(lambda links: not links["eth0"].up)

    watch(host, scenario)


def test_the_socket_is_closed_when_the_watch_is_cancelled(
    lab: Lab, opened: list[socket.socket]
) -> None:
    async def scenario(watched: Watched) -> None:
        assert watched.facts

    watch(lab.namespace("node"), scenario)
    assert [source.fileno() for source in opened] == [-1]


def _eth0_is_usable(links: dict[str, Link]) -> bool:
    return "eth0" in links and links["eth0"].usable


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets that watches open."""
    sockets: list[socket.socket] = []
    original = links_module._open

    def remember() -> socket.socket:
        sockets.append(original())
        return sockets[-1]

    monkeypatch.setattr(links_module, "_open", remember)
    return sockets


def _lost_events(source: socket.socket) -> int:
    """How many messages the kernel could not deliver to a netlink socket (netlink(7))."""
    inode = str(os.fstat(source.fileno()).st_ino)
    rows = [line.split() for line in Path("/proc/thread-self/net/netlink").read_text().splitlines()]
    drops = rows[0].index("Drops")
    return next(int(row[drops]) for row in rows if row[-1] == inode)
