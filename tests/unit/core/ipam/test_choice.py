"""From which pool: priorities, pools named by a Service, one address of each of several."""

from __future__ import annotations

import pytest

from l2announcer.core.model import LabelSelector
from tests.unit.core.ipam.store import Store, ingress

POOLS = "l2announcer.io/pools"
PRIORITY = "l2announcer.io/priority"
V4, V6 = "IPv4", "IPv6"


@pytest.fixture
def store() -> Store:
    made = Store()
    made.pool("lan", "10.0.0.0/30")
    made.pool("dmz", "10.1.0.0/30")
    made.pool("tiny", "10.2.0.0/32")
    made.run()
    return made


def from_pools(store: Store, name: str, text: str) -> list[str]:
    store.service(name, annotations={POOLS: text})
    store.run()
    return store.ips(name)


def rank(store: Store, name: str, text: str) -> None:
    store.pool(name, annotations={PRIORITY: text})
    store.run()


@pytest.mark.parametrize("number", ["1", "+7", " 999999999 "])
def test_a_pool_of_higher_priority_comes_first(store: Store, number: str) -> None:
    rank(store, "dmz", number)
    store.service("a")
    store.run()
    assert store.ips("a") == ["10.1.0.0"]


def test_a_lower_priority_comes_last(store: Store) -> None:
    rank(store, "lan", "-1")
    store.service("a")
    store.run()
    assert store.ips("a") == ["10.1.0.0"]


def test_a_change_of_priorities_moves_nobody(store: Store) -> None:
    store.service("a")
    store.run()
    rank(store, "dmz", "5")
    assert store.ips("a") == ["10.0.0.0"]
    store.restart()
    assert store.run() == 0


@pytest.mark.parametrize("text", ["high", "", "1.5", "1_0", "12345678901", "٣"])
def test_a_priority_that_is_no_number_counts_as_none_and_is_told(store: Store, text: str) -> None:
    rank(store, "dmz", text)
    store.service("a")
    store.run()
    assert store.ips("a") == ["10.0.0.0"]
    told = store.pool_condition("dmz", "l2announcer.io/BadPriority")
    assert told.status == "True"
    assert PRIORITY in told.message
    rank(store, "dmz", "3")
    assert store.pool_condition("dmz", "l2announcer.io/BadPriority").status == "False"


def test_a_priority_does_not_decide_a_conflict(store: Store) -> None:
    store.pool("late", "10.0.0.0/31", annotations={PRIORITY: "9"})
    store.run()
    assert store.conflicting("late")
    assert not store.conflicting("lan")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dmz", ["10.1.0.0"]),
        (" dmz ", ["10.1.0.0"]),
        ("", ["10.0.0.0"]),
        ("dmz, lan", ["10.1.0.0"]),
        ("none, dmz", ["10.1.0.0"]),
        ("dmz + lan", ["10.1.0.0", "10.0.0.0"]),
        ("lan+lan", ["10.0.0.0", "10.0.0.1"]),
        ("tiny,lan+tiny,dmz", ["10.2.0.0", "10.1.0.0"]),
    ],
)
def test_pools_that_a_service_names(store: Store, text: str, expected: list[str]) -> None:
    """',' stands between alternatives, '+' where one of each is wanted."""
    assert from_pools(store, "a", text) == expected
    assert store.reason("a") == "satisfied"
    store.restart()
    assert store.run() == 0


def test_the_next_alternative_when_the_first_is_full(store: Store) -> None:
    assert from_pools(store, "a", "tiny,dmz") == ["10.2.0.0"]
    assert from_pools(store, "b", "tiny,dmz") == ["10.1.0.0"]
    assert from_pools(store, "c", "tiny") == []
    assert store.reason("c") == "out_of_ips"
    assert f"named by the annotation {POOLS} is taken (tiny)" in store.condition("c").message


def test_one_of_each_for_both_families(store: Store) -> None:
    store.pool("lan6", "fd00::/120")
    both = {"ip_families": (V4, V6), "ip_family_policy": "RequireDualStack"}
    store.service("a", annotations={POOLS: "lan,lan6"}, **both)
    store.service("b", annotations={POOLS: "lan+lan6"}, **both)
    store.run()
    assert store.ips("a") == ["10.0.0.0", "fd00::"]
    assert store.ips("b") == ["10.0.0.1", "fd00::1"]
    assert "pool lan has no IPv6 addresses" in store.condition("b").message


def test_what_fits_is_kept_when_the_annotation_changes(store: Store) -> None:
    store.service("a")
    store.run()
    assert from_pools(store, "a", "dmz+lan") == ["10.0.0.0", "10.1.0.0"]
    assert from_pools(store, "a", "dmz") == ["10.1.0.0"]
    assert from_pools(store, "a", "lan,dmz") == ["10.1.0.0"]
    assert from_pools(store, "a", "lan") == ["10.0.0.0"]


def test_which_need_an_address_meets_does_not_hang_on_its_place(store: Store) -> None:
    """One of lan or dmz, and one of dmz or tiny: an address of each of lan and dmz is enough."""
    for name, shown in (("a", ("10.0.0.1", "10.1.0.1")), ("b", ("10.1.0.2", "10.0.0.2"))):
        store.service(name, annotations={POOLS: "lan,dmz+dmz,tiny"}, ingress=ingress(*shown))
        store.run()
        assert store.ips(name) == list(shown)


def test_naming_a_pool_does_not_widen_its_selector(store: Store) -> None:
    red = LabelSelector(match_labels=(("color", "red"),))
    store.pool("lan", service_selector=red)
    assert from_pools(store, "a", "lan") == []
    assert store.reason("a") == "no_pool"
    assert "serviceSelector of pool lan does not select it" in store.condition("a").message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("none", "there is no pool none"),
        ("closed", "pool closed is disabled"),
        ("lan+none", "there is no pool none"),
    ],
)
def test_why_a_named_pool_gives_nothing(store: Store, text: str, words: str) -> None:
    store.pool("closed", "10.3.0.0/24", disabled=True)
    from_pools(store, "a", text)
    assert store.reason("a") == "no_pool"
    assert words in store.condition("a").message


@pytest.mark.parametrize("text", ["lan++dmz", "+", "lan,", "Lan", "lan dmz"])
def test_names_that_are_none_are_told_and_nothing_is_given(store: Store, text: str) -> None:
    assert from_pools(store, "a", text) == []
    assert store.reason("a") == "invalid_request"
    assert POOLS in store.condition("a").message


def test_an_address_by_name_must_be_of_a_named_pool(store: Store) -> None:
    store.service("a", annotations={POOLS: "dmz"}, load_balancer_ip="10.0.0.2")
    store.run()
    assert (store.ips("a"), store.reason("a")) == ([], "pool_selector_mismatch")
    assert "does not name that pool" in store.condition("a").message


def test_sharing_gives_one_of_each_pool(store: Store) -> None:
    shared = {"lbipam.cilium.io/sharing-key": "k", POOLS: "lan+dmz"}
    for name in "ab":
        store.service(name, annotations=shared)
    store.run()
    assert store.ips("a") == store.ips("b") == ["10.0.0.0", "10.1.0.0"]


def test_two_shared_addresses_of_one_pool_are_two(store: Store) -> None:
    shared = {"lbipam.cilium.io/sharing-key": "k", POOLS: "lan+lan"}
    for name in "ab":
        store.service(name, annotations=shared)
        store.run()
        assert store.ips(name) == ["10.0.0.0", "10.0.0.1"]
