"""externalTrafficPolicy Local: the Lease follows the endpoints, and nobody answers without one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from l2announcer.core import lease
from l2announcer.core.candidacy import State
from l2announcer.core.effects import LeaseWrite
from l2announcer.core.facts import Refusal, Resign, Seen
from l2announcer.core.lease import body
from l2announcer.core.model import EndpointSlice, Key, Kind, LeaseRecord, Policy, Service, Span
from tests.scenarios.driver import NODE, holding
from tests.scenarios.history import BLUE, HERE, LEASE, L, Node, prepared, service

LOCAL = replace(service(), external_traffic_policy="Local")
NOWHERE: Iterable[str] = ()


def slice_(ready: Iterable[str] = NOWHERE, draining: Iterable[str] = NOWHERE) -> EndpointSlice:
    return EndpointSlice(
        key=Key("default", "blue-1"),
        service=BLUE,
        ready=frozenset(ready),
        draining=frozenset(draining),
    )


def place(node: Node, found: EndpointSlice) -> None:
    """The endpoints are there from now on, and the watch says so."""
    stamped = node.stamped(found)
    node.slices[found.key] = stamped
    if node.span.covers(found.service.name):
        node.handle(Seen(Kind.ENDPOINT_SLICE, stamped))
    node.settle()


def local(found: EndpointSlice, *, away: bool = False) -> Node:
    """A node whose cluster has a Local Service with these endpoints, settled."""
    node = Node()
    node.away = away
    node.slices[found.key] = node.stamped(found)
    node.warm()
    node.handle(Seen(Kind.POLICY, node.stamped(Policy(key=Key("", "p"), external_ips=True))))
    node.handle(Seen(Kind.SERVICE, node.stamped(LOCAL)))
    node.settle()
    return node


def mine() -> dict[str, Any]:
    """The Lease as this boot of this node wrote it, before the daemon started again."""
    instant = "2026-03-01T10:00:00.000000Z"
    record = LeaseRecord(
        name=LEASE,
        resource_version="",
        holder=NODE,
        duration_seconds=15,
        acquire_time=instant,
        renew_time=instant,
        transitions=4,
        holding=holding(),
    )
    return body(name=LEASE, namespace="kube-system", read=None, record=record)


def says_leaving(node: Node) -> bool:
    said = lease.decode(node.leases[LEASE]).holding
    assert said is not None
    return said.leaving


def test_a_node_with_an_endpoint_takes_it_and_watches_no_more_than_that() -> None:
    node = local(slice_({NODE, "other"}))
    assert node.answered == HERE
    assert node.span == Span(frozenset({"blue"}))


def test_without_such_a_service_no_endpoints_are_watched() -> None:
    node = prepared()
    node.settle()
    assert node.answered == HERE
    assert node.span == Span()


def test_a_node_without_one_writes_nothing_and_says_why() -> None:
    node = local(slice_({"other"}))
    node.settle(L)
    assert node.about() == []
    assert node.state(BLUE) == (
        State.NOT_SELECTED,
        (
            "Service default/blue: has externalTrafficPolicy Local and no endpoint on this node"
            " that is ready; there are such on other"
        ),
    )


def test_who_loses_its_last_one_is_silent_and_gives_the_lease_back_at_once() -> None:
    node = local(slice_({NODE}))
    node.settle(3)
    node.calls.clear()
    moved = node.stamped(slice_({"other"}))
    node.handle(Seen(Kind.ENDPOINT_SLICE, moved))
    lost_at, effects = node.now, node.poll()
    assert node.answered == set(), "before any write has an answer"
    node.carry_out(effects)
    ((at, write),) = node.about()
    assert at == lost_at
    assert isinstance(write, LeaseWrite)
    assert write.body["spec"]["holderIdentity"] == ""


def test_who_gets_one_takes_what_was_given_back() -> None:
    node = local(slice_({"other"}))
    node.show(node.held_by_other())
    place(node, slice_({NODE}))
    node.settle()
    assert node.about() == []
    given_back_at = node.now
    node.show(node.held_by_other(holderIdentity="", leaseDurationSeconds=1))
    node.settle()
    assert node.about()[0][0] == given_back_at
    assert node.answered == HERE


def test_only_nodes_with_an_endpoint_are_waited_for() -> None:
    node = local(slice_({NODE}))
    node.settle()
    node.show(node.held_by_other(holderIdentity="gone"))
    for number in range(5):
        node.join(f"other{number}")
    node.calls.clear()
    free_at = node.now
    node.show(node.held_by_other(holderIdentity="", leaseDurationSeconds=1))
    node.settle(1)
    assert node.about()[0][0] == free_at


def test_a_terminating_one_serves_until_another_node_has_a_ready_one() -> None:
    node = local(slice_({NODE}))
    place(node, slice_(draining={NODE}))
    node.settle(5)
    assert node.answered == HERE
    assert not says_leaving(node)
    place(node, slice_({"other"}, draining={NODE}))
    assert node.answered == HERE
    assert says_leaving(node)
    place(node, slice_({"other"}))
    assert node.answered == set()
    assert node.holder(BLUE) == ""


def test_it_takes_what_is_free_after_those_with_ready_ones() -> None:
    node = local(slice_({"other"}))
    node.join("other")
    node.show(node.held_by_other(holderIdentity="third"))
    place(node, slice_({"other"}, draining={NODE}))
    node.show(node.held_by_other(holderIdentity="", leaseDurationSeconds=1))
    node.settle(0.04)
    assert node.about() == []
    state, why = node.state(BLUE)
    assert state is State.CANDIDATE
    assert why == f"Lease {LEASE} is free; this node is leaving, and takes it if no other does"
    node.settle(0.1)
    assert node.answered == HERE


def test_a_daemon_that_starts_is_silent_until_they_are_listed_and_then_resumes() -> None:
    node = local(slice_({NODE}), away=True)
    node.leases[LEASE] = mine()
    node.show(node.put_lease(LEASE))
    node.settle(5)
    assert node.about() == [], "neither renewed nor given back"
    assert node.answered == set()
    assert node.state(BLUE)[1].endswith("its EndpointSlices aren't listed yet")
    node.list_endpoints()
    node.settle()
    assert node.answered == HERE
    assert node.spec["leaseTransitions"] == 4


def test_one_that_stops_before_that_gives_its_lease_back() -> None:
    node = local(slice_({NODE}), away=True)
    node.leases[LEASE] = mine()
    node.show(node.put_lease(LEASE))
    node.settle()
    node.handle(Resign())
    node.settle()
    assert node.holder(BLUE) == ""


def test_what_was_known_counts_while_the_api_server_is_away() -> None:
    node = local(slice_({NODE}))
    node.away = True
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    other = Service(
        key=Key("default", "green"), external_ips=("172.19.0.250",), external_traffic_policy="Local"
    )
    node.see(other)
    assert node.span == Span(frozenset({"blue", "green"}))
    node.settle(5)
    assert node.answered == HERE
    assert node.state(other.key)[0] is State.NOT_SELECTED
    assert node.state(BLUE)[0] is State.ANNOUNCING
