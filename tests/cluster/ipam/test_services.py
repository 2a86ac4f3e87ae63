"""What a Service gets, keeps and loses as it is created, edited and deleted."""

from __future__ import annotations

import pytest

from l2announcer.core.ipam import Family, Scope
from l2announcer.core.model import L2_CLASS
from tests.cluster.ipam.cluster import Cluster

pytestmark = pytest.mark.cluster

IPS = "lbipam.cilium.io/ips"


async def test_one_address_and_one_condition(cluster: Cluster) -> None:
    """A plain Service → the first IPv4 address of the pool and one condition, which is True."""
    await cluster.pool("pool", "10.0.0.0/28", "fd00::/120")
    await cluster.service("a")
    await cluster.settle()
    assert cluster.ips("a") == ["10.0.0.0"]
    assert len(cluster.conditions("a")) == 1
    assert cluster.reason("a") == "satisfied"


async def test_family_changed_there_and_back(cluster: Cluster) -> None:
    """IPv4, then IPv6, then IPv4 → only an address of that family, the other one free again.

    The API server takes a change of the first family only by way of a Service without any, so
    what was given is withdrawn in between.
    """
    await cluster.pool("pool", "10.0.0.0/28", "fd00::/120")
    await cluster.service("a", ipFamilies=["IPv4"])
    await cluster.settle()
    assert cluster.ips("a") == ["10.0.0.0"]
    for family, address in (("IPv6", "fd00::"), ("IPv4", "10.0.0.0")):
        await cluster.change(
            "a", type="ExternalName", externalName="example.com", clusterIP=None, clusterIPs=None
        )
        await cluster.settle()
        assert cluster.ips("a") == []
        await cluster.change("a", type="LoadBalancer", externalName=None, ipFamilies=[family])
        await cluster.settle()
        assert (cluster.ips("a"), cluster.reason("a")) == ([address], "satisfied")
    await cluster.until(lambda: cluster.counts("pool") == ["272", "271", "1"])


async def test_second_family_added_and_taken_away(cluster: Cluster) -> None:
    """IPv4 made dual stack → an IPv6 address beside the one it has; single again → it is free."""
    await cluster.pool("pool", "10.0.0.0/28", "fd00::/120")
    await cluster.service("a", ipFamilies=["IPv4"])
    await cluster.settle()
    await cluster.change("a", ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv4", "IPv6"])
    await cluster.settle()
    assert cluster.ips("a") == ["10.0.0.0", "fd00::"]
    cluster_ip = cluster.spec("a")["clusterIP"]
    await cluster.change(
        "a", ipFamilyPolicy="SingleStack", ipFamilies=["IPv4"], clusterIPs=[cluster_ip]
    )
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == (["10.0.0.0"], "satisfied")
    await cluster.until(lambda: cluster.counts("pool") == ["272", "271", "1"])


BOTH = frozenset(Family)
V4 = frozenset({Family.V4})
V6 = frozenset({Family.V6})


@pytest.mark.parametrize(
    ("enabled", "expected"),
    [
        (BOTH, {"plain": "4", "one4": "4", "one6": "6", "pref46": "46", "pref": "46", "req": "46"}),
        (V4, {"plain": "4", "one4": "4", "one6": "6", "pref46": "4", "pref": "4", "req": "4"}),
        (V6, {"plain": "4", "one4": "4", "one6": "6", "pref46": "6", "pref": "6", "req": "6"}),
    ],
    ids=["both", "IPv4", "IPv6"],
)
async def test_families(
    quiet: Cluster, enabled: frozenset[Family], expected: dict[str, str]
) -> None:
    """Policy and list of families, in a cluster of these → one address of each asked.

    One family alone is asked for even where the cluster has not got it; of two, those that it has.
    Where a Service names none the API server puts in its own first, which is IPv4 here.
    """
    await quiet.start(scope=Scope(families=enabled))
    await quiet.pool("pool", "10.0.0.0/28", "fd00::/120")
    await quiet.service("plain")
    await quiet.service("one4", ipFamilyPolicy="SingleStack", ipFamilies=["IPv4"])
    await quiet.service("one6", ipFamilies=["IPv6"])
    await quiet.service("pref46", ipFamilyPolicy="PreferDualStack", ipFamilies=["IPv6", "IPv4"])
    await quiet.service("pref", ipFamilyPolicy="PreferDualStack")
    await quiet.service("req", ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv4"])
    await quiet.settle()
    found = {
        name: "".join("6" if ":" in address else "4" for address in quiet.ips(name))
        for name in expected
    }
    assert found == expected
    assert {quiet.reason(name) for name in expected} == {"satisfied"}


async def test_deleted(cluster: Cluster) -> None:
    """A Service deleted → its address is counted free, and is the next one's."""
    await cluster.pool("pool", "10.0.0.0/31")
    await cluster.service("a")
    await cluster.settle()
    await cluster.until(lambda: cluster.counts("pool") == ["2", "1", "1"])
    await cluster.delete("a")
    await cluster.until(lambda: cluster.counts("pool") == ["2", "2", "0"])
    await cluster.service("b")
    await cluster.settle()
    assert cluster.ip("b") == "10.0.0.0"


async def test_type_changed(cluster: Cluster) -> None:
    """ClusterIP is left alone, LoadBalancer served; NodePort → neither address nor condition."""
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.service("a", type="ClusterIP")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.conditions("a")) == ([], [])
    await cluster.change("a", type="LoadBalancer")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == (["10.0.0.0"], "satisfied")
    await cluster.change("a", type="NodePort")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.conditions("a")) == ([], [])
    await cluster.until(lambda: cluster.counts("pool") == ["16", "16", "0"])


async def test_others_conditions_stay(cluster: Cluster) -> None:
    """A condition of somebody else stands beside ours, and after ours is gone.

    Cilium writes the whole status from what it knew last, so the other's may be lost there.
    """
    other = {
        "type": "example.com/other",
        "status": "True",
        "reason": "Fine",
        "message": "",
        "lastTransitionTime": "2024-01-01T00:00:00Z",
    }
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.service("a")
    await cluster.settle()
    await cluster.show("a", "10.0.0.0", conditions=[*cluster.conditions("a"), other])
    await cluster.change("a", loadBalancerIP="10.0.0.9")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == (["10.0.0.9"], "satisfied")
    assert other in cluster.conditions("a")
    await cluster.change("a", type="NodePort")
    await cluster.settle()
    assert cluster.conditions("a") == [other]


async def test_addresses_by_name(cluster: Cluster) -> None:
    """One by field and two by annotation → all three."""
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.service("a", annotations={IPS: "10.0.0.7, 10.0.0.8"}, loadBalancerIP="10.0.0.9")
    await cluster.settle()
    assert cluster.ips("a") == ["10.0.0.9", "10.0.0.7", "10.0.0.8"]
    assert cluster.reason("a") == "satisfied"


async def test_taken_address_by_name(cluster: Cluster) -> None:
    """An address that another Service has, no sharing key → none, and the reason says so."""
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.service("a", loadBalancerIP="10.0.0.9")
    await cluster.settle()
    await cluster.service("b", loadBalancerIP="10.0.0.9")
    await cluster.settle()
    assert (cluster.ips("b"), cluster.reason("b")) == ([], "already_allocated")
    assert "default/a" in cluster.condition("b")["message"]


async def test_one_name_fewer(cluster: Cluster) -> None:
    """Three addresses asked for, then two → those two are kept, the third is another's to have."""
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.service("a", annotations={IPS: "10.0.0.7,10.0.0.8,10.0.0.9"})
    await cluster.settle()
    await cluster.change("a", annotations={IPS: "10.0.0.7,10.0.0.9"})
    await cluster.service("b", loadBalancerIP="10.0.0.8")
    await cluster.settle()
    assert cluster.ips("a") == ["10.0.0.7", "10.0.0.9"]
    assert cluster.ips("b") == ["10.0.0.8"]
    await cluster.until(lambda: cluster.counts("pool") == ["16", "13", "3"])


async def test_unreadable_request(cluster: Cluster) -> None:
    """What is no address is asked for → none is given, and the condition quotes it.

    Cilium gives any address then, which looks as if the request had been granted.
    """
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.service("a", annotations={IPS: "10.0.0.300"})
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == ([], "invalid_request")
    assert "'10.0.0.300'" in cluster.condition("a")["message"]


async def test_label_removed(cluster: Cluster) -> None:
    """The label that the pool selects by is taken off → the address is withdrawn."""
    await cluster.pool("pool", "10.0.0.0/28", serviceSelector={"matchLabels": {"color": "red"}})
    await cluster.service("a", labels={"color": "red"})
    await cluster.settle()
    assert cluster.ips("a") == ["10.0.0.0"]
    await cluster.change("a", labels={"color": None})
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == ([], "no_pool")


async def test_name_in_a_pool_for_others(cluster: Cluster) -> None:
    """An address of a pool that selects other Services → none, and the reason tells that apart."""
    await cluster.pool("pool", "10.0.0.0/28", serviceSelector={"matchLabels": {"color": "red"}})
    await cluster.service("a", labels={"color": "blue"}, loadBalancerIP="10.0.0.9")
    await cluster.settle()
    assert (cluster.ips("a"), cluster.reason("a")) == ([], "pool_selector_mismatch")


async def test_classes(cluster: Cluster) -> None:
    """A foreign loadBalancerClass → left alone, no condition either; ours → served."""
    await cluster.pool("pool", "10.0.0.0/28")
    await cluster.service("a", loadBalancerClass="example.com/other")
    await cluster.service("b", loadBalancerClass=L2_CLASS)
    await cluster.settle()
    assert (cluster.ips("a"), cluster.conditions("a")) == ([], [])
    assert (cluster.ips("b"), cluster.reason("b")) == (["10.0.0.0"], "satisfied")


async def test_only_with_a_class(quiet: Cluster) -> None:
    """Services without a class are another's to serve → nothing; with one of ours → served."""
    other = "io.cilium/bgp-control-plane"
    await quiet.start(scope=Scope(unclassed=False, classes=frozenset({other})))
    await quiet.pool("pool", "10.0.0.0/28")
    await quiet.service("a")
    await quiet.service("b", loadBalancerClass=other)
    await quiet.settle()
    assert (quiet.ips("a"), quiet.conditions("a")) == ([], [])
    assert (quiet.ips("b"), quiet.reason("b")) == (["10.0.0.0"], "satisfied")
