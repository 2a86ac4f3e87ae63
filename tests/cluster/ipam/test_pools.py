"""What follows for Services, and for the pool's own status, when a pool is made or edited."""

from __future__ import annotations

import pytest

from tests.cluster.ipam.cluster import Cluster

pytestmark = pytest.mark.cluster

RED = {"matchLabels": {"color": "red"}}
RED_OR_BLUE = {"matchExpressions": [{"key": "color", "operator": "In", "values": ["red", "blue"]}]}


async def test_overlap_of_two_pools(cluster: Cluster) -> None:
    """A newer pool overlaps an older → the newer gives nothing, of its other blocks either.

    The block is taken out → no conflict any more, and those that wait are served.
    """
    await cluster.pool("pool-a", "10.0.0.0/28")
    await cluster.pool("pool-b", "10.0.0.8/29", "fd00::/120")
    await cluster.service("a", ipFamilies=["IPv4"])
    await cluster.service("b", ipFamilies=["IPv6"])
    await cluster.settle()
    await cluster.until(lambda: cluster.conflicts("pool-a", "pool-b") == ["False", "True"])
    assert "pool-a" in cluster.pool_condition("pool-b", "cilium.io/PoolConflict")["message"]
    assert cluster.ips("a") == ["10.0.0.0"]
    assert (cluster.ips("b"), cluster.reason("b")) == ([], "no_pool")
    await cluster.change_pool("pool-b", "fd00::/120")
    await cluster.settle()
    await cluster.until(lambda: cluster.conflicts("pool-b") == ["False"])
    assert (cluster.ips("b"), cluster.reason("b")) == (["fd00::"], "satisfied")


async def test_overlap_within_a_pool(cluster: Cluster) -> None:
    """Two blocks of one pool overlap → it is in conflict; one is taken out → it is not."""
    await cluster.pool("pool", "10.0.0.0/28", "10.0.0.8/29")
    await cluster.service("a")
    await cluster.settle()
    await cluster.until(lambda: cluster.conflicts("pool") == ["True"])
    assert (cluster.ips("a"), cluster.reason("a")) == ([], "no_pool")
    await cluster.change_pool("pool", "10.0.0.0/28")
    await cluster.settle()
    await cluster.until(lambda: cluster.conflicts("pool") == ["False"])
    assert cluster.ips("a") == ["10.0.0.0"]


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("10.0.0.0-10.0.0.9", "10.0.0.9-10.0.0.19", True),
        ("10.0.0.9-10.0.0.19", "10.0.0.0-10.0.0.9", True),
        ("10.0.0.0-10.0.0.9", "10.0.0.10-10.0.0.19", False),
        ("10.0.0.0/24", "10.0.0.5", True),
        ("10.0.0.5", "10.0.0.5/32", True),
        ("fd00::/112", "fd00::ffff", True),
        ("fd00::/112", "fd00::1:0/112", False),
        ("0.0.0.0/0", "::/96", False),
    ],
)
async def test_where_ranges_touch(cluster: Cluster, one: str, other: str, overlap: bool) -> None:
    """Two blocks → in conflict from the first address that both have; never across families."""
    await cluster.pool("pool-a", one)
    await cluster.pool("pool-b", other)
    await cluster.until(lambda: cluster.conflicts("pool-a", "pool-b") == ["False", str(overlap)])


async def test_oldest_wins_though_edited_last(cluster: Cluster) -> None:
    """An older pool is edited into a newer one → the newer is in conflict; it goes → none is."""
    await cluster.pool("pool-a", "10.0.0.0/28")
    await cluster.pool("pool-b", "10.0.1.0/28")
    await cluster.service("a", loadBalancerIP="10.0.1.0")
    await cluster.settle()
    await cluster.change_pool("pool-a", "10.0.0.0/28", "10.0.1.0/29")
    await cluster.settle()
    await cluster.until(lambda: cluster.conflicts("pool-a", "pool-b") == ["False", "True"])
    assert cluster.ips("a") == ["10.0.1.0"]
    await cluster.delete_pool("pool-a")
    await cluster.settle()
    await cluster.until(lambda: cluster.conflicts("pool-b") == ["False"])
    assert (cluster.ips("a"), cluster.reason("a")) == (["10.0.1.0"], "satisfied")


async def test_selector(cluster: Cluster) -> None:
    """A pool for red Services → red is served; blue is not, and its condition says why."""
    await cluster.pool("pool", "10.0.0.0/28", serviceSelector=RED)
    await cluster.service("a", labels={"color": "red"})
    await cluster.service("b", labels={"color": "blue"})
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == (["10.0.0.0"], "satisfied")
    assert (cluster.ips("b"), cluster.reason("b")) == ([], "no_pool")


async def test_namespace(cluster: Cluster) -> None:
    """A pool for one namespace → others get nothing, nor by setting that label themselves."""
    label = "io.kubernetes.service.namespace"
    for name in ("ns-a", "ns-b"):
        await cluster.namespace(name)
    await cluster.pool("pool", "10.0.0.0/28", serviceSelector={"matchLabels": {label: "ns-a"}})
    await cluster.service("ns-a/a")
    await cluster.service("ns-b/b", labels={label: "ns-a"})
    await cluster.settle()
    assert cluster.ips("ns-a/a") == ["10.0.0.0"]
    assert (cluster.ips("ns-b/b"), cluster.reason("ns-b/b")) == ([], "no_pool")


async def test_first_and_last_given(cluster: Cluster) -> None:
    """First and last IPs allowed, or not mentioned → those of a /30 can be asked for."""
    await cluster.pool("pool", "10.0.0.0/30", allowFirstLastIPs="Yes")
    await cluster.pool("pool-2", "10.0.1.0/30")
    for name, address in (("a", "10.0.0.0"), ("b", "10.0.1.3")):
        await cluster.service(name, loadBalancerIP=address)
        await cluster.settle()
        assert (cluster.ips(name), cluster.reason(name)) == ([address], "satisfied")


async def test_first_and_last_kept_back(cluster: Cluster) -> None:
    """First and last IPs kept back → refused, with a sharing key too; allowed → given.

    Cilium gives it to a Service that has a sharing key, whoever else may have it.
    """
    await cluster.pool("pool", "10.0.0.0/30", allowFirstLastIPs="No")
    key = {"lbipam.cilium.io/sharing-key": "one"}
    await cluster.service("a", loadBalancerIP="10.0.0.0")
    await cluster.service("b", loadBalancerIP="10.0.0.3", annotations=key)
    await cluster.settle()
    for name in "ab":
        assert (cluster.ips(name), cluster.reason(name)) == ([], "already_allocated")
    await cluster.until(lambda: cluster.counts("pool") == ["4", "2", "2"])
    await cluster.change_pool("pool", allowFirstLastIPs="Yes")
    await cluster.settle()
    for name, address in (("a", "10.0.0.0"), ("b", "10.0.0.3")):
        assert (cluster.ips(name), cluster.reason(name)) == ([address], "satisfied")


async def test_first_kept_back_after_it_was_given(cluster: Cluster) -> None:
    """Allowed becomes kept back → who has the first keeps it; allowed again → no other has it.

    Cilium counts it as free then, and gives it twice.
    """
    await cluster.pool("pool", "10.0.0.0/30")
    await cluster.service("a", loadBalancerIP="10.0.0.0")
    await cluster.settle()
    for choice in ("No", "Yes"):
        await cluster.change_pool("pool", allowFirstLastIPs=choice)
        await cluster.settle()
        assert (cluster.ips("a"), cluster.reason("a")) == (["10.0.0.0"], "satisfied")
    await cluster.service("b")
    await cluster.settle()
    assert cluster.ips("b") == ["10.0.0.1"]


@pytest.mark.parametrize("by", ["pool", "block"])
async def test_capacity_added(cluster: Cluster, by: str) -> None:
    """An address of no pool is asked for → none; a pool or a block that has it → given."""
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.service("a", loadBalancerIP="10.0.1.10")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == ([], "no_pool")
    if by == "pool":
        await cluster.pool("pool-2", "10.0.1.0/28")
    else:
        await cluster.change_pool("pool", "10.0.0.0/28", "10.0.1.0/28")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == (["10.0.1.10"], "satisfied")


async def test_disabled(cluster: Cluster) -> None:
    """A pool is disabled → who has an address keeps it, who comes gets none; enabled → served."""
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.service("a")
    await cluster.settle()
    await cluster.change_pool("pool", disabled=True)
    await cluster.service("b")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == (["10.0.0.0"], "satisfied")
    assert (cluster.ips("b"), cluster.reason("b")) == ([], "no_pool")
    assert "disabled" in cluster.condition("b")["message"]
    await cluster.change_pool("pool", disabled=False)
    await cluster.settle()
    assert (cluster.ips("b"), cluster.reason("b")) == (["10.0.0.1"], "satisfied")


async def test_deleted(cluster: Cluster) -> None:
    """A pool of two blocks is deleted → its Services have an address of the other pool."""
    await cluster.pool("pool-a", "10.0.0.0/31", "10.0.1.0/31")
    for name in "abc":
        await cluster.service(name)
        await cluster.settle()
    await cluster.pool("pool-b", "10.0.2.0/28")
    await cluster.settle()
    assert [cluster.ip(name) for name in "abc"] == ["10.0.0.0", "10.0.0.1", "10.0.1.0"]
    await cluster.delete_pool("pool-a")
    await cluster.settle()
    assert [cluster.ip(name) for name in "abc"] == ["10.0.2.0", "10.0.2.1", "10.0.2.2"]


async def test_blocks_added_and_removed(cluster: Cluster) -> None:
    """A block is added → nothing moves; the first is removed → its Service moves to the other."""
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.service("a")
    await cluster.settle()
    await cluster.change_pool("pool", "10.0.0.0/28", "10.0.1.0/28")
    await cluster.settle()
    assert cluster.ips("a") == ["10.0.0.0"]
    await cluster.change_pool("pool", "10.0.1.0/28")
    await cluster.settle()
    assert cluster.ips("a") == ["10.0.1.0"]


async def test_widened_and_narrowed(cluster: Cluster) -> None:
    """A /24 becomes a /23, then a /24 for more Services → who has an address keeps it throughout.

    Who waits is served as soon as it is selected, and never with what another one has.
    """
    await cluster.pool("pool", "10.0.0.0/24", serviceSelector={"matchLabels": {"color": "blue"}})
    await cluster.service("blue", labels={"color": "blue"}, loadBalancerIP="10.0.0.9")
    await cluster.service("red", labels={"color": "red"})
    await cluster.settle()
    assert (cluster.ips("blue"), cluster.ips("red")) == (["10.0.0.9"], [])
    await cluster.change_pool("pool", "10.0.0.0/23")
    await cluster.settle()
    assert (cluster.ips("blue"), cluster.ips("red")) == (["10.0.0.9"], [])
    await cluster.change_pool(
        "pool", "10.0.0.0/24", serviceSelector=RED_OR_BLUE | {"matchLabels": None}
    )
    await cluster.settle()
    assert (cluster.ips("blue"), cluster.ips("red")) == (["10.0.0.9"], ["10.0.0.0"])


async def test_widened_while_some_wait(cluster: Cluster) -> None:
    """A full /31 and two that wait; it becomes a /29 → the two holders stay, the others get one."""
    await cluster.pool("pool", "10.0.0.2/31")
    for name in "abcd":
        await cluster.service(name)
        await cluster.settle()
    assert [cluster.ips(name) for name in "abcd"] == [["10.0.0.2"], ["10.0.0.3"], [], []]
    assert {cluster.reason("c"), cluster.reason("d")} == {"out_of_ips"}
    await cluster.change_pool("pool", "10.0.0.0/29")
    await cluster.settle()
    found = [cluster.ip(name) for name in "abcd"]
    assert found == ["10.0.0.2", "10.0.0.3", "10.0.0.0", "10.0.0.1"]


async def test_narrowed_to_one(cluster: Cluster) -> None:
    """Only the second Service's address is left → it keeps it, the first has none."""
    await cluster.pool("pool", "10.0.0.0/31")
    for name in "ab":
        await cluster.service(name)
        await cluster.settle()
    await cluster.change_pool("pool", "10.0.0.1/32")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == ([], "out_of_ips")
    assert (cluster.ips("b"), cluster.reason("b")) == (["10.0.0.1"], "satisfied")


async def test_selector_changed(cluster: Cluster) -> None:
    """The pool does not select the Service any more → the address is withdrawn."""
    await cluster.pool("pool", "10.0.0.0/28", serviceSelector=RED)
    await cluster.service("a", labels={"color": "red"})
    await cluster.settle()
    assert cluster.ips("a") == ["10.0.0.0"]
    await cluster.change_pool("pool", serviceSelector={"matchLabels": {"color": "blue"}})
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == ([], "no_pool")
