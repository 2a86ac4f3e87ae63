"""Services that share an address: who joins whom, and what ends it."""

from __future__ import annotations

import pytest

from l2announcer.core.model import (
    LabelSelector,
    Port,
)
from tests.unit.core.ipam.store import Store

IPS = "lbipam.cilium.io/ips"
KEY = "lbipam.cilium.io/sharing-key"
CROSS = "lbipam.cilium.io/sharing-cross-namespace"
RED = LabelSelector(match_labels=(("color", "red"),))


def port(*numbers: int, protocol: str = "TCP") -> tuple[Port, ...]:
    return tuple(Port(port=number, protocol=protocol) for number in numbers)


@pytest.fixture
def store() -> Store:
    made = Store()
    made.pool("pool", "10.0.0.0/28", "fd00::/120")
    return made


def test_sharing_ends_with_the_key(store: Store) -> None:
    """Two on one address; the key of one changes → it moves, the other stays."""
    store.service("a", annotations={KEY: "k"}, ports=port(80))
    store.service("b", annotations={KEY: "k"}, ports=port(81))
    store.run()
    assert store.ip("a") == store.ip("b") == "10.0.0.0"
    store.service("b", annotations={KEY: "other"})
    store.run()
    assert (store.ip("a"), store.ip("b")) == ("10.0.0.0", "10.0.0.1")


def test_sharing_ends_with_a_port(store: Store) -> None:
    """Two on one address; one takes the other's port → it moves."""
    store.service("a", annotations={KEY: "k"}, ports=port(80))
    store.service("b", annotations={KEY: "k"}, ports=port(81))
    store.run()
    store.service("b", ports=port(80))
    store.run()
    assert (store.ip("a"), store.ip("b")) == ("10.0.0.0", "10.0.0.1")


def test_sharing_by_protocol(store: Store) -> None:
    """One key, one port number, two protocols → one address."""
    store.service("a", annotations={KEY: "k"}, ports=port(53))
    store.service("b", annotations={KEY: "k"}, ports=port(53, protocol="UDP"))
    store.run()
    assert store.ip("a") == store.ip("b")


def test_a_third_joins_the_first_that_fits(store: Store) -> None:
    """Two with the same port under one key are apart; a third with another joins the first."""
    for name, number in (("a", 80), ("b", 80), ("c", 81)):
        store.service(name, annotations={KEY: "k"}, ports=port(number))
    store.service("d", annotations={KEY: "other"}, ports=port(82))
    store.run()
    assert [store.ip(name) for name in "abcd"] == [f"10.0.0.{n}" for n in (0, 1, 0, 2)]


def test_two_clusters_of_sharers(store: Store) -> None:
    """Two on port 80, two on 81, all with one key → two addresses, each with one of both."""
    for name, number in (("a", 80), ("b", 81), ("c", 80), ("d", 81)):
        store.service(name, annotations={KEY: "k"}, ports=port(number))
    store.run()
    assert store.ip("a") == store.ip("b") == "10.0.0.0"
    assert store.ip("c") == store.ip("d") == "10.0.0.1"
    assert store.counts("pool")[2] == 2


def test_a_shared_address_lives_as_long_as_its_last_user(store: Store) -> None:
    """One sharer deleted → the address stays; created anew → it joins; both deleted → free."""
    for name, number in (("a", 80), ("b", 81)):
        store.service(name, annotations={KEY: "k"}, ports=port(number))
    store.run()
    store.delete("a")
    store.service("x")
    store.run()
    assert (store.ip("b"), store.ip("x")) == ("10.0.0.0", "10.0.0.1")
    store.service("a", annotations={KEY: "k"}, ports=port(80))
    store.run()
    assert store.ip("a") == "10.0.0.0"
    store.delete("a")
    store.delete("b")
    store.service("y")
    store.run()
    assert store.ip("y") == "10.0.0.0"


def test_sharing_across_namespaces(store: Store) -> None:
    """Both permit it → shared; a third that says nothing → an address of its own."""
    store.service("x/a", annotations={KEY: "k", CROSS: "y"}, ports=port(80))
    store.service("y/b", annotations={KEY: "k", CROSS: "*"}, ports=port(81))
    store.service("y/c", annotations={KEY: "k"}, ports=port(82))
    store.run()
    assert store.ip("x/a") == store.ip("y/b") == "10.0.0.0"
    assert store.ip("y/c") == "10.0.0.1"


def test_a_shared_address_is_not_joined_from_outside_its_pool(store: Store) -> None:
    """A key whose address is of a pool that does not select the newcomer → another address."""
    store.pool("red", "10.1.0.0/28", service_selector=RED)
    store.pool("pool", disabled=True)
    store.service("a", annotations={KEY: "k"}, labels={"color": "red"}, ports=port(80))
    store.run()
    assert store.ip("a") == "10.1.0.0"
    store.pool("pool", disabled=False)
    store.service("b", annotations={KEY: "k"}, ports=port(81))
    store.run()
    assert store.ip("b") == "10.0.0.0"


def test_a_taken_address_by_name_and_key(store: Store) -> None:
    """Taken, and can't be shared → the reason says what stands in the way."""
    store.service("a", annotations={KEY: "k"}, ports=port(80))
    store.service("b", annotations={KEY: "k", IPS: "10.0.0.0"}, ports=port(80))
    store.run()
    assert store.ips("b") == []
    assert store.reason("b") == "already_allocated_incompatible_service"
    assert "both use port 80/TCP" in store.condition("b").message
    store.service("a", ports=port(81))
    store.run()
    assert store.ips("b") == ["10.0.0.0"]


def test_shared_by_name_then_moved(store: Store) -> None:
    """Two groups by name and key; one Service changes both → it moves to the other's address."""
    for name, number, address in (("a", 80, 3), ("b", 81, 3), ("c", 82, 4)):
        key = f"k{address}"
        store.service(name, annotations={KEY: key, IPS: f"10.0.0.{address}"}, ports=port(number))
    store.run()
    assert [store.ip(name) for name in "abc"] == ["10.0.0.3", "10.0.0.3", "10.0.0.4"]
    store.service("b", annotations={KEY: "k4", IPS: "10.0.0.4"})
    store.run()
    assert [store.ip(name) for name in "abc"] == ["10.0.0.3", "10.0.0.4", "10.0.0.4"]


def test_by_key_alone_joins_one_by_name(store: Store) -> None:
    """One has an address by name and a key, another only the key → they share."""
    store.service("a", annotations={KEY: "k", IPS: "10.0.0.6"}, ports=port(80))
    store.service("b", annotations={KEY: "k"}, ports=port(81))
    store.run()
    assert store.ip("b") == "10.0.0.6"
