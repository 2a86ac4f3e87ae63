"""The cluster as known: what is unlisted, and what a fact changes, no more and no less."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.cluster import Cluster
from l2announcer.core.facts import Gone, Links, Listed
from l2announcer.core.model import Key, Kind, LeaseRecord, Link, Node, Policy, Pool, Service

APP1, APP2 = Key("default", "app1"), Key("default", "app2")
P, WORKER, OTHER = Key("", "p"), Key("", "worker"), Key("", "other")
ETH0 = Link(index=2, name="eth0")


def service(key: Key = APP1, version: int = 5) -> Service:
    return Service(key=key, resource_version=str(version))


def node(version: int = 5, **labels: str) -> Node:
    return Node(key=WORKER, resource_version=str(version), labels=labels)


@pytest.fixture
def cluster() -> Cluster:
    """Everything listed, and asked for its changes once."""
    built = Cluster("worker")
    built.listed(Listed(Kind.SERVICE, (service(),), "5"))
    built.listed(Listed(Kind.POLICY, (Policy(key=P, resource_version="5"),), "5"))
    built.listed(Listed(Kind.POOL, (Pool(key=P, resource_version="5"),), "5"))
    built.listed(Listed(Kind.NODE, (node(zone="a"),), "5"))
    built.links_are(Links((ETH0,)))
    built.take_changes()
    return built


def changed(cluster: Cluster) -> tuple[set[Key], set[Key], bool]:
    changes = cluster.take_changes()
    return changes.services, changes.pools, changes.everything


NOTHING: tuple[set[Key], set[Key], bool] = (set(), set(), False)


def test_what_must_be_listed_first_is_named_until_it_is() -> None:
    cluster = Cluster("worker")
    assert cluster.unlisted == ["services", "policies", "pools", "nodes", "links"]
    cluster.listed(Listed(Kind.POLICY, ()))
    cluster.links_are(Links(()))
    assert cluster.unlisted == ["services", "pools", "nodes"]
    for kind in (Kind.SERVICE, Kind.POOL, Kind.NODE):
        cluster.listed(Listed(kind, ()))
    assert cluster.unlisted == []


def test_one_seen_is_not_all_listed() -> None:
    cluster = Cluster("worker")
    cluster.seen(service())
    assert "services" in cluster.unlisted


def test_changes_are_told_once(cluster: Cluster) -> None:
    cluster.seen(service(version=6))
    assert changed(cluster) == ({APP1}, set(), False)
    assert changed(cluster) == NOTHING


def test_what_is_known_already_is_no_change(cluster: Cluster) -> None:
    cluster.seen(service())
    cluster.seen(Pool(key=P, resource_version="5"))
    cluster.seen(Policy(key=P, resource_version="5"))
    cluster.seen(node(zone="a"))
    cluster.gone(Gone(Kind.SERVICE, APP2, "9"))
    cluster.gone(Gone(Kind.POOL, Key("", "q"), "9"))
    cluster.gone(Gone(Kind.POLICY, Key("", "q"), "9"))
    cluster.gone(Gone(Kind.NODE, Key("", "other"), "9"))
    cluster.listed(Listed(Kind.SERVICE, (service(),), "9"))
    assert changed(cluster) == NOTHING


def test_a_service_or_a_pool_is_a_change_of_itself(cluster: Cluster) -> None:
    cluster.seen(service(APP2, 6))
    cluster.seen(Pool(key=P, resource_version="6"))
    assert changed(cluster) == ({APP2}, {P}, False)
    cluster.gone(Gone(Kind.SERVICE, APP1, "7"))
    cluster.gone(Gone(Kind.POOL, P, "7"))
    assert changed(cluster) == ({APP1}, {P}, False)
    assert cluster.services.get(APP1) is None


def test_policies_the_node_s_labels_and_links_change_everything(cluster: Cluster) -> None:
    cluster.seen(Policy(key=P, resource_version="6"))
    assert changed(cluster) == (set(), set(), True)
    cluster.seen(node(6, zone="b"))
    assert changed(cluster) == (set(), set(), True)
    cluster.links_are(Links(()))
    assert changed(cluster) == (set(), set(), True)
    cluster.gone(Gone(Kind.POLICY, P, "7"))
    assert changed(cluster) == (set(), set(), True)
    cluster.gone(Gone(Kind.NODE, WORKER, "7"))
    assert changed(cluster) == (set(), set(), True)
    assert cluster.node is None


def test_a_node_s_heartbeat_changes_nothing(cluster: Cluster) -> None:
    cluster.seen(node(6, zone="a"))
    changes = cluster.take_changes()
    assert (changes.nodes, changes.everything) == (set(), False)
    assert cluster.node is not None
    assert cluster.node.resource_version == "6"


def test_another_node_is_a_change_of_itself(cluster: Cluster) -> None:
    def told() -> tuple[set[Key], bool]:
        changes = cluster.take_changes()
        return changes.nodes, changes.everything

    other = Node(key=OTHER, resource_version="6", labels={"zone": "b"})
    cluster.seen(other)
    assert told() == ({OTHER}, False)
    assert cluster.node == node(zone="a"), "found by its name, however many there are"
    cluster.seen(replace(other, resource_version="7", unschedulable=True))
    assert told() == ({OTHER}, False)
    cluster.listed(Listed(Kind.NODE, (node(8, zone="a"), other), "9"))
    assert told() == ({OTHER}, False)
    cluster.gone(Gone(Kind.NODE, OTHER, "10"))
    assert told() == ({OTHER}, False)
    cluster.listed(Listed(Kind.NODE, (other,), "11"))
    assert told() == ({OTHER, WORKER}, True)
    assert cluster.node is None


def test_what_no_selector_asks_of_the_own_node_selects_nothing_anew(cluster: Cluster) -> None:
    cluster.seen(replace(node(6, zone="a"), unschedulable=True))
    changes = cluster.take_changes()
    assert (changes.nodes, changes.everything) == ({WORKER}, False)


def test_an_old_view_of_the_node_changes_nothing(cluster: Cluster) -> None:
    cluster.seen(node(6, zone="b"))
    cluster.take_changes()
    cluster.seen(node(4, zone="a"))
    assert cluster.node == node(6, zone="b")
    assert changed(cluster) == NOTHING


def test_leases_are_known_elsewhere(cluster: Cluster) -> None:
    cluster.seen(LeaseRecord(name="l", resource_version="9"))
    cluster.listed(Listed(Kind.LEASE, (), "9"))
    cluster.gone(Gone(Kind.LEASE, Key("kube-system", "l"), "9"))
    assert changed(cluster) == NOTHING
