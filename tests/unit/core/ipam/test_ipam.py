"""Restarts, hand-overs, refused and lost writes, rest, Events: nothing is doubled or renumbered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.effects import StatusWrite
from l2announcer.core.facts import Refusal
from l2announcer.core.model import Ingress, Key, Kind, LabelSelector, Port
from tests.unit.core.ipam.store import Store, svc

KEY = "lbipam.cilium.io/sharing-key"


def services(store: Store) -> list[StatusWrite]:
    """Poll, a second later; carry out what is for pools; the writes for Services."""
    store.now += 1
    writes = store.poll()
    for write in writes:
        if write.kind is Kind.POOL:
            store.carry_out(write)
    return [write for write in writes if write.kind is Kind.SERVICE]


@pytest.fixture
def store() -> Store:
    made = Store()
    made.pool("pool", "10.0.0.0/29")
    made.run()
    return made


def ingress(*addresses: str) -> tuple[Ingress, ...]:
    return tuple(Ingress(ip=address) for address in addresses)


# Restart and hand-over


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
    (write,) = services(store)
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


# Writes


def test_a_patch_carries_the_version_and_only_what_changes(store: Store) -> None:
    """The patch is what the API server merges into the status, guarded by the version seen."""
    store.service("a")
    version = store.services[svc("a")].resource_version
    (write,) = services(store)
    assert (write.kind, write.key) == (Kind.SERVICE, svc("a"))
    assert write.patch == {
        "metadata": {"resourceVersion": version},
        "status": {
            "loadBalancer": {"ingress": [{"ip": "10.0.0.0"}]},
            "conditions": [
                {
                    "type": "cilium.io/IPAMRequestSatisfied",
                    "status": "True",
                    "observedGeneration": 0,
                    "lastTransitionTime": "2023-11-14T22:30:03Z",
                    "reason": "satisfied",
                    "message": "",
                }
            ],
        },
    }


def test_one_write_at_a_time(store: Store) -> None:
    """A Service edited while its write is under way → the next write waits for the outcome."""
    store.service("a")
    (write,) = services(store)
    store.service("a", load_balancer_ip="10.0.0.5")
    assert services(store) == []
    store.carry_out(write)  # a conflict: it was edited since
    store.run()
    assert store.ips("a") == ["10.0.0.5"]


def test_a_decision_yields_to_what_the_status_shows_by_now(store: Store) -> None:
    """An address is decided, another of the pool comes to be in the status → only that one."""
    store.service("a")
    (write,) = services(store)
    store.service("a", ingress=ingress("10.0.0.6"))
    store.carry_out(write)  # a conflict
    store.run()
    assert store.ips("a") == ["10.0.0.6"]
    assert store.counts("pool") == (8, 7, 1)


def test_a_conflict_waits_for_a_newer_view(store: Store) -> None:
    """Somebody wrote in between → tried again on the newer view at once, else after a second."""
    store.service("a")
    (write,) = services(store)
    store.deaf = True
    store.service("a", labels={"x": "y"})
    store.carry_out(write)
    writes, _, wake_at = store.ipam.poll(store.now, 0.0)
    assert writes == []
    assert wake_at == store.now + 1
    store.deaf = False
    store.service("a", labels={"x": "z"})
    writes, _, _ = store.ipam.poll(store.now, 0.0)
    (write,) = [each for each in writes if each.kind is Kind.SERVICE]
    store.carry_out(write)
    assert store.ips("a") == ["10.0.0.0"]


def test_a_conflict_is_tried_again_without_a_newer_view(store: Store) -> None:
    """No view comes → once more after a second."""
    store.service("a")
    (write,) = services(store)
    store.refuse(write, Refusal.CONFLICT)
    (write,) = services(store)
    store.carry_out(write)
    assert store.ips("a") == ["10.0.0.0"]


def test_a_lost_answer_keeps_the_address_taken(store: Store) -> None:
    """A write was done, its answer lost, the pool edited → nobody gets what it may show."""
    store.service("a")
    (write,) = services(store)
    store.deaf = True  # the answer and the watch event are late
    current = store.services[svc("a")]
    store.services[svc("a")] = replace(
        current, ingress=ingress("10.0.0.0"), resource_version=store._next()
    )
    store.refuse(write, Refusal.UNAVAILABLE)
    store.ipam.handle_service(current)  # said again, by a list: it proves nothing
    store.pool("pool", "10.0.0.1-10.0.0.2")
    red = LabelSelector(match_labels=(("c", "r"),))
    store.pool("more", "10.0.0.0", service_selector=red)
    store.deaf = False
    store.service("b", labels={"c": "r"}, load_balancer_ip="10.0.0.0")
    for write in services(store):
        store.carry_out(write)
    assert store.ips("b") == []
    assert "still in the status of Service default/a" in store.condition("b").message
    store.ipam.handle_service(store.services[svc("a")])
    store.run()
    assert (store.ips("a"), store.ips("b")) == (["10.0.0.1"], ["10.0.0.0"])


def test_an_address_is_given_on_only_after_its_withdrawal_is_written(store: Store) -> None:
    """One loses its address by its labels → another gets it after that was written, not before."""
    red = LabelSelector(match_labels=(("c", "r"),))
    store.pool("pool", "10.0.0.0/32", service_selector=red)
    store.service("a", labels={"c": "r"})
    store.service("b", labels={"c": "r"})
    store.run()
    store.service("a", labels={})
    (write,) = services(store)
    assert write.key == svc("a")
    assert services(store) == []
    store.carry_out(write)
    (write,) = services(store)
    store.carry_out(write)
    assert (store.ips("a"), store.ips("b")) == ([], ["10.0.0.0"])


def test_gone_stays_gone(store: Store) -> None:
    """The Service is deleted while its write is under way → its late answer revives nothing."""
    store.service("a")
    (write,) = services(store)
    truth = store.services[svc("a")]
    store.delete("a")
    store.services[svc("a")] = truth
    store.carry_out(write)
    del store.services[svc("a")]
    assert services(store) == []
    store.service("b")
    store.run()
    assert store.ips("b") == ["10.0.0.0"]


@pytest.mark.parametrize("why", [Refusal.DENIED, Refusal.INVALID])
def test_pointless_writes_are_not_repeated_soon(store: Store, why: Refusal) -> None:
    """Denied or invalid → not again within ten seconds, but again at some time."""
    store.service("a")
    (write,) = services(store)
    store.refuse(write, why)
    for _ in range(10):
        assert services(store) == []
    store.now += 600
    assert len(services(store)) == 1


def test_pool_writes_are_repeated_too(store: Store) -> None:
    """A refused write of a pool's status → tried again."""
    store.pool("more", "10.9.0.0/24")
    store.now += 1
    (write,) = store.poll()
    store.refuse(write, Refusal.UNAVAILABLE)
    store.run()
    assert store.counts("more") == (256, 256, 0)


def test_a_needless_poll_does_nothing(store: Store) -> None:
    """Nothing happened → nothing to write, nothing to tell, nothing to wake for."""
    store.service("a")
    store.run()
    assert store.ipam.poll(store.now + 5, 0.0) == ([], [], float("inf"))


# Rest


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


# Events


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
