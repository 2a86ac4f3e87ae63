"""Leases that heartbeats keep: taken from who is silent only after it was fenced."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core import lease
from l2announcer.core.effects import LeaseWrite
from l2announcer.core.model import Holding, Key, Kind, LeaseRecord
from tests.scenarios.driver import NODE
from tests.scenarios.history import HERE, LEASE, Node, prepared, service

GREEN, GREEN_LEASE = Key("default", "green"), "cilium-l2announce-default-green"
OTHER_BEAT = "l2announcer-node-other"
THEIRS = Holding(boot="theirs", netns=1, mode="node")


def show(node: Node, record: LeaseRecord) -> None:
    """Somebody else writes a Lease, and the watch tells."""
    node.version += 1
    record = replace(record, renew_time=f"t{node.version}")
    raw = lease.body(name=record.name, namespace="kube-system", read=None, record=record)
    raw["metadata"]["resourceVersion"] = str(node.version)
    node.leases[record.name] = raw
    node.show(lease.decode(raw))


def beat(number: int = 4, holder: str = "other") -> LeaseRecord:
    return LeaseRecord(
        name=OTHER_BEAT,
        resource_version="",
        holder=holder,
        duration_seconds=3,
        transitions=number,
        holding=THEIRS,
    )


def kept_by_other(number: int = 4, name: str = LEASE) -> LeaseRecord:
    return LeaseRecord(
        name=name,
        resource_version="",
        holder="other",
        duration_seconds=lease.ENDLESS_SECONDS,
        transitions=1,
        holding=replace(THEIRS, heartbeat=number),
    )


@pytest.fixture
def node() -> Node:
    """A node that would announce blue, which another holds by its heartbeat."""
    node = prepared()
    show(node, beat())
    show(node, kept_by_other())
    node.settle(1)
    return node


def written(node: Node) -> list[tuple[str, float]]:
    """What was written that is about the other, and when."""
    return [
        (call.name, at)
        for at, call in node.calls
        if isinstance(call, LeaseWrite) and call.name in {OTHER_BEAT, LEASE}
    ]


def test_it_is_left_to_a_node_that_beats(node: Node) -> None:
    for _ in range(20):
        show(node, beat())
        node.settle(1)
    assert written(node) == []


def test_from_a_silent_one_it_is_taken_after_its_heartbeat_was_fenced(node: Node) -> None:
    show(node, beat())
    seen_at = node.now
    node.settle(3.2)
    (fenced, fenced_at), (taken, taken_at), *_ = written(node)
    assert (fenced, taken) == (OTHER_BEAT, LEASE)
    assert fenced_at == pytest.approx(seen_at + 3.0)
    assert taken_at == pytest.approx(fenced_at, abs=0.06)
    assert node.leases[OTHER_BEAT]["spec"]["holderIdentity"] == ""
    assert node.leases[OTHER_BEAT]["spec"]["leaseTransitions"] == 5
    assert node.spec["holderIdentity"] == NODE
    assert node.answered == HERE


def test_one_that_renewed_meanwhile_is_not_fenced(node: Node) -> None:
    renewed = node.leases[OTHER_BEAT]["spec"] | {"renewTime": "later"}
    node.put_lease(OTHER_BEAT, **renewed)  # our watch has not told yet
    node.settle(4)
    assert written(node)[0][0] == OTHER_BEAT
    assert node.leases[OTHER_BEAT]["spec"]["holderIdentity"] == "other"
    assert node.holder(Key("default", "blue")) == "other"
    assert node.answered == set()


def test_what_one_that_stops_releases_at_once_is_free_at_once(node: Node) -> None:
    show(node, beat(holder=""))
    released_at = node.now
    node.settle(0.2)
    ((name, at), *_) = written(node)
    assert name == LEASE
    assert at == pytest.approx(released_at, abs=0.06)
    assert node.answered == HERE


def test_one_that_another_node_fenced_is_not_fenced_twice(node: Node) -> None:
    show(node, beat(5, holder=""))
    node.settle(1)
    assert OTHER_BEAT not in {name for name, _ in written(node)}
    assert node.answered == HERE


def test_a_missing_heartbeat_is_no_dead_node(node: Node) -> None:
    del node.leases[OTHER_BEAT]
    node.gone(Kind.LEASE, Key("kube-system", OTHER_BEAT))
    node.settle(14)
    assert written(node) == []
    node.settle(2)
    assert node.leases[OTHER_BEAT]["spec"]["leaseTransitions"] == 5
    assert node.answered == HERE


@pytest.mark.parametrize("theirs", [(LEASE, GREEN_LEASE), (LEASE,), (GREEN_LEASE,)])
def test_of_a_group_all_are_taken_from_a_silent_one(theirs: tuple[str, ...]) -> None:
    node = prepared()
    show(node, beat())
    for name in theirs:
        show(node, kept_by_other(name=name))
    node.see(service(GREEN))
    show(node, beat())
    node.settle(2.9)
    assert node.answered == set()
    node.settle(0.5)
    assert node.leases[OTHER_BEAT]["spec"]["leaseTransitions"] == 5
    assert node.holder(Key("default", "blue")) == node.holder(GREEN) == NODE
    assert node.answered == HERE
