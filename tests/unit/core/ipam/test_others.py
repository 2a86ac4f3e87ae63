"""What is not ours to give, or to give to: addresses of hosts, Services of another controller."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tests.unit.core.ipam.store import Store, ingress, svc

HOSTS = {
    ip_address("10.0.0.0"): "node worker1",
    ip_address("10.0.0.2"): "the API server",
    ip_address("192.0.2.7"): "node worker2",
}
MARKS = ["metallb.io/ip-allocated-from-pool", "metallb.universe.tf/ip-allocated-from-pool"]


@pytest.fixture
def store() -> Store:
    made = Store()
    made.ipam.hosts_are(HOSTS)
    made.pool("pool", "10.0.0.0/29")
    made.run()
    return made


# Hosts


def test_addresses_of_hosts_are_never_given_and_count_as_used(store: Store) -> None:
    for number in range(7):
        store.service(f"s{number}")
    store.run()
    given = {address for number in range(7) for address in store.ips(f"s{number}")}
    assert given == {f"10.0.0.{number}" for number in (1, 3, 4, 5, 6, 7)}
    assert store.reason("s6") == "out_of_ips"
    assert store.counts("pool") == (8, 0, 8)


@pytest.mark.parametrize(("address", "who"), [("10.0.0.0", "node worker1"), ("10.0.0.2", "API")])
def test_who_asks_for_one_is_told_whose_it_is(store: Store, address: str, who: str) -> None:
    store.service("a", load_balancer_ip=address)
    store.run()
    assert (store.ips("a"), store.reason("a")) == ([], "already_allocated")
    assert f"{address} is the address of" in store.condition("a").message
    assert who in store.condition("a").message


def test_who_has_one_already_keeps_it(store: Store) -> None:
    store.service("a")
    store.run()
    assert store.ip("a") == "10.0.0.1"
    store.ipam.hosts_are({ip_address("10.0.0.1"): "node new"})
    store.run()
    store.restart()
    store.ipam.hosts_are({ip_address("10.0.0.1"): "node new"})
    assert store.run() == 0
    shared = {"lbipam.cilium.io/sharing-key": "k"}
    store.service("a", annotations=shared)
    store.run()
    store.service("b", annotations=shared)
    store.run()
    assert store.ip("b") != "10.0.0.1"


def test_a_host_that_goes_leaves_its_address_to_those_that_wait(store: Store) -> None:
    store.service("a", load_balancer_ip="10.0.0.0")
    store.run()
    store.ipam.hosts_are({})
    store.run()
    assert store.ips("a") == ["10.0.0.0"]
    assert store.counts("pool") == (8, 7, 1)


def test_a_host_that_comes_makes_its_address_used(store: Store) -> None:
    store.ipam.hosts_are({**HOSTS, ip_address("10.0.0.5"): "node new"})
    store.run()
    assert store.counts("pool") == (8, 5, 3)
    store.service("a")
    store.run()
    store.delete("a")
    store.ipam.hosts_are({ip_address("10.0.0.1"): "node new"})
    store.run()
    assert store.counts("pool") == (8, 7, 1)


# MetalLB


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("address", ["192.0.2.9", "10.0.0.4"])
def test_what_metallb_gave_an_address_is_left_alone(store: Store, mark: str, address: str) -> None:
    store.service("a", annotations={mark: "its-pool"}, ingress=ingress(address))
    assert store.run() == 0
    assert store.ips("a") == [address]
    assert store.services[svc("a")].conditions == ()
    store.service("b", load_balancer_ip="10.0.0.4")
    store.run()
    assert store.ips("b") == ([] if address == "10.0.0.4" else ["10.0.0.4"])


@pytest.mark.parametrize("mark", MARKS)
def test_ours_is_left_alone_from_the_mark_on(store: Store, mark: str) -> None:
    store.service("a")
    store.run()
    store.service("a", annotations={mark: "its-pool"}, ingress=ingress("192.0.2.9"))
    assert store.run() == 0
    assert store.counts("pool") == (8, 6, 2)


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_without_an_address_does_not_count(store: Store, mark: str) -> None:
    store.service("a", annotations={mark: "its-pool"})
    store.run()
    assert store.ips("a") == ["10.0.0.1"]


def test_without_the_mark_it_is_ours_and_keeps_an_address_of_our_pools(store: Store) -> None:
    store.service("a", annotations={MARKS[0]: "its-pool"}, ingress=ingress("10.0.0.4"))
    store.run()
    store.service("a", annotations={})
    store.run()
    assert (store.ips("a"), store.reason("a")) == (["10.0.0.4"], "satisfied")


def test_one_of_our_class_is_left_alone_too(store: Store) -> None:
    ours = {"load_balancer_class": "io.cilium/l2-announcer"}
    store.service("a", **ours)
    store.run()
    store.service("a", annotations={MARKS[0]: "its-pool"}, ingress=ingress("192.0.2.9"))
    assert store.run() == 0
    assert store.ips("a") == ["192.0.2.9"]
