"""Who takes what is free: by rank among those whose heartbeats say that they take part."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.controller import CONTROLLER_LEASE
from l2announcer.core.effects import LeaseWrite
from l2announcer.core.facts import Gone, Links, Resign, Seen
from l2announcer.core.heartbeat import DURATION_SECONDS, RENEW_SECONDS
from l2announcer.core.model import PREFERRED_NODE, Key, Kind, LabelSelector, Policy
from l2announcer.core.model import Node as NodeObject
from l2announcer.core.resignation import PAUSE_SECONDS
from l2announcer.core.terms import RANK_SECONDS
from tests.scenarios.driver import MAC, NODE, link
from tests.scenarios.history import HEARTBEAT, HERE, LEASE, L, Node, prepared, service


def preferring(node: Node, name: str) -> None:
    """Let the Service say which node is to have it."""
    wanted = replace(service(), annotations={PREFERRED_NODE: name})
    node.handle(Seen(Kind.SERVICE, node.stamped(wanted)))


@pytest.fixture
def second() -> Node:
    """A node that knows of two others; one of them is the Service's favourite, and has it."""
    node = prepared()
    preferring(node, "first")
    node.show(node.held_by_other(holderIdentity="third"))
    node.join("first")
    node.join("third")
    node.settle(1)
    return node


def release(node: Node) -> float:
    """The holder gives the Lease back; when."""
    node.show(node.held_by_other(holderIdentity="", leaseDurationSeconds=1))
    return node.now


def test_it_waits_for_the_favourite_and_takes_what_that_leaves(second: Node) -> None:
    released_at = release(second)
    second.settle(0.04)
    assert second.about() == []
    second.settle(0.1)
    assert second.handed_out_at == pytest.approx(released_at + RANK_SECONDS)
    assert second.answered == HERE


def test_it_writes_nothing_where_the_favourite_took_it(second: Node) -> None:
    release(second)
    second.settle(0.02)
    second.show(second.held_by_other(holderIdentity="first", leaseDurationSeconds=15))
    second.settle(1)
    assert second.about() == []


def test_the_favourite_takes_it_at_once(second: Node) -> None:
    preferring(second, NODE)
    second.settle()
    released_at = release(second)
    second.settle()
    assert second.about()[0][0] == released_at


def test_who_gave_it_back_is_not_waited_for(second: Node) -> None:
    preferring(second, "third")
    second.gone(Kind.LEASE, Key("kube-system", "l2announcer-node-first"))
    second.settle()
    released_at = release(second)
    second.settle()
    assert second.about()[0][0] == released_at


def test_a_lease_that_ran_out_is_taken_by_rank_too(second: Node) -> None:
    second.settle(L + 1)
    assert second.about()[0][0] == pytest.approx(1000.1 + L + RANK_SECONDS)
    assert second.answered == HERE


def test_a_favourite_whose_heartbeat_ran_out_is_not_waited_for(second: Node) -> None:
    for _ in range(20):
        second.settle(10)
        second.show(second.held_by_other(holderIdentity="third", renewTime=str(second.now)))
    assert second.now > 1000 + DURATION_SECONDS
    released_at = release(second)
    second.settle()
    assert second.about()[0][0] == released_at


def test_a_favourite_that_no_policy_selects_is_not_waited_for(second: Node) -> None:
    zone = LabelSelector(match_labels=(("zone", "a"),))
    second.see(NodeObject(key=Key("", NODE), labels={"zone": "a"}))
    second.see(Policy(key=Key("", "p"), external_ips=True, node_selector=zone))
    released_at = release(second)
    second.settle()
    assert second.about()[0][0] == released_at


def test_a_favourite_whose_node_is_gone_is_not_waited_for(second: Node) -> None:
    second.handle(Gone(Kind.NODE, Key("", "first"), str(second.version + 1)))
    released_at = release(second)
    second.settle()
    assert second.about()[0][0] == released_at


@pytest.mark.parametrize(("degraded", "leaving"), [(True, False), (False, True)])
def test_a_favourite_that_is_worse_off_is_not_waited_for(
    second: Node, degraded: bool, leaving: bool
) -> None:
    second.join("first", degraded=degraded, leaving=leaving)
    released_at = release(second)
    second.settle()
    assert second.about()[0][0] == released_at


def test_a_new_service_waits_for_its_favourite_once_it_is_known() -> None:
    node = Node()
    node.warm()
    node.join("other")
    node.see(Policy(key=Key("", "p"), external_ips=True))
    node.handle(
        Seen(Kind.SERVICE, node.stamped(replace(service(), annotations={PREFERRED_NODE: "other"})))
    )
    created_at = node.now
    node.settle(0.2)
    assert node.about()[0][0] == pytest.approx(created_at + RANK_SECONDS)
    assert node.answered == HERE


# The heartbeat


def beats(node: Node) -> list[float]:
    return [at for at, _ in node.about(HEARTBEAT)]


def test_a_node_says_at_once_that_it_takes_part_and_rarely_afterwards() -> None:
    node = prepared()
    for _ in range(10):
        node.settle(60)
    first, *rest = beats(node)
    assert first == 1000.0
    gaps = [b - a for a, b in zip([first, *rest], rest, strict=False)]
    assert all(RENEW_SECONDS * 0.94 < gap < RENEW_SECONDS * 1.06 for gap in gaps)
    assert node.leases[HEARTBEAT]["spec"]["leaseDurationSeconds"] == DURATION_SECONDS
    assert node.leases[HEARTBEAT]["spec"]["holderIdentity"] == NODE


def test_what_it_says_of_itself_is_written_when_that_changes() -> None:
    node = prepared()
    node.see(Policy(key=Key("", "p"), external_ips=True, interfaces=("^eth",)))
    node.settle(10)
    before = len(beats(node))
    node.handle(Links((link(), link("eth1", 3, carrier=False))))
    node.settle(0.1)
    assert len(beats(node)) == before + 1
    annotation = node.leases[HEARTBEAT]["metadata"]["annotations"]["l2announcer.io/holder"]
    assert '"degraded":true' in annotation
    node.settle(20)
    assert len(beats(node)) == before + 1
    assert (
        '"degraded"' not in node.leases[LEASE]["metadata"]["annotations"]["l2announcer.io/holder"]
    )


def test_interfaces_of_pods_that_come_and_go_are_nothing_to_tell() -> None:
    node = prepared()
    node.settle(5)
    before = len(beats(node))
    for number in range(30):
        pod = link(f"lxc{number}", 10 + number, bytes([2, 0, 0, 0, 1, number]))
        node.handle(Links((link(), pod)))
        node.settle(1)
    assert len(beats(node)) == before
    for name in (HEARTBEAT, LEASE):
        annotation = node.leases[name]["metadata"]["annotations"]["l2announcer.io/holder"]
        assert f'"macs":["{MAC.hex(":")}"]' in annotation


def test_who_stops_gives_its_heartbeat_back_after_its_services() -> None:
    node = prepared()
    node.settle(5)
    node.calls.clear()
    node.handle(Resign())
    for expected in ([LEASE], [], [CONTROLLER_LEASE, HEARTBEAT]):
        effects = node.poll()
        assert not node.announcer.released
        assert [call.name for call in effects.calls if isinstance(call, LeaseWrite)] == expected
        if not node.carry_out(effects):
            assert effects.wake_at == node.now + PAUSE_SECONDS
            node.now = effects.wake_at
    assert node.announcer.released
    assert node.leases[HEARTBEAT]["spec"]["holderIdentity"] == ""


def test_a_heartbeat_takes_no_room_from_the_services() -> None:
    node = prepared()
    node.settle(5)
    assert node.announcer.terms.renew_seconds == 2.0
    assert node.answered == HERE
