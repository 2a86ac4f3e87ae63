"""Conflicts of pools, faults and counts, and how a pool's status tells of them."""

from __future__ import annotations

import pytest

from l2announcer.core.model import (
    Block,
    Condition,
    Key,
    LabelSelector,
    Requirement,
)
from tests.unit.core.ipam.store import Store

CONFLICT = "cilium.io/PoolConflict"
BAD_BLOCK = "l2announcer.io/BadBlock"
RED = LabelSelector(match_labels=(("color", "red"),))


@pytest.fixture
def store() -> Store:
    return Store()


def test_the_newer_of_two_overlapping_pools_is_in_conflict(store: Store) -> None:
    """Pool b overlaps a → b gives nothing, of either family; the block removed → it gives."""
    store.pool("a", "10.0.0.0/24")
    store.pool("b", "10.0.0.128-10.0.1.5", "fd00::/120")
    store.service("s", ip_families=("IPv6",))
    store.run()
    assert (store.conflicting("a"), store.conflicting("b")) == (False, True)
    condition = store.pool_condition("b", CONFLICT)
    assert condition.reason == "cidr_overlap"
    for words in ("10.0.0.128 to 10.0.1.5", "10.0.0.0 to 10.0.0.255", "older pool a"):
        assert words in condition.message
    assert store.ips("s") == []
    assert "pool b is in conflict" in store.condition("s").message
    store.pool("b", "fd00::/120")
    store.run()
    assert not store.conflicting("b")
    assert store.pool_condition("b", CONFLICT).reason == "resolved"
    assert store.ips("s") == ["fd00::"]


def test_the_older_wins_also_when_it_is_edited_into_the_overlap(store: Store) -> None:
    """Pool a, the older, is widened over b → b is in conflict; a is deleted → b gives again."""
    store.pool("a", "10.0.0.0/25")
    store.pool("b", "10.0.0.128/25", service_selector=RED)
    store.service("s", labels={"color": "red"}, load_balancer_ip="10.0.0.200")
    store.run()
    store.pool("a", "10.0.0.0/24", disabled=True)
    store.run()
    assert store.conflicting("b")
    assert store.ip("s") == "10.0.0.200"
    store.delete_pool("a")
    store.run()
    assert not store.conflicting("b")
    assert store.ip("s") == "10.0.0.200"


def test_equal_ages_go_by_name(store: Store) -> None:
    """Two made in the same second → the name decides, whichever came first."""
    store.pool("b", "10.0.0.0/24", created="same")
    store.pool("a", "10.0.0.255/32", created="same")
    store.run()
    assert (store.conflicting("a"), store.conflicting("b")) == (False, True)


def test_overlap_within_a_pool(store: Store) -> None:
    """Two blocks of one pool overlap → in conflict; one removed → not."""
    store.pool("a", "10.0.0.0/24", "10.0.0.255-10.0.1.1")
    store.run()
    assert store.conflicting("a")
    assert "of this same pool" in store.pool_condition("a", CONFLICT).message
    store.pool("a", "10.0.0.0/24")
    store.run()
    assert not store.conflicting("a")


def test_a_pool_that_conflicts_only_with_a_conflicting_one_is_sound(store: Store) -> None:
    """Pool b overlaps a and c, a and c don't touch → b alone is in conflict."""
    store.pool("a", "10.0.0.0-10.0.0.9")
    store.pool("b", "10.0.0.5-10.0.0.15")
    store.pool("c", "10.0.0.12-10.0.0.20")
    store.run()
    assert [store.conflicting(name) for name in "abc"] == [False, True, False]


def test_conflicts_of_thousands_of_blocks_are_found_at_once(store: Store) -> None:
    """Two pools of 4,000 single addresses each, the last of one is the first of the other."""
    addresses = [f"10.0.{n // 256}.{n % 256}" for n in range(7_999)]
    store.pool("a", *reversed(addresses[:4_000]))
    store.pool("b", *addresses[3_999:])
    store.run()
    assert (store.conflicting("a"), store.conflicting("b")) == (False, True)
    assert "block 10.0.15.159 to 10.0.15.159" in store.pool_condition("b", CONFLICT).message


def test_counts_of_two_blocks(store: Store) -> None:
    """Two /24, one address used → 512, 511, 1; the unused block removed → 256, 255, 1."""
    store.pool("pool", "10.0.0.0/24", "10.0.1.0/24")
    store.service("a")
    store.run()
    assert store.counts("pool") == (512, 511, 1)
    store.pool("pool", "10.0.0.0/24")
    store.run()
    assert store.counts("pool") == (256, 255, 1)


def test_counts_of_a_huge_pool(store: Store) -> None:
    """A /64 → exact numbers of twenty digits."""
    store.pool("pool", "fd00::/64")
    store.service("a", ip_families=("IPv6",))
    store.run()
    assert store.counts("pool") == (2**64, 2**64 - 1, 1)


def test_a_pool_is_written_on_change_only(store: Store) -> None:
    """Nothing changed → nothing written; the time of a condition is that of its last change."""
    store.pool("pool", "10.0.0.0/24")
    store.service("a")
    store.run()
    written = len(store.written)
    since = store.pool_condition("pool", "cilium.io/IPsUsed").last_transition_time
    store.restart()
    store.run()
    assert len(store.written) == written
    store.service("b")
    store.run()
    assert store.pool_condition("pool", "cilium.io/IPsUsed").last_transition_time == since


def test_counts_are_written_once_a_second(store: Store) -> None:
    """Ten Services one after another within a second → the pool is written once, and once after."""
    store.pool("pool", "10.0.0.0/24")
    store.run()
    store.written.clear()
    store.service("first")
    store.now += 5
    for number in range(10):
        store.service(f"s{number}")
        for write in store.poll():
            store.carry_out(write)
    assert sum(write.key.name == "pool" for write in store.written) == 1
    _, _, wake_at = store.ipam.poll(store.now, 0.0)
    assert wake_at == store.now + 1
    store.run()
    assert store.counts("pool") == (256, 245, 11)


def test_other_conditions_of_a_pool_stay(store: Store) -> None:
    """Somebody else's condition → kept."""
    other = Condition(type="example.com/x", status="True", reason="r")
    store.pool("pool", "10.0.0.0/24", conditions=(other,))
    store.run()
    assert other in store.pools[Key("", "pool")].conditions


def test_a_bad_block_harms_itself_only(store: Store) -> None:
    """One block is nonsense → a condition says so, the other gives; mended → it is False."""
    store.pool("pool", blocks=(Block(start="10.0.0.9", stop="10.0.0.1"), Block(cidr="10.0.1.0/24")))
    store.service("a")
    store.run()
    assert store.ips("a") == ["10.0.1.0"]
    condition = store.pool_condition("pool", BAD_BLOCK)
    assert condition.status == "True"
    assert "spec.blocks[0]: start 10.0.0.9 is after stop 10.0.0.1" in condition.message
    store.pool("pool", "10.0.0.1-10.0.0.9", "10.0.1.0/24")
    store.run()
    condition = store.pool_condition("pool", BAD_BLOCK)
    assert (condition.status, condition.message) == ("False", "")
    assert store.ips("a") == ["10.0.1.0"]


def test_a_block_edited_into_nonsense_keeps_what_it_gave(store: Store) -> None:
    """A typo in a block in use → its Service keeps the address, new ones get none of it."""
    store.pool("pool", "10.0.0.0/24")
    store.service("a")
    store.run()
    store.pool("pool", blocks=(Block(cidr="10.0.0.0/240"),))
    store.service("b")
    store.run()
    assert (store.ips("a"), store.ips("b")) == (["10.0.0.0"], [])
    store.pool("pool", "10.0.0.0/24")
    store.run()
    assert (store.ips("a"), store.ips("b")) == (["10.0.0.0"], ["10.0.0.1"])


def test_a_bad_selector_keeps_what_the_pool_gave(store: Store) -> None:
    """The selector is edited into nonsense → told on the pool; nothing withdrawn, nothing given."""
    store.pool("pool", "10.0.0.0/24")
    store.service("a")
    store.run()
    bad = LabelSelector(match_expressions=(Requirement(key="x", operator="In"),))
    store.pool("pool", service_selector=bad)
    store.service("b")
    store.run()
    store.restart()
    store.run()
    condition = store.pool_condition("pool", "l2announcer.io/BadSelector")
    assert condition.status == "True"
    assert "spec.serviceSelector.matchExpressions[0]" in condition.message
    assert (store.ips("a"), store.ips("b")) == (["10.0.0.0"], [])


def test_automatic_addresses_come_from_the_oldest_pool_first(store: Store) -> None:
    """Pools in the order of their making, blocks in the order of the spec."""
    store.pool("z", "10.0.9.9", "10.0.0.1")
    store.pool("a", "10.0.5.5")
    for name in "abcd":
        store.service(name)
    store.run()
    assert [store.ips(name) for name in "abcd"] == [["10.0.9.9"], ["10.0.0.1"], ["10.0.5.5"], []]
