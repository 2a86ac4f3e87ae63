"""Rest, wake-ups and Events."""

from __future__ import annotations

import pytest

from l2announcer.core.model import (
    Key,
    Kind,
)
from tests.unit.core.ipam.store import Store, svc


@pytest.fixture
def store() -> Store:
    made = Store()
    made.pool("pool", "10.0.0.0/29")
    made.run()
    return made


def test_a_freed_address_rests() -> None:
    """Taken back → nobody else gets it for 30 s, by any way; then the one that waits does."""
    store = Store(rest_seconds=30.0)
    store.pool("pool", "10.0.0.0/32")
    store.service("a")
    store.run()
    store.delete("a")
    store.service("b")
    store.service("c", load_balancer_ip="10.0.0.0")
    store.run()
    assert (store.reason("b"), store.reason("c")) == ("out_of_ips", "already_allocated")
    assert "taken back from Service default/a" in store.condition("c").message
    assert store.counts("pool") == (1, 0, 1)
    _, _, wake_at = store.ipam.poll(store.now, 0.0)
    assert store.now < wake_at <= store.now + 30
    store.now = wake_at - 1
    store.run()
    assert store.ips("b") == ["10.0.0.0"]


def test_the_former_owner_has_it_back_at_once() -> None:
    """Deleted and created again by that name → the same address, although it rests."""
    store = Store(rest_seconds=30.0)
    store.pool("pool", "10.0.0.0/24")
    store.service("first")
    store.service("a")
    store.run()
    store.delete("first")
    store.delete("a")
    store.service("b")
    store.service("a")
    store.run()
    assert (store.ip("a"), store.ip("b")) == ("10.0.0.1", "10.0.0.2")


def test_another_writer_takes_nothing_from_us(store: Store) -> None:
    """Somebody empties the status → the same address is written again, not another."""
    store = Store(rest_seconds=30.0)
    store.pool("pool", "10.0.0.0/24")
    store.service("x")
    store.service("a")
    store.run()
    store.delete("x")
    store.service("a", ingress=())
    store.run()
    assert store.ip("a") == "10.0.0.1"


def test_events_tell_once_of_each_change(store: Store) -> None:
    """Assigned with its pool; pending with the sentence of the condition; nothing twice."""
    store.service("a")
    store.service("b", load_balancer_ip="10.0.0.0")
    store.run()
    store.run()
    (assigned, pending) = store.events
    assert (assigned.kind, assigned.key, assigned.uid) == (
        Kind.SERVICE,
        svc("a"),
        store.services[svc("a")].uid,
    )
    assert (assigned.reason, assigned.message, assigned.warning) == (
        "AddressAssigned",
        "Assigned 10.0.0.0 of pool pool",
        False,
    )
    assert (pending.key, pending.reason, pending.warning) == (svc("b"), "AddressPending", True)
    assert pending.message == store.condition("b").message
    store.service("a", labels={"x": "y"})
    store.service("b", labels={"x": "y"})
    store.run()
    assert len(store.events) == 2
    store.delete("a")
    store.run()
    assert [event.reason for event in store.events[2:]] == ["AddressAssigned"]


def test_unknown_keys_are_ignored(store: Store) -> None:
    """Something that was never seen is gone → nothing."""
    store.ipam.forget_service(svc("never"))
    store.ipam.forget_pool(Key("", "never"))
    assert store.run() == 0
