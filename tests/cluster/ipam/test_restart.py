"""A new controller: what Services have is theirs, whoever gave it and whatever happened since."""

from __future__ import annotations

import pytest

from tests.cluster.ipam.cluster import Cluster

pytestmark = pytest.mark.cluster

KEY = "lbipam.cilium.io/sharing-key"


def port(number: int) -> list[dict[str, int | str]]:
    """A Service's ports: one of TCP."""
    return [{"name": f"port-{number}", "port": number}]


async def test_address_of_no_pool(quiet: Cluster) -> None:
    """A status shows what no pool has → it is replaced by an address of a pool."""
    await quiet.pool("pool", "10.0.0.0/28")
    await quiet.service("a", shows=("192.168.1.12",))
    await quiet.start()
    await quiet.settle()
    assert (quiet.ips("a"), quiet.reason("a")) == (["10.0.0.0"], "satisfied")


async def test_address_of_a_pool(quiet: Cluster) -> None:
    """A status shows what a pool has, asked for by name or not → kept, and counted as used."""
    await quiet.pool("pool", "10.0.0.0/28")
    await quiet.service("a", shows=("10.0.0.11",))
    await quiet.service("b", shows=("10.0.0.12",), loadBalancerIP="10.0.0.12")
    await quiet.start()
    await quiet.settle()
    assert (quiet.ips("a"), quiet.reason("a")) == (["10.0.0.11"], "satisfied")
    assert (quiet.ips("b"), quiet.reason("b")) == (["10.0.0.12"], "satisfied")
    await quiet.until(lambda: quiet.counts("pool") == ["16", "14", "2"])


async def test_shared_address(quiet: Cluster) -> None:
    """Two Services with one sharing key show one address → both keep it."""
    await quiet.pool("pool", "10.0.0.0/28")
    for number, name in enumerate("ab", 80):
        await quiet.service(
            name, shows=("10.0.0.11",), annotations={KEY: "one"}, ports=port(number)
        )
    await quiet.start()
    await quiet.settle()
    assert [quiet.ip(name) for name in "ab"] == ["10.0.0.11", "10.0.0.11"]
    await quiet.until(lambda: quiet.counts("pool") == ["16", "15", "1"])


async def test_one_of_two_groups(quiet: Cluster) -> None:
    """One key, two addresses, a third Service would fit on either → it stays where it is."""
    await quiet.pool("pool", "10.0.0.0/28")
    await quiet.service("a", shows=("10.0.0.3",), annotations={KEY: "one"}, ports=port(80))
    await quiet.service("b", shows=("10.0.0.4",), annotations={KEY: "one"}, ports=port(80))
    await quiet.service(
        "c", shows=("10.0.0.4",), annotations={KEY: "one"}, ports=[*port(81), *port(82)]
    )
    await quiet.start()
    await quiet.settle()
    assert [quiet.ip(name) for name in "abc"] == ["10.0.0.3", "10.0.0.4", "10.0.0.4"]


async def test_no_pool_yet(cluster: Cluster) -> None:
    """No pool → nothing is touched; a pool → served; it is deleted → withdrawn, and quiet again."""
    await cluster.service("a", shows=("192.168.1.12",))
    await cluster.settle()
    assert (cluster.ips("a"), cluster.conditions("a")) == (["192.168.1.12"], [])
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == (["10.0.0.0"], "satisfied")
    await cluster.delete_pool("pool")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == ([], "no_pool")
    await cluster.service("b")
    await cluster.settle()
    assert (cluster.ips("b"), cluster.conditions("b")) == ([], [])


async def test_full_pool(cluster: Cluster) -> None:
    """Eight addresses, eight Services that have them and eight, some older, that wait → as it was.

    Who has an address comes first, so none of those that wait takes it at the start.
    """
    await cluster.pool("pool", "10.0.0.0/29")
    waiting = [f"service-{number:02}" for number in range(8)]
    having = [f"service-{number:02}" for number in range(8, 16)]
    for name in having:
        await cluster.service(name)
    await cluster.settle()
    for name in waiting:
        await cluster.service(name)
    await cluster.settle()
    before = {name: cluster.ips(name) for name in having + waiting}
    assert sorted(before[name] for name in having) == [[f"10.0.0.{n}"] for n in range(8)]
    controller = await cluster.start()
    await cluster.settle()
    assert {name: cluster.ips(name) for name in having + waiting} == before
    assert {cluster.reason(name) for name in waiting} == {"out_of_ips"}
    assert controller.writes == 0


@pytest.mark.parametrize("edit", ["disabled", "conflicting"])
async def test_closed_pool(cluster: Cluster, edit: str) -> None:
    """A pool is disabled, or has come to be in conflict → what it gave stays, after a restart too.

    Cilium's operator takes these addresses away when it starts.
    """
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.service("a")
    await cluster.settle()
    if edit == "disabled":
        await cluster.change_pool("pool", disabled=True)
    else:
        await cluster.change_pool("pool", "10.0.0.0/28", "10.0.0.8/29")
    await cluster.settle()
    assert cluster.ips("a") == ["10.0.0.0"]
    controller = await cluster.start()
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == (["10.0.0.0"], "satisfied")
    assert controller.writes == 0


async def test_handed_over(cluster: Cluster) -> None:
    """Another node becomes the controller → nobody's address changes, and it serves the next."""
    await cluster.pool("pool", "10.0.0.0/28")
    for name in "abc":
        await cluster.service(name)
    await cluster.settle()
    before = {name: cluster.ips(name) for name in "abc"}
    await cluster.resign()
    await cluster.service("d")
    controller = await cluster.start(node="worker2")
    await cluster.settle()
    assert {name: cluster.ips(name) for name in "abc"} == before
    assert cluster.ips("d") == ["10.0.0.3"]
    assert controller.writes == 1
