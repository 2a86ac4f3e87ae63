"""A Service that is deleted leaves a Lease behind; the controller deletes it, and no other."""

from __future__ import annotations

from l2announcer.core.effects import DeleteLease, ReadServices
from l2announcer.core.lease import body
from l2announcer.core.model import Holding, Key, Kind, LeaseRecord
from l2announcer.core.model import Node as KubernetesNode
from tests.scenarios.history import BLUE, HEARTBEAT, HERE, LEASE, Node, service

REST = 600.0
LATEST = REST + 15 + 120


def wait(node: Node, seconds: float) -> None:
    """Let time pass, also more than is usual in a history."""
    while seconds > 0:
        node.settle(min(seconds, 60.0))
        seconds -= 60.0


def deletions(node: Node) -> list[str]:
    return [call.name for _, call in node.calls if isinstance(call, DeleteLease)]


def test_the_lease_of_a_deleted_service_is_deleted_after_a_rest(node: Node) -> None:
    node.gone(Kind.SERVICE, BLUE)
    assert node.answered == set()
    wait(node, REST)
    assert LEASE in node.leases
    node.calls.clear()
    wait(node, LATEST - REST)
    assert LEASE not in node.leases
    assert deletions(node) == [LEASE]
    assert sum(isinstance(call, ReadServices) for _, call in node.calls) == 1


def test_one_that_comes_again_keeps_it(node: Node) -> None:
    node.gone(Kind.SERVICE, BLUE)
    wait(node, REST / 2)
    node.see(service())
    wait(node, 2 * LATEST)
    assert deletions(node) == []
    assert node.answered == HERE


def test_a_stranger_s_lease_stays_whatever_became_of_its_service(node: Node) -> None:
    node.gone(Kind.SERVICE, BLUE)
    node.show(node.put_lease(LEASE, holderIdentity="cilium", renewTime="t1"))
    wait(node, 2 * LATEST)
    assert deletions(node) == []


def test_only_the_controller_deletes(node: Node) -> None:
    record = node.put_lease("l2announcer-controller", holderIdentity="other", renewTime="t1")
    node.show(record)
    node.gone(Kind.SERVICE, BLUE)
    for number in range(100):
        wait(node, LATEST / 50)
        node.show(node.put_lease("l2announcer-controller", renewTime=f"u{number}"))
    assert deletions(node) == []


def test_the_heartbeat_of_a_deleted_node_is_deleted(node: Node) -> None:
    record = LeaseRecord(
        name="l2announcer-node-away",
        resource_version="",
        holder="away",
        duration_seconds=180,
        renew_time="2026-03-01T10:00:00.000000Z",
        holding=Holding(boot="b", netns=1),
    )
    made = body(name=record.name, namespace="kube-system", read=None, record=record)
    node.leases[record.name] = {**made, "metadata": {**made["metadata"], "uid": "u"}}
    node.see(KubernetesNode(key=Key("", "away")))
    node.show(node.put_lease(record.name))
    wait(node, LATEST + 180)
    assert deletions(node) == []
    node.gone(Kind.NODE, Key("", "away"))
    wait(node, LATEST)
    assert deletions(node) == [record.name]
    assert record.name not in node.leases
    assert HEARTBEAT in node.leases, "our own"
