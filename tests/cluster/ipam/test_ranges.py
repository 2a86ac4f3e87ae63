"""Blocks of a pool: where they begin and end, in which order they are given, how they count."""

from __future__ import annotations

import pytest

from tests.cluster.ipam.cluster import Cluster

pytestmark = pytest.mark.cluster

BAD_BLOCK = "l2announcer.io/BadBlock"


async def test_host_bits(cluster: Cluster) -> None:
    """A cidr with host bits → the network as a whole, from its first address on."""
    await cluster.pool("pool", "10.0.10.5/24")
    await cluster.service("a")
    await cluster.settle()
    assert cluster.ips("a") == ["10.0.10.0"]
    await cluster.until(lambda: cluster.counts("pool") == ["256", "255", "1"])


async def test_end_of_a_network(cluster: Cluster) -> None:
    """The last address of a /112 → given; the one after it → of no pool."""
    await cluster.pool("pool", "fd00::/112")
    await cluster.service("a", ipFamilies=["IPv6"], loadBalancerIP="fd00::ffff")
    await cluster.service("b", ipFamilies=["IPv6"], loadBalancerIP="fd00::1:0")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == (["fd00::ffff"], "satisfied")
    assert (cluster.ips("b"), cluster.reason("b")) == ([], "no_pool")


async def test_large_network_is_counted_exactly(cluster: Cluster) -> None:
    """A /64 with one address given → 2^64 in all, one less available."""
    await cluster.pool("pool", "fd00::/64")
    await cluster.service("a", ipFamilies=["IPv6"])
    await cluster.settle()
    await cluster.until(lambda: cluster.counts("pool") == [str(2**64), str(2**64 - 1), "1"])


async def test_counts_of_blocks(cluster: Cluster) -> None:
    """Two /24 with one address given → 512, 511, 1; the unused block goes → 256, 255, 1."""
    await cluster.pool("pool", "10.0.10.0/24", "10.0.20.0/24")
    await cluster.service("a")
    await cluster.settle()
    await cluster.until(lambda: cluster.counts("pool") == ["512", "511", "1"])
    await cluster.change_pool("pool", "10.0.10.0/24")
    await cluster.until(lambda: cluster.counts("pool") == ["256", "255", "1"])


async def test_order(cluster: Cluster) -> None:
    """A fresh range is given upwards; of two that became free the lower goes first; then: full."""
    await cluster.pool("pool", "10.0.0.1-10.0.0.4")
    for name in "abcd":
        await cluster.service(name)
        await cluster.settle()
    found = [cluster.ip(name) for name in "abcd"]
    assert found == ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]
    await cluster.until(lambda: cluster.counts("pool") == ["4", "0", "4"])
    for name in "bd":
        await cluster.delete(name)
    await cluster.settle()
    for name in "efg":
        await cluster.service(name)
        await cluster.settle()
    assert [cluster.ips(name) for name in "efg"] == [["10.0.0.2"], ["10.0.0.4"], []]
    assert cluster.reason("g") == "out_of_ips"


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("10.0.0.9-10.0.0.1", "is after stop"),
        ("10.0.0.1-fd00::1", "different IP families"),
        ("10.0.0.x", "is not an IP address"),
        ("10.0.0.1-10.0.0.y", "is not an IP address"),
    ],
)
async def test_bad_bounds(cluster: Cluster, block: str, words: str) -> None:
    """A block that is no range → a condition on the pool says so, and its other block is given.

    Cilium says nothing there, and none of the blocks after the bad one counts.
    """
    await cluster.pool("pool", block, "10.0.1.0/28")
    await cluster.service("a")
    await cluster.settle()
    assert cluster.pool_condition("pool", BAD_BLOCK)["status"] == "True"
    message = cluster.pool_condition("pool", BAD_BLOCK)["message"]
    assert "spec.blocks[0]" in message
    assert words in message
    assert cluster.ips("a") == ["10.0.1.0"]
    await cluster.change_pool("pool", "10.0.1.0/28")
    await cluster.until(lambda: cluster.pool_condition("pool", BAD_BLOCK)["status"] == "False")
