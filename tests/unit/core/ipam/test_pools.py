"""What changes of pools do to Services."""

from __future__ import annotations

import pytest

from l2announcer.core.model import (
    Ingress,
    LabelSelector,
    Requirement,
)
from tests.unit.core.ipam.store import Store, svc

RED = LabelSelector(match_labels=(("color", "red"),))


@pytest.fixture
def store() -> Store:
    return Store()


def test_selector(store: Store) -> None:
    """color=red → red is served; blue isn't and is told; its label removed → red loses it."""
    store.pool("pool", "10.0.0.0/24", service_selector=RED)
    store.service("red", labels={"color": "red"})
    store.service("blue", labels={"color": "blue"})
    store.run()
    assert (store.ips("red"), store.ips("blue")) == (["10.0.0.0"], [])
    assert store.reason("blue") == "no_pool"
    store.service("red", labels={})
    store.run()
    assert (store.ips("red"), store.reason("red")) == ([], "no_pool")


def test_selector_by_namespace_cannot_be_fooled(store: Store) -> None:
    """The namespace is selected; a Service elsewhere that sets that label itself → refused."""
    selector = LabelSelector(
        match_expressions=(
            Requirement(key="io.kubernetes.service.namespace", operator="In", values=("x",)),
        )
    )
    store.pool("pool", "10.0.0.0/24", service_selector=selector)
    store.service("x/a")
    store.service("y/b", labels={"io.kubernetes.service.namespace": "x"})
    store.run()
    assert (store.ips("x/a"), store.ips("y/b")) == (["10.0.0.0"], [])


def test_asked_for_in_a_pool_that_selects_others(store: Store) -> None:
    """The address is in a pool with another selector → its own reason; selector widened → given."""
    store.pool("pool", "10.0.0.0/24", service_selector=RED)
    store.service("a", load_balancer_ip="10.0.0.4")
    store.run()
    assert (store.ips("a"), store.reason("a")) == ([], "pool_selector_mismatch")
    assert "Pool pool has 10.0.0.4" in store.condition("a").message
    store.pool("pool", service_selector=None)
    store.run()
    assert store.ips("a") == ["10.0.0.4"]


def test_selector_changed_away(store: Store) -> None:
    """The pool selects others now → the address is withdrawn."""
    store.pool("pool", "10.0.0.0/24")
    store.service("a")
    store.run()
    store.pool("pool", service_selector=RED)
    store.run()
    assert store.ips("a") == []


def test_first_and_last_given_by_default(store: Store) -> None:
    """A /30 without a word on first and last → its first address can be asked for."""
    store.pool("pool", "10.0.0.0/30")
    store.service("a", load_balancer_ip="10.0.0.0")
    store.run()
    assert store.ips("a") == ["10.0.0.0"]


def test_first_and_last_kept_back(store: Store) -> None:
    """No → the first is refused, also to a sharer, and counts as used; Yes → given; No → kept."""
    store.pool("pool", "10.0.0.0/30", allow_first_last_ips=False)
    key = {"lbipam.cilium.io/sharing-key": "k"}
    store.service("a", load_balancer_ip="10.0.0.0", annotations=key)
    store.run()
    assert (store.ips("a"), store.reason("a")) == ([], "already_allocated")
    assert "allowFirstLastIPs: No" in store.condition("a").message
    assert store.counts("pool") == (4, 2, 2)
    store.pool("pool", allow_first_last_ips=True)
    store.run()
    assert (store.ips("a"), store.reason("a")) == (["10.0.0.0"], "satisfied")
    assert store.counts("pool") == (4, 3, 1)
    store.pool("pool", allow_first_last_ips=False)
    store.run()
    store.pool("pool", allow_first_last_ips=True)
    store.service("b")
    store.run()
    assert (store.ips("a"), store.ips("b")) == (["10.0.0.0"], ["10.0.0.1"])


@pytest.mark.parametrize("block", [False, True])
def test_a_pool_or_a_block_added(store: Store, block: bool) -> None:
    """The address asked for is in no pool → none; a pool, or a block, with it comes → given."""
    store.pool("pool", "10.0.0.0/24")
    store.service("a", load_balancer_ip="10.0.1.7")
    store.run()
    assert (store.ips("a"), store.reason("a")) == ([], "no_pool")
    if block:
        store.pool("pool", "10.0.0.0/24", "10.0.1.0/24")
    else:
        store.pool("more", "10.0.1.0/24")
    store.run()
    assert store.ips("a") == ["10.0.1.7"]


def test_disabled(store: Store) -> None:
    """Disabled → the holder keeps, also after a restart, a new one waits; enabled → served."""
    store.pool("pool", "10.0.0.0/24")
    store.service("a")
    store.run()
    store.pool("pool", disabled=True)
    store.service("b")
    store.run()
    store.restart()
    store.run()
    assert (store.ips("a"), store.reason("a"), store.ips("b")) == (["10.0.0.0"], "satisfied", [])
    assert "pool pool is disabled" in store.condition("b").message
    store.pool("pool", disabled=False)
    store.run()
    assert (store.ips("a"), store.ips("b")) == (["10.0.0.0"], ["10.0.0.1"])


def test_deleted_pool(store: Store) -> None:
    """Its Services get an address of the other pool."""
    store.pool("one", "10.0.0.0/24")
    store.pool("two", "10.0.1.0/24")
    store.service("a")
    store.run()
    store.delete_pool("one")
    store.run()
    assert store.ips("a") == ["10.0.1.0"]


def test_block_added_then_the_first_removed(store: Store) -> None:
    """Added → nothing moves; the holder's block removed → an address of the other."""
    store.pool("pool", "10.0.0.0/24")
    store.service("a")
    store.run()
    store.pool("pool", "10.0.0.0/24", "10.0.1.0/24")
    assert store.run() == 0
    store.pool("pool", "10.0.1.0/24")
    store.run()
    assert store.ips("a") == ["10.0.1.0"]


def test_widened_and_narrowed(store: Store) -> None:
    """A /24 becomes a /23 and then a /24 with a wider selector → the holder's address stays."""
    store.pool("pool", "10.0.0.0/24", service_selector=RED)
    store.service("red", labels={"color": "red"})
    store.service("blue", labels={"color": "blue"})
    store.run()
    store.pool("pool", "10.0.0.0/23")
    assert store.run() == 0
    either = Requirement(key="color", operator="In", values=("red", "blue"))
    store.pool("pool", "10.0.0.0/24", service_selector=LabelSelector(match_expressions=(either,)))
    store.run()
    assert (store.ips("red"), store.ips("blue")) == (["10.0.0.0"], ["10.0.0.1"])


def test_a_full_pool_widened(store: Store) -> None:
    """A /31 with two holders and two waiting becomes a /29 → holders keep, all are served."""
    store.pool("pool", "10.0.0.0/31")
    for name in "abcd":
        store.service(name)
    store.run()
    assert [store.reason(name) for name in "abcd"] == ["satisfied"] * 2 + ["out_of_ips"] * 2
    assert "add a block" in store.condition("c").message
    store.pool("pool", "10.0.0.0/29")
    store.run()
    assert [store.ip(name) for name in "abcd"] == [f"10.0.0.{n}" for n in range(4)]


def test_shrunk_to_one_address(store: Store) -> None:
    """Only the younger's address is left → it keeps it, the older loses its own."""
    store.pool("pool", "10.0.0.0-10.0.0.1")
    store.service("a")
    store.service("b")
    store.run()
    store.pool("pool", "10.0.0.1")
    store.run()
    assert (store.ips("a"), store.ips("b")) == ([], ["10.0.0.1"])


def test_without_pools_nothing_is_touched(store: Store) -> None:
    """No pool → untouched; a pool → served; it is deleted → withdrawn; new ones are untouched."""
    store.service("a")
    assert store.run() == 0
    store.pool("pool", "10.0.0.0/24")
    store.run()
    assert store.ips("a") == ["10.0.0.0"]
    store.delete_pool("pool")
    store.run()
    assert (store.ips("a"), store.reason("a")) == ([], "no_pool")
    store.service("b")
    assert store.run() == 0
    assert store.services[svc("b")].conditions == ()
    store.restart()
    assert store.run() == 0
    store.pool("pool", "10.0.0.0/24")
    store.run()
    assert (store.ips("a"), store.ips("b")) == (["10.0.0.0"], ["10.0.0.1"])


def test_a_changed_pool_knows_what_is_in_use(store: Store) -> None:
    """A foreign Service shows an address; the pool is edited → it is not given to others."""
    store.pool("pool", "10.0.0.0/24")
    store.service("foreign", load_balancer_class="example.com/x", ingress=(Ingress(ip="10.0.0.0"),))
    store.run()
    store.pool("pool", "10.0.0.0/23")
    store.service("a")
    store.run()
    assert store.ips("a") == ["10.0.0.1"]
    assert store.counts("pool") == (512, 510, 2)
