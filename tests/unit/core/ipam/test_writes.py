"""Status writes: one at a time, guarded, repeated when refused, and never doubling when lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.facts import Refusal
from l2announcer.core.model import (
    Kind,
    LabelSelector,
)
from tests.unit.core.ipam.store import Store, ingress, svc

CONFLICT = "cilium.io/PoolConflict"


@pytest.fixture
def store() -> Store:
    made = Store()
    made.pool("pool", "10.0.0.0/29")
    made.run()
    return made


def test_a_patch_carries_the_version_and_only_what_changes(store: Store) -> None:
    """The patch is what the API server merges into the status, guarded by the version seen."""
    store.service("a")
    version = store.services[svc("a")].resource_version
    (write,) = store.poll_services()
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
    (write,) = store.poll_services()
    store.service("a", load_balancer_ip="10.0.0.5")
    assert store.poll_services() == []
    store.carry_out(write)  # a conflict: it was edited since
    store.run()
    assert store.ips("a") == ["10.0.0.5"]


def test_a_decision_yields_to_what_the_status_shows_by_now(store: Store) -> None:
    """An address is decided, another of the pool comes to be in the status → only that one."""
    store.service("a")
    (write,) = store.poll_services()
    store.service("a", ingress=ingress("10.0.0.6"))
    store.carry_out(write)  # a conflict
    store.run()
    assert store.ips("a") == ["10.0.0.6"]
    assert store.counts("pool") == (8, 7, 1)


def test_a_conflict_waits_for_a_newer_view(store: Store) -> None:
    """Somebody wrote in between → tried again on the newer view at once, else after a second."""
    store.service("a")
    (write,) = store.poll_services()
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
    (write,) = store.poll_services()
    store.refuse(write, Refusal.CONFLICT)
    (write,) = store.poll_services()
    store.carry_out(write)
    assert store.ips("a") == ["10.0.0.0"]


def test_a_lost_answer_keeps_the_address_taken(store: Store) -> None:
    """A write was done, its answer lost, the pool edited → nobody gets what it may show."""
    store.service("a")
    (write,) = store.poll_services()
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
    for write in store.poll_services():
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
    (write,) = store.poll_services()
    assert write.key == svc("a")
    assert store.poll_services() == []
    store.carry_out(write)
    (write,) = store.poll_services()
    store.carry_out(write)
    assert (store.ips("a"), store.ips("b")) == ([], ["10.0.0.0"])


def test_gone_stays_gone(store: Store) -> None:
    """The Service is deleted while its write is under way → its late answer revives nothing."""
    store.service("a")
    (write,) = store.poll_services()
    truth = store.services[svc("a")]
    store.delete("a")
    store.services[svc("a")] = truth
    store.carry_out(write)
    del store.services[svc("a")]
    assert store.poll_services() == []
    store.service("b")
    store.run()
    assert store.ips("b") == ["10.0.0.0"]


@pytest.mark.parametrize(("why", "most"), [(Refusal.DENIED, 3), (Refusal.INVALID, 0)])
def test_pointless_writes_are_not_repeated_often(store: Store, why: Refusal, most: int) -> None:
    """Denied → a few times within ten seconds, invalid → not; but again at some time."""
    store.service("a")
    (write,) = store.poll_services()
    store.refuse(write, why)
    again = 0
    for _ in range(10):
        for write in store.poll_services():
            store.refuse(write, why)
            again += 1
    assert again <= most
    store.now += 600
    assert len(store.poll_services()) == 1


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
