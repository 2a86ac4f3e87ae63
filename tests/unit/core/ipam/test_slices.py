"""Thousands of Services: a poll does a part of the work, and the whole is the same."""

from __future__ import annotations

import pytest

from l2announcer.core.facts import Refusal
from l2announcer.core.ipam import ipam, status
from l2announcer.core.model import LabelSelector
from tests.unit.core.ipam.store import Store, ingress, svc

MANY = 3 * ipam.STEPS


@pytest.fixture
def store() -> Store:
    made = Store()
    made.pool("pool", "10.0.0.0/16")
    made.run()
    return made


def test_a_poll_does_a_part_and_asks_to_be_called_again_at_once(store: Store) -> None:
    for number in range(MANY):
        store.service(f"s{number:04}")
    polls, written = 0, 0
    again = True
    while again:
        writes, again = store.step()
        assert len(writes) <= ipam.STEPS
        written += len(writes)
        polls += 1
    assert written == MANY + 1  # and the pool
    assert polls > MANY / ipam.STEPS


def test_the_first_are_written_before_the_last_are_decided(store: Store) -> None:
    for number in range(MANY):
        store.service(f"s{number:04}")
    early = 0
    again = True
    while again:
        writes, again = store.step()
        early += len(writes) if again else 0
    assert early > ipam.STEPS


def test_what_waits_for_an_answer_is_not_worked_out_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All writes are denied, or under way → a poll makes no patch of them."""
    for number in range(MANY):
        store.service(f"s{number:04}")
    made = []
    assigned = status.assigned

    def counted(*given: object) -> object:
        made.append(given)
        return assigned(*given)  # type: ignore[arg-type]

    writes = store.poll()
    monkeypatch.setattr(status, "assigned", counted)
    store.poll()
    for write in writes:
        store.refuse(write, Refusal.DENIED)
    store.poll()
    assert made == []
    store.now += 600
    assert len(store.poll()) == len(writes)


def test_a_newer_view_amid_the_work_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipam, "STEPS", 1)
    for name in "ab":
        store.service(name)
    store.step()
    store.service("b", load_balancer_ip="10.0.9.9")
    store.service("a", type="ClusterIP")
    store.run()
    assert store.ips("a") == []
    assert store.ips("b") == ["10.0.9.9"]


@pytest.mark.parametrize("steps", range(12))
def test_pools_that_change_amid_the_work_move_nobody(
    store: Store, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(ipam, "STEPS", 1)
    for number in range(3):
        store.service(f"s{number}")
    store.run()
    had = [store.ip(f"s{number}") for number in range(3)]
    store.pool("pool", "10.0.0.0/15")
    for _ in range(steps):
        store.step()
    store.service("new")
    store.pool("pool", "10.0.0.0/16")
    store.pool("other", "10.9.0.0/16", service_selector=LabelSelector(match_labels=(("a", "b"),)))
    store.run()
    assert [store.ip(f"s{number}") for number in range(3)] == had
    assert store.ip("new") == "10.0.0.3"


@pytest.mark.parametrize("steps", range(12))
def test_a_new_tenure_amid_the_work_forgets_what_was_decided(
    monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """What another controller wrote meanwhile is what counts."""
    monkeypatch.setattr(ipam, "STEPS", 1)
    store = Store()
    store.pool("pool", "10.0.0.0/30")
    store.service("a")
    store.service("b")
    for _ in range(steps):
        store.step()
    store.service("a", ingress=ingress("10.0.0.3"))
    store.service("b", ingress=ingress("10.0.0.0"))
    store.ipam.begin()
    store.run()
    assert (store.ip("a"), store.ip("b")) == ("10.0.0.3", "10.0.0.0")


@pytest.mark.parametrize("steps", range(10))
def test_a_service_that_goes_amid_the_work_holds_nothing(
    monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(ipam, "STEPS", 1)
    store = Store()
    store.pool("pool", "10.0.0.0/32")
    store.service("a")
    store.service("b")
    writes = [write for _ in range(steps) for write in store.step()[0]]
    assert len(writes) <= 3
    store.delete("a")
    for write in writes:
        if write.key == svc("a"):
            store.refuse(write, Refusal.MISSING)
        else:
            store.carry_out(write)
    store.run()
    assert store.ip("b") == "10.0.0.0"


@pytest.mark.parametrize("steps", range(8))
def test_what_becomes_free_while_a_pool_is_taken_in_is_free(
    store: Store, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    for number in range(4):
        store.service(f"s{number}")
    store.run()
    monkeypatch.setattr(ipam, "STEPS", 1)
    store.pool("pool", "10.0.0.0/15")
    for _ in range(steps):
        for write in store.step()[0]:
            store.carry_out(write)
    for number in range(3):
        store.delete(f"s{number}")
    store.run()
    assert store.counts("pool") == (2**17, 2**17 - 1, 1)


@pytest.mark.parametrize("steps", range(8))
def test_the_last_pool_goes_amid_the_work(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """What it gave is taken back, however far the work had come."""
    store = Store()
    store.pool("pool", "10.0.0.0/30")
    for name in "ab":
        store.service(name)
    store.run()
    monkeypatch.setattr(ipam, "STEPS", 1)
    store.pool("pool", "10.0.0.0/29")
    for _ in range(steps):
        store.step()
    store.delete_pool("pool")
    store.run()
    assert [(store.ips(name), store.reason(name)) for name in "ab"] == [([], "no_pool")] * 2
