"""Restarts and hand-overs: what Services have is kept, and nothing is renumbered."""

from __future__ import annotations

import pytest

from l2announcer.core.facts import Refusal
from l2announcer.core.model import (
    LabelSelector,
    Port,
)
from tests.unit.core.ipam.store import Store, ingress

KEY = "lbipam.cilium.io/sharing-key"


@pytest.fixture
def store() -> Store:
    made = Store()
    made.pool("pool", "10.0.0.0/29")
    made.run()
    return made


def test_foreign_address_is_replaced(store: Store) -> None:
    """A status with an address of no pool → one of the pool in its place."""
    store.service("a", ingress=ingress("192.0.2.1"))
    store.run()
    assert (store.ips("a"), store.reason("a")) == (["10.0.0.0"], "satisfied")


def test_present_addresses_are_kept(store: Store) -> None:
    """Addresses of the pool, asked for or not → kept, and given to nobody else."""
    store.service("new")
    store.service("a", ingress=ingress("10.0.0.0"))
    store.service("b", ingress=ingress("10.0.0.1"), load_balancer_ip="10.0.0.1")
    store.restart()
    store.run()
    assert [store.ip(name) for name in ("new", "a", "b")] == ["10.0.0.2", "10.0.0.0", "10.0.0.1"]
    assert store.counts("pool") == (8, 5, 3)


def test_shared_addresses_are_kept(store: Store) -> None:
    """Two with a key and the same address → both keep it; without a key the older does."""
    for name, number in (("a", 80), ("b", 81)):
        store.service(
            name,
            annotations={KEY: "k"},
            ports=(Port(port=number),),
            ingress=ingress("10.0.0.5"),
        )
    store.service("c", ingress=ingress("10.0.0.6"))
    store.service("d", ingress=ingress("10.0.0.6"))
    store.run()
    assert [store.ip(name) for name in "abcd"] == ["10.0.0.5", "10.0.0.5", "10.0.0.6", "10.0.0.0"]


def test_the_satisfied_come_before_the_older(store: Store) -> None:
    """Both show one address; the older asks for a second besides → the younger keeps it."""
    asked = {"lbipam.cilium.io/ips": "10.0.0.4,10.0.0.5"}
    store.service("older", annotations=asked, ingress=ingress("10.0.0.4"))
    store.service("younger", ingress=ingress("10.0.0.4"))
    store.restart()
    store.run()
    assert (store.ip("older"), store.ip("younger")) == ("10.0.0.5", "10.0.0.4")


def test_a_sharer_keeps_its_own_of_several_shared(store: Store) -> None:
    """With one key, a on .1:80, b on .2:80, c on .2:81 → c stays where it is."""
    for name, number, address in (("a", 80, 1), ("b", 80, 2), ("c", 81, 2)):
        store.service(
            name,
            annotations={KEY: "k"},
            ports=(Port(port=number),),
            ingress=ingress(f"10.0.0.{address}"),
        )
    store.restart()
    store.run()
    assert [store.ip(name) for name in "abc"] == ["10.0.0.1", "10.0.0.2", "10.0.0.2"]


def test_restart_on_a_full_pool_writes_nothing(store: Store) -> None:
    """8 addresses, 16 Services → after a restart the same have the same, no writes."""
    names = [f"s{number:02}" for number in range(16)]
    for name in reversed(names):
        store.service(name)
    store.run()
    before = {name: store.ips(name) for name in names}
    assert sum(bool(each) for each in before.values()) == 8
    events = len(store.events)
    store.restart()
    assert store.run() == 0
    assert {name: store.ips(name) for name in names} == before
    assert len(store.events) == events


def test_conflicting_pool_keeps_after_a_restart(store: Store) -> None:
    """A pool that came into conflict → its Services keep what they have, restart or not."""
    store.pool("red", "10.1.0.0/29", service_selector=LabelSelector(match_labels=(("c", "r"),)))
    store.service("a", labels={"c": "r"}, load_balancer_ip="10.1.0.3")
    store.run()
    store.pool("pool", "10.0.0.0/29", "10.1.0.0/30")
    store.run()
    assert store.conflicting("red")
    store.restart()
    store.run()
    assert store.ips("a") == ["10.1.0.3"]


def test_a_new_tenure_believes_the_views_alone(store: Store) -> None:
    """What was decided but never written does not count against what another controller wrote."""
    store.service("a")
    (write,) = store.poll_services()
    store.refuse(write, Refusal.UNAVAILABLE)
    store.service("b", ingress=ingress("10.0.0.0"))
    store.ipam.begin()
    store.run()
    assert (store.ip("a"), store.ip("b")) == ("10.0.0.1", "10.0.0.0")


def test_what_another_controller_freed_is_free() -> None:
    """While standing by, a Service loses its address → it rests from the next tenure's start."""
    store = Store(rest_seconds=30.0)
    store.pool("pool", "10.0.0.0/32")
    store.service("a", ingress=ingress("10.0.0.0"))
    store.service("a", type="ClusterIP", ingress=())
    store.service("b")
    store.ipam.begin()
    store.run()
    assert store.ips("b") == []
    store.now += 30
    store.run()
    assert store.ips("b") == ["10.0.0.0"]
