"""The cluster's store is restored from a backup: its versions, Leases and Services go back."""

from __future__ import annotations

import copy

import pytest

from l2announcer.core import lease
from l2announcer.core.facts import Listed
from l2announcer.core.model import Key, Kind
from tests.scenarios.history import BLUE, HERE, LEASE, VIP, L, Node, R, prepared, service

CYAN = Key("default", "cyan")


def restore(node: Node, leases: dict[str, dict[str, object]], version: int) -> None:
    """The store is as it was at `version`, and lists say so."""
    node.version = version
    node.leases = copy.deepcopy(leases)
    records = tuple(lease.decode(raw) for raw in node.leases.values())
    services = tuple(
        each
        for each in node.announcer.cluster.services.values()
        if int(each.resource_version or "0") <= version
    )
    node.handle(
        Listed(Kind.LEASE, records, str(version), restored=True),
        Listed(Kind.SERVICE, services, str(version), restored=True),
    )


def test_a_holder_answers_through_it_and_renews_what_it_finds(node: Node) -> None:
    backup, version = copy.deepcopy(node.leases), node.version
    node.settle(4 * R)
    restore(node, backup, version)
    before = node.spec["renewTime"]
    assert node.answered == HERE
    for _ in range(10):
        node.settle(1)
        assert node.answered == HERE
    assert node.spec["renewTime"] > before
    assert node.spec["leaseTransitions"] == 0


def test_a_lease_that_the_backup_does_not_have_is_made_again_at_once(node: Node) -> None:
    node.settle(4 * R)
    restore(node, {}, 105)
    assert node.answered == set()
    node.settle(1.1)
    assert node.answered == HERE
    assert node.spec["holderIdentity"] == "worker"


def test_a_service_of_the_lost_history_is_answered_for_no_more(node: Node) -> None:
    version = node.version
    node.see(service(CYAN, "172.19.0.241"))
    node.settle()
    assert ("172.19.0.241", "eth0") in node.answered
    restore(node, node.leases, version)
    node.settle()
    assert node.answered == HERE
    node.see(service(CYAN, VIP))  # at a version that the lost history had too
    assert node.announcer.cluster.services.get(CYAN) is not None


@pytest.mark.parametrize("rank", [0, 2])
def test_who_stood_by_goes_on_standing_by(rank: int) -> None:
    node = prepared(rank=rank)
    node.show(node.held_by_other(renewTime="t1"))
    node.settle()
    backup, version = copy.deepcopy(node.leases), node.version
    node.settle(R)
    node.show(node.held_by_other(renewTime="t2"))
    node.settle(R)
    restore(node, backup, version)
    node.settle(L - 0.001)
    assert node.holder(BLUE) == "other"
    node.show(node.held_by_other(renewTime="t3"))
    node.settle(L - 0.001)
    assert node.holder(BLUE) == "other"
    assert node.answered == set()
    assert not [call for _, call in node.about(LEASE)]
