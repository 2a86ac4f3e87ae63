"""Selections: of a group all that anybody would announce, or none; and no address of another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from l2announcer.core.cluster import Changes, Cluster
from l2announcer.core.effects import Effects
from l2announcer.core.facts import Links, Listed
from l2announcer.core.model import (
    EndpointSlice,
    Key,
    Kind,
    LabelSelector,
    Link,
    Node,
    Policy,
    Service,
)
from l2announcer.core.selections import Selections

A, B, C = (Key("default", name) for name in "abc")
X, Y = "172.19.0.240", "172.19.0.241"
ETH0 = Link(index=2, name="eth0", mac=bytes(6), up=True, carrier=True)
LEASES = {f"cilium-l2announce-default-{name}" for name in "ab"}


def service(key: Key, *addresses: str, **fields: Any) -> Service:
    return Service(key=key, uid=str(key), resource_version="1", external_ips=addresses, **fields)


def policy(name: str = "p", **fields: Any) -> Policy:
    return Policy(key=Key("", name), resource_version="1", external_ips=True, **fields)


def labelled(value: str) -> LabelSelector:
    return LabelSelector(match_labels=(("color", value),))


class Rig:
    def __init__(self, *policies: Policy) -> None:
        self.cluster = Cluster("worker")
        self.selections = Selections()
        self.cluster.links_are(Links((ETH0,)))
        self.cluster.listed(Listed(Kind.NODE, (Node(key=Key("", "worker")),)))
        self.cluster.listed(Listed(Kind.POLICY, policies))

    def put(self, *services: Service) -> set[Key]:
        self.cluster.listed(Listed(Kind.SERVICE, services))
        return self.selections.take(self.cluster.take_changes(), self.cluster)

    def endpoints(self, *ready: str, draining: str = "") -> set[Key]:
        """B's endpoints are on these nodes; whose selection was made anew."""
        found = EndpointSlice(
            key=B, service=B, ready=frozenset(ready), draining=frozenset(draining.split())
        )
        self.cluster.listed(Listed(Kind.ENDPOINT_SLICE, (found,)))
        return self.selections.take(self.cluster.take_changes(), self.cluster)

    def pairs(self, key: Key) -> list[str]:
        return [str(pair.address) for pair in self.selections.of(key).announcements]

    def reasons(self, key: Key) -> str:
        return "; ".join(str(reason) for reason in self.selections.of(key).reasons)


def test_a_group_that_is_wanted_as_a_whole_is_contested() -> None:
    rig = Rig(policy())
    rig.put(service(A, X), service(B, X, Y), service(C, "172.19.0.9"))
    assert rig.pairs(A) == [X]
    assert rig.pairs(B) == [X, Y]
    assert rig.selections.contested == LEASES


def test_none_is_contested_where_another_node_is_wanted_for_one() -> None:
    elsewhere = LabelSelector(match_labels=(("zone", "far"),))
    rig = Rig(
        policy("near", service_selector=labelled("blue")),
        policy("far", service_selector=labelled("red"), node_selector=elsewhere),
    )
    blue, red = {"color": "blue"}, {"color": "red"}
    rig.put(service(A, X, labels=blue), service(B, X, Y, labels=red))
    assert rig.pairs(A) == rig.pairs(B) == []
    assert rig.selections.contested == set()
    assert "Service default/b: shares an address or a Lease" in rig.reasons(A)
    assert "CiliumL2AnnouncementPolicy far: let the policies agree" in rig.reasons(A)
    assert rig.put(service(A, X, labels=blue), service(B, Y, labels=red)) == {A, B}
    assert rig.pairs(A) == [X]
    rig.put(service(A, X, labels=blue), service(B, X, labels=blue))
    assert rig.selections.contested == LEASES


def test_whom_no_policy_wants_is_a_companion() -> None:
    rig = Rig(policy(service_selector=labelled("blue")))
    blue = service(A, X, labels={"color": "blue"})
    foreign = service(B, X, labels={"color": "blue"}, load_balancer_class="example.com/lb")
    for other in (service(B, X), foreign):
        rig.put(blue, other)
        assert rig.pairs(A) == [X]
        assert rig.selections.contested == LEASES
    rig.put(service(A, X), service(B, X))
    assert rig.selections.contested == set()
    rig.put(blue)
    assert rig.pairs(A) == [X]
    assert rig.selections.contested == set()


def test_none_is_contested_where_one_can_not_be_served() -> None:
    rig = Rig(policy())
    local = service(B, X, Y, external_traffic_policy="Local")
    rig.put(service(A, X), local)
    assert rig.pairs(A) == []
    assert all(rig.selections.of(key).pending for key in (A, B)), "neither Lease is given back"
    assert (
        "Service default/b: shares an address or a Lease with others, so one node must announce"
        " them all; this node cannot: it has externalTrafficPolicy Local, and its EndpointSlices"
        " aren't listed yet" in rig.reasons(A)
    )
    rig.cluster.endpoints.poll(0.0, Effects())
    assert rig.endpoints("other") == {A, B}
    assert not rig.selections.of(A).pending
    assert "it has externalTrafficPolicy Local and no endpoint on this node" in rig.reasons(A)
    assert rig.endpoints("worker") == {A, B}
    assert (rig.pairs(A), rig.pairs(B)) == ([X], [X, Y])
    assert rig.endpoints("other", draining="worker") == {A, B}
    assert rig.pairs(A) == [X]
    for key in (A, B):
        assert "only terminating endpoints" in str(rig.selections.of(key).leaving)
    rig.put(service(A, X))
    assert rig.selections.of(A).leaving == ()


def test_a_change_of_more_than_services_judges_every_group_anew() -> None:
    rig = Rig(policy())
    rig.put(service(A, X), service(B, X))
    rig.cluster.links_are(Links(()))
    assert rig.selections.take(rig.cluster.take_changes(), rig.cluster) == {A, B}
    assert rig.selections.contested == set()
    assert rig.selections.take(Changes(), rig.cluster) == set()


def test_what_is_named_in_vain_is_left_out_with_a_reason() -> None:
    rig = Rig(policy())
    thief = Key("other", "thief")
    rig.put(service(A, X), service(thief, X, Y))
    assert rig.pairs(A) == [X]
    assert rig.pairs(thief) == [Y]
    assert f"{X} in spec.externalIPs belongs to Service default/a" in rig.reasons(thief)
    assert rig.put(service(thief, X, Y)) == {A, thief}
    assert rig.pairs(thief) == [X, Y]
    assert rig.reasons(thief) == ""
    assert rig.selections.of(A).announcements == ()


def test_it_may_answer_with_the_macs_of_interfaces_but_those_of_pods_that_no_policy_names() -> None:
    eth0, eth1, pod = (
        Link(index=number, name=name, mac=bytes(5) + bytes([number]), up=name != "eth1")
        for number, name in enumerate(("eth0", "eth1", "lxc1"))
    )
    links = Links(tuple(replace(each, carrier=True) for each in (eth0, eth1, pod)))
    for policies, expected in (
        ((), [eth0]),
        ((policy(),), [eth0]),
        ((policy("q", interfaces=("^lxc",)),), [eth0, pod]),
        ((policy("q", interfaces=("^lxc",), node_selector=labelled("other")),), [eth0]),
    ):
        rig = Rig(*policies)
        rig.cluster.links_are(links)
        rig.put()
        assert rig.selections.macs == tuple(each.mac.hex(":") for each in expected)
