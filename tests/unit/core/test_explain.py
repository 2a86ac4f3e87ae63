"""What /status shows is plain data, and has one sentence for every Service in every state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from l2announcer.core import explain
from l2announcer.core.coexistence import CILIUM_OPERATOR_LEASE
from l2announcer.core.facts import Claimed, Listens, Resign, Seen
from l2announcer.core.model import (
    PREFERRED_NODE,
    Block,
    Ear,
    Ingress,
    Key,
    Kind,
    LabelSelector,
    LeaseRecord,
    Node,
    Policy,
    Pool,
    Service,
)
from l2announcer.core.roster import WEIGHT
from tests.scenarios.driver import NODE, Driver, link

BLUE, RED = Key("default", "blue"), Key("default", "red")
LEASE = "cilium-l2announce-default-blue"
VIP = "172.19.0.240"
MAC = bytes.fromhex("0242ac1300ff")


def service(key: Key = BLUE) -> Service:
    return Service(key=key, uid="u", labels={"color": key.name}, external_ips=(VIP,))


def policy(name: str = "p", **fields: Any) -> Policy:
    blue = LabelSelector(match_labels=(("color", "blue"),))
    return Policy(key=Key("", name), external_ips=True, service_selector=blue, **fields)


@pytest.fixture
def node() -> Driver:
    driver = Driver()
    driver.warm(links=(link(), link("eth1", 3, carrier=False)))
    driver.see(policy(interfaces=("^eth",)))
    return driver


def shown(node: Driver) -> dict[str, Any]:
    """The status after a trip through JSON, which must change nothing."""
    status = explain.status(node.announcer, node.now)
    there_and_back: dict[str, Any] = json.loads(json.dumps(status, allow_nan=False))
    assert there_and_back == status
    return there_and_back


def about(node: Driver, key: Key = BLUE) -> Mapping[str, Any]:
    found: Mapping[str, Any] = shown(node)["services"][str(key)]
    assert found == explain.service(node.announcer, key, node.now)
    return found


def test_before_anything_is_listed_it_says_what_it_waits_for() -> None:
    status = shown(Driver())
    assert status["waitingFor"] == ["services", "policies", "pools", "nodes", "links", "leases"]
    assert status["node"] == NODE
    assert status["services"] == {}
    assert status["interfaces"] == []
    assert status["controller"] == {
        "holder": "",
        "transitions": 0,
        "heldOverSeconds": 0.0,
        "wantedBy": "",
        "tenureSeconds": 0.0,
        "problem": "",
    }


def test_the_node_and_its_interfaces(node: Driver) -> None:
    status = shown(node)
    assert status["waitingFor"] == []
    assert status["resigning"] is False
    assert status["leaving"] == []
    node.see(Node(key=Key("", NODE), unschedulable=True))
    sentence = "Node worker: is cordoned: kubectl uncordon lets it take part again"
    assert shown(node)["leaving"] == [sentence]
    assert shown(node)["degraded"] == ["interface eth1: has no carrier"]
    node.handle(Listens(frozenset(), {Ear(2, 4): "cannot listen for ARP: no memory"}))
    node.settle()
    assert shown(node)["degraded"][0] == "interface eth0: cannot listen for ARP: no memory"
    assert shown(node)["interfaces"][0]["unheard"] == ["cannot listen for ARP: no memory"]
    node.handle(Listens(frozenset({Ear(2, 4)}), {}))
    node.settle()
    status = shown(node)
    assert status["renewSeconds"] == 2.0
    assert status["interfaces"] == [
        {
            "name": "eth0",
            "mac": "02:42:ac:13:00:03",
            "usable": True,
            "up": True,
            "carrier": True,
            "unheard": [],
        },
        {
            "name": "eth1",
            "mac": "02:42:ac:13:00:03",
            "usable": False,
            "up": True,
            "carrier": False,
            "unheard": [],
        },
    ]
    assert status["controller"]["holder"] == NODE
    assert 12 < status["controller"]["tenureSeconds"] <= 13.5


def test_the_leases_that_nobody_needs_any_more(node: Driver) -> None:
    assert shown(node)["cleanUp"] == {"waiting": [], "problem": ""}
    node.see(service())
    node.settle()
    node.gone(Kind.SERVICE, BLUE)
    for _ in range(3):
        node.settle(50)
    assert shown(node)["cleanUp"] == {"waiting": [LEASE], "problem": ""}


def test_policies_with_what_is_wrong_with_them(node: Driver) -> None:
    node.see(policy("q", interfaces=("(",)))
    policies = shown(node)["policies"]
    assert policies["p"] == []
    (sentence,) = policies["q"]
    assert sentence.startswith("spec.interfaces[0]: '(' is not a regular expression")


def test_a_service_that_nothing_selects(node: Driver) -> None:
    node.see(service(RED))
    sentence = "CiliumL2AnnouncementPolicy p: serviceSelector does not match"
    assert about(node, RED) == {"state": "not selected", "why": sentence}


def test_a_service_that_is_announced_here_and_what_of_it_is_left_out(node: Driver) -> None:
    node.see(policy("q", interfaces=("^bond",)))
    node.see(service())
    found = about(node)
    assert found["state"] == "announcing"
    assert found["why"] == "172.19.0.240 on eth0"
    assert found["addresses"] == [{"address": VIP, "interface": "eth0"}]
    (left_out,) = found["leftOut"]
    assert left_out.startswith("CiliumL2AnnouncementPolicy q: no interface matches ^bond")
    lease = dict(found["lease"])
    assert 13 < lease.pop("tenureSeconds") <= 13.5
    assert lease.pop("heldOverSeconds") == 0
    assert lease.pop("wantedBy") == ""
    assert lease == {"name": LEASE, "holder": NODE, "transitions": 0, "problem": ""}


def test_a_service_that_another_node_announces(node: Driver) -> None:
    record = node.put_lease(
        LEASE, holderIdentity="other", leaseDurationSeconds=15, leaseTransitions=7, renewTime="t"
    )
    node.handle(Seen(Kind.LEASE, record))
    node.see(service())
    assert about(node) == {
        "state": "candidate",
        "why": f"Lease {LEASE} is held by other",
        "addresses": [],
        "leftOut": [],
        "leaving": [],
        "conflict": "",
        "lease": {
            "name": LEASE,
            "holder": "other",
            "transitions": 7,
            "heldOverSeconds": 0.0,
            "wantedBy": "",
            "tenureSeconds": 0.0,
            "problem": "",
        },
        "heldWith": [],
        "favourites": [NODE],
    }


def test_a_service_whose_address_a_foreign_host_has(node: Driver) -> None:
    node.handle(Seen(Kind.SERVICE, node.stamped(service())))
    for _ in range(10):
        effects = node.poll()
        if effects.frames:
            break
        node.carry_out(effects)
    frame = effects.frames[0].announcement
    node.handle(Claimed(frame.address, MAC, frame.interface))
    node.carry_out(effects)
    node.settle()
    found = about(node)
    assert found["state"] == "address in use"
    assert "172.19.0.240 on eth0 by 02:42:ac:13:00:ff" in found["why"]
    assert found["addresses"] == []


def test_a_node_that_stops(node: Driver) -> None:
    node.see(service())
    node.handle(Resign())
    node.settle()
    status = shown(node)
    assert status["resigning"] is True
    assert status["services"]["default/blue"]["state"] == "resigned"
    assert status["controller"]["holder"] == ""


# Addresses


@pytest.fixture
def giver() -> Driver:
    """A node that has just become the controller."""
    driver = Driver(lb_ipam=True)
    driver.warm()
    return driver


def controller(node: Driver) -> dict[str, Any]:
    """What is shown of addresses after a moment."""
    node.settle()
    found: dict[str, Any] = shown(node)["ipam"]
    return found


def test_who_gives_none_says_why_and_no_more(node: Driver, giver: Driver) -> None:
    why = "it is switched off (lbIpam: false)"
    assert shown(node)["ipam"] == {"active": False, "why": why}
    why = "no node is the controller"
    assert shown(Driver(lb_ipam=True))["ipam"] == {"active": False, "why": why}
    giver.now += 100
    why = f"node {NODE} is the controller"
    assert shown(giver)["ipam"] == {"active": False, "why": why}


def test_what_is_given_of_each_pool_and_why_one_waits(giver: Driver) -> None:
    blocks = (Block(cidr="172.19.0.240/32"), Block(cidr="nonsense"))
    giver.see(Pool(key=Key("", "lan"), created="1", blocks=blocks))
    giver.see(
        Pool(key=Key("", "six"), created="2", blocks=(Block(cidr="fd00::/64"),), disabled=True)
    )
    for number, name in enumerate(("first", "second")):
        giver.see(Service(key=Key("default", name), type="LoadBalancer", created=str(number)))
    marked = {"metallb.io/ip-allocated-from-pool": "p"}
    giver.see(
        Service(
            key=Key("default", "third"),
            type="LoadBalancer",
            annotations=marked,
            ingress=(Ingress(ip="192.0.2.1"),),
        )
    )
    found = controller(giver)
    assert (found["active"], found["problem"]) == (True, "")
    lan, six = found["pools"]["lan"], found["pools"]["six"]
    assert lan["blocks"] == ["172.19.0.240 to 172.19.0.240"]
    assert (lan["total"], lan["used"], lan["available"]) == ("1", "1", "0")
    assert "nonsense" in lan["problems"][0]
    assert (six["total"], six["closed"]) == (str(2**64), "it is disabled")
    services = found["services"]
    assert services["default/first"] == {
        "addresses": [{"address": VIP, "pool": "lan"}],
        "reason": "satisfied",
        "why": "",
    }
    assert services["default/second"]["reason"] == "out_of_ips"
    assert "is taken (lan)" in services["default/second"]["why"]
    assert services["default/third"]["why"].startswith("MetalLB gave it its address")
    assert "default/blue" not in services


def test_standing_by_is_told(giver: Driver) -> None:
    lease = LeaseRecord(
        name=CILIUM_OPERATOR_LEASE, resource_version="9", holder="op", duration_seconds=15
    )
    giver.see(lease)
    found = controller(giver)
    assert not found["active"]
    assert "Cilium's operator (op)" in found["why"]
    giver.gone(Kind.LEASE, Key("kube-system", CILIUM_OPERATOR_LEASE))
    assert controller(giver)["active"]


def test_the_roster_says_who_takes_part_and_who_is_preferred_for_what(node: Driver) -> None:
    node.join("heavy", annotations={WEIGHT: "1000"}, leaving=True)
    node.join("odd", annotations={WEIGHT: "much"}, degraded=True)
    node.see(replace(service(), annotations={PREFERRED_NODE: NODE}))
    roster = shown(node)["roster"]
    assert list(roster) == ["heavy", "odd", NODE]
    assert roster["heavy"] == {
        "weight": 1000.0,
        "degraded": False,
        "leaving": True,
        "reasons": ["its heartbeat says leaving: see its own /status"],
        "problem": "",
    }
    assert roster["odd"]["reasons"] == ["its heartbeat says degraded: see its own /status"]
    assert roster["odd"]["problem"] == (
        "Node odd: annotation l2announcer.io/weight is 'much', which is no number from 0 to 1000;"
        " it counts as 1"
    )
    node.see(Node(key=Key("", "heavy"), unschedulable=True))
    assert shown(node)["roster"]["heavy"]["reasons"] == [
        "Node heavy: is cordoned: kubectl uncordon lets it take part again"
    ]
    # The worker's eth1 has no carrier, so it is degraded too.
    assert about(node)["favourites"] == [NODE, "odd", "heavy"]
    assert shown(node)["heartbeat"]["holder"] == NODE
