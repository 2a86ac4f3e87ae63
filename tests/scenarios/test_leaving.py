"""A node that is on its way out: it keeps answering, says so, and lets others go first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core import lease
from l2announcer.core.candidacy import State
from l2announcer.core.controller import CONTROLLER_LEASE
from l2announcer.core.effects import LeaseWrite
from l2announcer.core.model import Key, Kind
from l2announcer.core.model import Node as KubernetesNode
from l2announcer.core.terms import RANK_SECONDS
from tests.scenarios.driver import NODE
from tests.scenarios.history import BLUE, HERE, LEASE, L, Node, prepared

OWN = KubernetesNode(key=Key("", NODE))
CORDONED = replace(OWN, unschedulable=True)
OTHER = KubernetesNode(key=Key("", "other"))


def says_leaving(node: Node) -> bool:
    holding = lease.decode(node.leases[LEASE]).holding
    assert holding is not None
    return holding.leaving


def first_write(node: Node) -> float:
    return next(at for at, call in node.about() if isinstance(call, LeaseWrite))


def test_a_holder_that_is_cordoned_says_so_at_once_and_goes_on(node: Node) -> None:
    node.see(OTHER)
    node.settle(1)
    assert not says_leaving(node)
    node.see(CORDONED)
    assert says_leaving(node)
    assert len(node.about()) == 1, "one write more than the renewals, and sooner"
    assert node.about(CONTROLLER_LEASE), "of whatever it holds"
    node.settle(60)
    assert node.answered == HERE
    assert node.state(BLUE)[0] is State.ANNOUNCING


def test_one_that_is_uncordoned_takes_its_word_back(node: Node) -> None:
    node.see(CORDONED)
    node.settle(5)
    node.see(OWN)
    node.settle(1)
    assert not says_leaving(node)
    assert node.answered == HERE


def test_its_word_is_told_in_the_log(node: Node) -> None:
    node.see(CORDONED)
    told = [each for each in node.transitions if each.what == "leaving"]
    assert [each.reason for each in told] == [
        "Node worker: is cordoned: kubectl uncordon lets it take part again"
    ]


def test_what_is_free_is_left_to_those_that_stay_and_taken_when_none_did() -> None:
    node = prepared()
    node.show(node.held_by_other(holderIdentity="third"))
    node.join("other")
    node.see(CORDONED)
    released_at = node.now
    node.show(node.held_by_other(holderIdentity="", leaseDurationSeconds=1))
    node.settle(RANK_SECONDS - 0.001)
    assert node.about() == []
    state, why = node.state(BLUE)
    assert state is State.CANDIDATE
    assert why == f"Lease {LEASE} is free; this node is leaving, and takes it if no other does"
    node.settle(1)
    assert first_write(node) == pytest.approx(released_at + RANK_SECONDS)
    assert node.answered == HERE
    assert says_leaving(node)


@pytest.mark.parametrize("other", [OTHER, replace(OTHER, unschedulable=True)])
def test_who_takes_part_alone_waits_for_nobody(other: KubernetesNode) -> None:
    node = prepared()
    node.show(node.held_by_other())
    node.see(other)  # has no daemon
    node.see(CORDONED)
    released_at = node.now
    node.show(node.held_by_other(holderIdentity="", leaseDurationSeconds=1))
    node.settle(1)
    assert first_write(node) == released_at
    assert node.answered == HERE


def test_who_waits_for_another_stops_when_that_one_is_deleted() -> None:
    node = prepared()
    node.show(node.held_by_other())
    others = [f"other{number}" for number in range(30)]
    for name in others:
        node.join(name)
    node.see(CORDONED)
    node.show(node.held_by_other(holderIdentity="", leaseDurationSeconds=1))
    node.settle(0.5)
    assert node.about() == []
    for name in others:
        node.gone(Kind.NODE, Key("", name))
    assert node.answered == HERE


def test_an_outage_of_all_kubelets_moves_nothing(node: Node) -> None:
    unknown = {"Ready": "Unknown"}
    node.see(replace(OTHER, conditions=unknown))
    node.see(replace(OWN, conditions=unknown))
    node.settle(3 * L)
    assert node.answered == HERE
    assert node.holder(BLUE) == NODE
