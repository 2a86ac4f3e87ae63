"""What a Service gets, keeps and loses as it is created, edited and deleted."""

from __future__ import annotations

import pytest

from l2announcer.core.ipam import Scope
from l2announcer.core.model import (
    L2_CLASS,
    Condition,
    Ingress,
)
from tests.unit.core.ipam.store import SATISFIED, Store, ingress, svc

IPS = "lbipam.cilium.io/ips"


@pytest.fixture
def store() -> Store:
    made = Store()
    made.pool("pool", "10.0.0.0/28", "fd00::/120")
    return made


def test_one_address_and_one_condition(store: Store) -> None:
    """A plain Service → the lowest IPv4 address and one condition that is True."""
    store.service("a")
    store.run()
    assert store.ips("a") == ["10.0.0.0"]
    (condition,) = store.services[svc("a")].conditions
    assert (condition.type, condition.status, condition.reason, condition.message) == (
        SATISFIED,
        "True",
        "satisfied",
        "",
    )
    assert condition.last_transition_time == "2023-11-14T22:30:01Z"
    assert store.run() == 0


def test_family_switched_and_back(store: Store) -> None:
    """IPv4 changed to IPv6 → only an IPv6 address, after one write; and back."""
    store.service("a", ip_families=("IPv4",))
    store.run()
    store.service("a", ip_families=("IPv6",))
    assert store.run() == 1
    assert store.ips("a") == ["fd00::"]
    store.service("a", ip_families=("IPv4",))
    assert store.run() == 1
    assert store.ips("a") == ["10.0.0.0"]
    assert store.counts("pool") == (16 + 256, 16 + 255, 1)


def test_dual_stack(store: Store) -> None:
    """Both families required → one address of each, IPv4 first."""
    store.service("a", ip_family_policy="RequireDualStack", ip_families=("IPv6", "IPv4"))
    store.run()
    assert store.ips("a") == ["10.0.0.0", "fd00::"]


def test_half_of_dual_stack(store: Store) -> None:
    """Both required, pools of one only → that one is given, and the condition names the other."""
    store.pool("pool", "10.0.0.0/28")
    store.service("a", ip_family_policy="RequireDualStack")
    store.run()
    assert store.ips("a") == ["10.0.0.0"]
    assert store.reason("a") == "no_pool"
    assert "IPv6" in store.condition("a").message


def test_deleted_is_free(store: Store) -> None:
    """A Service deleted → its address is free for the next."""
    store.service("a")
    store.run()
    store.delete("a")
    store.service("b")
    store.run()
    assert store.ip("b") == "10.0.0.0"


def test_type_changed_there_and_back(store: Store) -> None:
    """ClusterIP is left alone, LoadBalancer served, NodePort cleared and the address free."""
    other = Condition(type="example.com/other", status="True", reason="r")
    store.service("a", type="ClusterIP", conditions=(other,))
    assert store.run() == 0
    store.service("a", type="LoadBalancer")
    store.run()
    assert (store.ips("a"), store.reason("a")) == (["10.0.0.0"], "satisfied")
    store.service("a", type="NodePort")
    store.run()
    assert store.ips("a") == []
    assert store.services[svc("a")].conditions == (other,)
    assert store.counts("pool")[2] == 0


def test_addresses_by_name(store: Store) -> None:
    """One by field, two by annotation → three entries; one taken off → just that one goes."""
    store.service("a", load_balancer_ip="10.0.0.9", annotations={IPS: "10.0.0.7,10.0.0.8"})
    store.run()
    assert store.ips("a") == ["10.0.0.9", "10.0.0.7", "10.0.0.8"]
    store.service("a", annotations={IPS: "10.0.0.8"})
    store.run()
    assert store.ips("a") == ["10.0.0.9", "10.0.0.8"]
    store.service("b", load_balancer_ip="10.0.0.7")
    store.run()
    assert store.ips("b") == ["10.0.0.7"]


def test_a_taken_address_by_name(store: Store) -> None:
    """A taken address is asked for → nothing, the reason, and whose it is; freed → given."""
    store.service("a")
    store.service("b", load_balancer_ip="10.0.0.0", annotations={IPS: "10.0.0.5"})
    store.run()
    assert store.ips("b") == ["10.0.0.5"]
    assert store.reason("b") == "already_allocated"
    assert "in use by Service default/a" in store.condition("b").message
    store.delete("a")
    store.run()
    assert (store.ips("b"), store.reason("b")) == (["10.0.0.5", "10.0.0.0"], "satisfied")


def test_an_unreadable_request_is_never_any_address(store: Store) -> None:
    """Nonsense asked for → nothing and a reason; on one that has an address → kept."""
    store.service("a", load_balancer_ip="10.0.0")
    store.service("b")
    store.run()
    assert (store.ips("a"), store.reason("a")) == ([], "invalid_request")
    assert "'10.0.0' in spec.loadBalancerIP is not an IP address" in store.condition("a").message
    store.service("b", annotations={IPS: "10.0.0.3, 10.0.0.x"})
    store.run()
    assert (store.ips("b"), store.reason("b")) == (["10.0.0.0", "10.0.0.3"], "invalid_request")
    store.restart()
    assert store.run() == 0


def test_a_request_without_measure_is_cut_short(store: Store) -> None:
    """Thousands of addresses asked for, none of them there → a message of bounded length."""
    asked = ",".join(f"10.9.{n // 256}.{n % 256}" for n in range(5_000))
    store.service("a", annotations={IPS: asked})
    store.run()
    assert store.reason("a") == "no_pool"
    assert len(store.condition("a").message) == 1_000
    assert len(store.events[-1].message) == 1_000
    events = len(store.events)
    store.restart()
    assert store.run() == 0
    assert len(store.events) == events


def test_foreign_class_is_left_alone(store: Store) -> None:
    """A class of somebody else, without our condition → nothing is touched, and nothing doubled."""
    store.service("a", load_balancer_class="example.com/other", ingress=ingress("10.0.0.0"))
    store.service("b", load_balancer_class=L2_CLASS)
    assert store.run() == 1
    assert store.ips("a") == ["10.0.0.0"]
    assert store.ips("b") == ["10.0.0.1"]


def test_class_changed_to_a_foreign_one(store: Store) -> None:
    """It was ours → our address and condition go, what the new controller wrote stays."""
    store.service("a")
    store.run()
    store.service(
        "a", load_balancer_class="example.com/other", ingress=ingress("10.0.0.0", "192.0.2.1")
    )
    store.run()
    assert store.ips("a") == ["192.0.2.1"]
    assert store.services[svc("a")].conditions == ()
    assert store.counts("pool")[2] == 0


def test_without_a_class_where_that_is_not_ours() -> None:
    """Unclassed Services are another's by setting → only the L2 class is served."""
    store = Store(scope=Scope(unclassed=False))
    store.pool("pool", "10.0.0.0/28")
    store.service("a")
    store.service("b", load_balancer_class=L2_CLASS)
    store.run()
    assert (store.ips("a"), store.ips("b")) == ([], ["10.0.0.0"])


def test_kept_entries_stay_as_they_are(store: Store) -> None:
    """An entry with a mode and ports, a duplicate, a host name → the first stays, the others go."""
    entry = Ingress(ip="10.0.0.5", ip_mode="Proxy", ports=({"port": 80, "protocol": "TCP"},))
    store.service("a", ingress=(entry, Ingress(hostname="x.example"), *ingress("10.0.0.5")))
    store.run()
    assert store.services[svc("a")].ingress == (entry,)
    store.service("a", ip_family_policy="PreferDualStack")
    store.run()
    assert store.services[svc("a")].ingress == (entry, *ingress("fd00::"))


def test_other_conditions_stay(store: Store) -> None:
    """Somebody else's condition → kept, with its own transition time."""
    other = Condition(
        type="example.com/x", status="True", reason="r", last_transition_time="2020-01-01T00:00:00Z"
    )
    store.service("a", conditions=(other,))
    store.run()
    assert other in store.services[svc("a")].conditions
    assert store.reason("a") == "satisfied"


def test_a_service_being_deleted_keeps_its_address_and_gets_none(store: Store) -> None:
    """A deletionTimestamp is set → status untouched, address not given to others before."""
    store.service("a")
    store.run()
    store.service("a", deleting=True)
    store.service("b")
    store.service("c", deleting=True)
    store.run()
    assert (store.ips("a"), store.ips("b"), store.ips("c")) == (["10.0.0.0"], ["10.0.0.1"], [])
    store.delete("a")
    store.service("d")
    store.run()
    assert store.ip("d") == "10.0.0.0"
