"""Each rule by which a node may not answer, or should not, is seen in /status with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from l2announcer.core import explain
from l2announcer.core.endpoints import LOCAL
from l2announcer.core.facts import Gone, Links, Listens, Resign, Seen
from l2announcer.core.model import Ear, Key, Kind, Link, Node, Taint
from tests.scenarios.driver import NODE, link
from tests.scenarios.history import BLUE, prepared, service
from tests.scenarios.history import Node as History

HERE = Node(key=Key("", NODE))
ARP = "cannot listen for ARP: Too many open files"


def status(node: History) -> dict[str, Any]:
    return explain.status(node.announcer, node.now)


def why(node: History) -> str:
    node.settle()
    shown: Any = status(node)["services"]
    found: str = shown[str(BLUE)]["why"]
    return found


@pytest.mark.parametrize(
    ("links", "sentence"),
    [
        ((), "no interface matches ^eth (there are: none)"),
        ((link("wlan0"),), "no interface matches ^eth (there are: wlan0)"),
        ((link(up=False),), "interface eth0 is down"),
        ((link(carrier=False),), "interface eth0 has no carrier"),
        ((link(master=7),), "interface eth0 is a port of another interface"),
        ((link(ethernet=False),), "interface eth0 is no Ethernet interface"),
    ],
)
def test_an_interface_that_cannot_be_used(links: tuple[Link, ...], sentence: str) -> None:
    node = prepared(interfaces=("^eth",))
    node.handle(Links(links))
    assert why(node) == f"CiliumL2AnnouncementPolicy p: {sentence}"


def test_an_interface_without_the_address_s_family() -> None:
    node = prepared()
    node.handle(Links((link(ipv6=False),)))
    node.handle(Seen(Kind.SERVICE, node.stamped(service(address="fd00::240"))))
    assert why(node).startswith("interface eth0: IPv6 is disabled there")


def test_an_interface_that_cannot_be_opened() -> None:
    node = prepared()
    node.handle(Listens(frozenset(), {Ear(2, 4): ARP}))
    assert why(node) == f"interface eth0: {ARP}"


def test_no_local_endpoint() -> None:
    node = prepared()
    node.handle(Seen(Kind.SERVICE, node.stamped(replace(service(), external_traffic_policy=LOCAL))))
    assert why(node).endswith("no endpoint on this node that is ready; no node has one")


def test_endpoints_that_are_not_known() -> None:
    node = prepared()
    node.away = True
    node.handle(Seen(Kind.SERVICE, node.stamped(replace(service(), external_traffic_policy=LOCAL))))
    assert why(node).endswith("its EndpointSlices aren't listed yet")


def test_no_node_object() -> None:
    node = prepared()
    node.handle(Gone(Kind.NODE, Key("", NODE), "999"))
    assert why(node) == "this node: its Node object has not been seen yet"


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (replace(HERE, conditions={"Ready": "False"}), "is not ready: its kubelet says so"),
        (replace(HERE, conditions={"Ready": "Unknown"}), "is not known to be ready"),
        (replace(HERE, unschedulable=True), "is cordoned"),
        (
            replace(HERE, labels={"node.kubernetes.io/exclude-from-external-load-balancers": ""}),
            "has the label node.kubernetes.io/exclude-from-external-load-balancers",
        ),
        (replace(HERE, conditions={"NetworkUnavailable": "True"}), "has no working pod network"),
        (
            replace(HERE, taints=(Taint("node.kubernetes.io/out-of-service", "NoExecute"),)),
            "is out of service",
        ),
        (
            replace(
                HERE, taints=(Taint("node.cloudprovider.kubernetes.io/shutdown", "NoSchedule"),)
            ),
            "is shut down",
        ),
        (replace(HERE, deleting=True), "is being deleted"),
    ],
)
def test_what_is_judged_from_afar(found: Node, sentence: str) -> None:
    node = prepared()
    node.see(found)
    shown: Any = status(node)
    for told in (shown["leaving"], shown["services"][str(BLUE)]["leaving"]):
        (reason,) = told
        assert reason.startswith(f"Node {NODE}: {sentence}")
    member = shown["roster"][NODE]
    assert member["leaving"]
    assert member["reasons"] == shown["leaving"]
    assert shown["services"][str(BLUE)]["state"] == "announcing", "there is no other"


def test_one_of_two_interfaces() -> None:
    node = prepared(interfaces=("^eth",))
    node.handle(Links((link(), link("eth1", 3, carrier=False))))
    node.settle(2)
    shown: Any = status(node)
    assert shown["degraded"] == ["interface eth1: has no carrier"]
    assert shown["roster"][NODE]["degraded"]


def test_a_daemon_that_stops() -> None:
    node = prepared()
    node.settle()
    node.handle(Resign())
    node.poll()
    shown: Any = status(node)
    assert shown["resigning"]
    assert shown["services"][str(BLUE)]["why"] == "this node is stopping and gives up its Leases"
