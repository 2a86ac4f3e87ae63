"""Services with one sharing key: who has an address with whom, and when no longer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.ipam.cluster import Cluster

pytestmark = pytest.mark.cluster

KEY = "lbipam.cilium.io/sharing-key"
ACROSS = "lbipam.cilium.io/sharing-cross-namespace"


@pytest.fixture(autouse=True)
async def pool(cluster: Cluster) -> None:
    """A pool of sixteen addresses."""
    await cluster.pool("pool", "10.0.0.0/28")


async def sharer(
    cluster: Cluster, name: str, key: str, number: int = 80, protocol: str = "TCP", **spec: Any
) -> None:
    """Create a Service with a sharing key and one port."""
    ports = [{"port": number, "protocol": protocol}]
    await cluster.service(name, annotations={KEY: key}, ports=ports, **spec)
    await cluster.settle()


async def test_key_changed(cluster: Cluster) -> None:
    """One key, ports 80 and 81 → one address; another key for one → an address of its own."""
    await sharer(cluster, "a", "one", 80)
    await sharer(cluster, "b", "one", 81)
    assert cluster.ip("a") == cluster.ip("b") == "10.0.0.0"
    await cluster.change("b", annotations={KEY: "two"})
    await cluster.settle()
    assert (cluster.ip("a"), cluster.ip("b")) == ("10.0.0.0", "10.0.0.1")


async def test_port_changed(cluster: Cluster) -> None:
    """One key, and a port becomes the other's → it moves to an address of its own."""
    await sharer(cluster, "a", "one", 80)
    await sharer(cluster, "b", "one", 81)
    assert cluster.ip("a") == cluster.ip("b")
    await cluster.change("b", ports=[{"port": 80}])
    await cluster.settle()
    assert (cluster.ip("a"), cluster.ip("b")) == ("10.0.0.0", "10.0.0.1")


async def test_one_port_of_two_protocols(cluster: Cluster) -> None:
    """One key, 80/TCP and 80/UDP → one address."""
    await sharer(cluster, "a", "one", 80, "TCP")
    await sharer(cluster, "b", "one", 80, "UDP")
    assert cluster.ip("a") == cluster.ip("b")


async def test_keys(cluster: Cluster) -> None:
    """One key → one address, another key or none → another one.

    The ports differ, for the API server takes no Service of this type without any.
    """
    await sharer(cluster, "a", "one", 80)
    await sharer(cluster, "b", "one", 81)
    await sharer(cluster, "c", "two", 82)
    await sharer(cluster, "d", "", 83)
    await sharer(cluster, "e", "", 84)
    found = [cluster.ip(name) for name in "abcde"]
    assert found == ["10.0.0.0", "10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]


async def test_same_port(cluster: Cluster) -> None:
    """One key and one port → two addresses; a third Service joins the first where it fits."""
    await sharer(cluster, "a", "one", 80)
    await sharer(cluster, "b", "one", 80)
    await sharer(cluster, "c", "one", 81)
    assert [cluster.ip(name) for name in "abc"] == ["10.0.0.0", "10.0.0.1", "10.0.0.0"]


async def test_one_leaves(cluster: Cluster) -> None:
    """One of two is deleted → the other keeps the address; it is deleted too → it is free."""
    await sharer(cluster, "a", "one", 80)
    await sharer(cluster, "b", "one", 81)
    await cluster.delete("a")
    await cluster.settle()
    assert cluster.ip("b") == "10.0.0.0"
    await cluster.service("c", loadBalancerIP="10.0.0.0")
    await cluster.settle()
    assert cluster.reason("c") == "already_allocated"
    await cluster.delete("b")
    await cluster.settle()
    assert (cluster.ips("c"), cluster.reason("c")) == (["10.0.0.0"], "satisfied")
    await cluster.until(lambda: cluster.counts("pool") == ["16", "15", "1"])


async def test_deleted_and_created_again(cluster: Cluster) -> None:
    """One of two is deleted and comes back → it has the shared address again."""
    await sharer(cluster, "a", "one", 80)
    await sharer(cluster, "b", "one", 81)
    await cluster.delete("b")
    await cluster.settle()
    await sharer(cluster, "b", "one", 81)
    assert cluster.ip("a") == cluster.ip("b") == "10.0.0.0"


async def test_across_namespaces(cluster: Cluster) -> None:
    """One permits the other's namespace, that one any → shared; a third permits none → its own."""
    for name in ("ns-a", "ns-b", "ns-c"):
        await cluster.namespace(name)
    for name, number, permitted in (
        ("ns-a/a", 80, "ns-b"),
        ("ns-b/b", 81, "*"),
        ("ns-c/c", 82, ""),
    ):
        annotations = {KEY: "one"} | ({ACROSS: permitted} if permitted else {})
        await cluster.service(name, annotations=annotations, ports=[{"port": number}])
        await cluster.settle()
    assert cluster.ip("ns-a/a") == cluster.ip("ns-b/b") == "10.0.0.0"
    assert cluster.ip("ns-c/c") == "10.0.0.1"


async def test_list_of_namespaces_with_spaces(cluster: Cluster) -> None:
    """Namespaces listed as "ns-b, ns-c" → both are permitted. Cilium takes the space for a part."""
    for name in ("ns-a", "ns-c"):
        await cluster.namespace(name)
    for name, number, permitted in (("ns-a/a", 80, "ns-b, ns-c"), ("ns-c/c", 81, "ns-a")):
        annotations = {KEY: "one", ACROSS: permitted}
        await cluster.service(name, annotations=annotations, ports=[{"port": number}])
        await cluster.settle()
    assert cluster.ip("ns-a/a") == cluster.ip("ns-c/c")


async def test_by_name_with_another_key(cluster: Cluster) -> None:
    """A taken address is asked for with a key that is not its user's → none, and it says why."""
    await sharer(cluster, "a", "one", 80, loadBalancerIP="10.0.0.5")
    await sharer(cluster, "b", "two", 81, loadBalancerIP="10.0.0.5")
    assert cluster.ips("b") == []
    assert cluster.reason("b") == "already_allocated_incompatible_service"
    assert "different sharing keys" in cluster.condition("b")["message"]


async def test_local_traffic(cluster: Cluster) -> None:
    """Local external traffic → shared where the same Pods are selected, else not."""
    local = {"externalTrafficPolicy": "Local"}
    await sharer(cluster, "a", "one", 80, selector={"app": "x"}, **local)
    await sharer(cluster, "b", "one", 81, selector={"app": "x"}, **local)
    await sharer(cluster, "c", "one", 82, selector={"app": "y"}, **local)
    await sharer(cluster, "d", "one", 83, selector={"app": "x"})
    found = [cluster.ip(name) for name in "abcd"]
    assert found == ["10.0.0.0", "10.0.0.0", "10.0.0.1", "10.0.0.2"]


async def test_key_and_name_changed_together(cluster: Cluster) -> None:
    """Two groups, each on an address asked for by name; one changes over → it has the other's."""
    await sharer(cluster, "a", "one", 80, loadBalancerIP="10.0.0.5")
    await sharer(cluster, "b", "one", 81, loadBalancerIP="10.0.0.5")
    await sharer(cluster, "c", "two", 82, loadBalancerIP="10.0.0.6")
    assert [cluster.ip(name) for name in "abc"] == ["10.0.0.5", "10.0.0.5", "10.0.0.6"]
    await cluster.change("b", annotations={KEY: "two"}, loadBalancerIP="10.0.0.6")
    await cluster.settle()
    assert [cluster.ip(name) for name in "abc"] == ["10.0.0.5", "10.0.0.6", "10.0.0.6"]


async def test_one_asks_by_name(cluster: Cluster) -> None:
    """An address by name with a key, then only the key → the second has the first's address."""
    await sharer(cluster, "a", "one", 80, loadBalancerIP="10.0.0.5")
    await sharer(cluster, "b", "one", 81)
    assert cluster.ip("a") == cluster.ip("b") == "10.0.0.5"


async def test_two_on_each_port(cluster: Cluster) -> None:
    """One key, two Services on port 80 and two on 81 → two addresses, each for one of both."""
    await sharer(cluster, "a", "one", 80)
    await sharer(cluster, "b", "one", 81)
    await sharer(cluster, "c", "one", 80)
    await sharer(cluster, "d", "one", 81)
    found = [cluster.ip(name) for name in "abcd"]
    assert found == ["10.0.0.0", "10.0.0.0", "10.0.0.1", "10.0.0.1"]
    await cluster.until(lambda: cluster.counts("pool") == ["16", "14", "2"])


async def test_shared_address_of_a_pool_for_others(cluster: Cluster) -> None:
    """An address is shared under a key, in a pool that does not select the second → its own one.

    Cilium shares it nevertheless, and takes it away again with the next change of the Service.
    """
    red = {"matchLabels": {"color": "red"}}
    await cluster.change_pool("pool", serviceSelector=red)
    await cluster.pool("pool-2", "10.1.0.0/28")
    await cluster.service("a", labels={"color": "red"}, annotations={KEY: "one"})
    await cluster.settle()
    await sharer(cluster, "b", "one", 81)
    assert (cluster.ip("a"), cluster.ip("b")) == ("10.0.0.0", "10.1.0.0")
