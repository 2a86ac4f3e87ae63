"""Who writes a status against us is put right, but not outpaced."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from l2announcer.core.facts import Refusal
from l2announcer.core.ipam.rivalry import (
    AT_ONCE,
    FIRST_WAIT_SECONDS,
    FORGOTTEN_SECONDS,
    LONGEST_WAIT_SECONDS,
)
from l2announcer.core.model import Kind
from tests.unit.core.ipam.store import Store, ingress

OURS = "10.0.0.0"
THEIRS = "192.0.2.1"


@pytest.fixture
def store() -> Store:
    made = Store()
    made.pool("pool", "10.0.0.0/29")
    made.service("a")
    made.run()
    assert made.ip("a") == OURS
    return made


def against(store: Store, seconds: int) -> int:
    """The other writes once a second for so long; how often he is put right."""
    return sum(_overruled(store) for _ in range(seconds))


def _overruled(store: Store) -> int:
    store.service("a", ingress=ingress(THEIRS))
    store.now += 1.0
    writes = store.poll()
    for write in writes:
        store.carry_out(write)
    return sum(write.kind is Kind.SERVICE for write in writes)


def contested(store: Store) -> int:
    return sum(event.reason == "AddressContested" for event in store.events)


def test_a_few_times_at_once_and_then_ever_more_slowly(store: Store) -> None:
    assert against(store, AT_ONCE) == AT_ONCE
    # after 2, 4, 8, 16, 32 and then every 60 seconds
    assert against(store, 62) == 5
    assert contested(store) == 1
    assert 9 <= against(store, 600) <= 10
    assert contested(store) == 1


def test_when_its_wait_is_over_it_is_put_right_without_any_event(store: Store) -> None:
    against(store, AT_ONCE)
    store.service("a", ingress=ingress(THEIRS))
    assert store.poll_services() == []
    assert store.ip("a") == THEIRS
    _, _, wake_at = store.ipam.poll(store.now, 0.0)
    assert wake_at <= store.now + FIRST_WAIT_SECONDS
    store.now = wake_at
    store.run()
    assert store.ip("a") == OURS


def peace(store: Store) -> None:
    store.now += FORGOTTEN_SECONDS


def another_wish(store: Store) -> None:
    for wish in ("10.0.0.3", OURS):
        store.service("a", load_balancer_ip=wish)
        store.run()


def another_service(store: Store) -> None:
    store.delete("a")
    store.service("a")
    store.run()


@pytest.mark.parametrize("end", [peace, another_wish, another_service])
def test_it_is_forgotten(store: Store, end: Callable[[Store], None]) -> None:
    against(store, 20)
    store.now += LONGEST_WAIT_SECONDS
    store.run()
    assert store.ip("a") == OURS
    end(store)
    assert against(store, 1) == 1


def test_a_write_that_is_refused_says_nothing_of_a_rival(store: Store) -> None:
    store.service("a", ingress=())
    for _ in range(3 * AT_ONCE):
        (write,) = store.poll_services()
        store.refuse(write, Refusal.UNAVAILABLE)
        store.now += 10.0
    store.run()
    assert store.ip("a") == OURS
    assert contested(store) == 0


def test_what_else_is_put_right_in_a_status_does_not_wait(store: Store) -> None:
    for _ in range(3 * AT_ONCE):
        store.service("a", conditions=())
        assert store.run() == 1
    assert contested(store) == 0
