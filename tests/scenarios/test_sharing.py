"""Services that share an address, on one node: who has it, and when it is answered for."""

from __future__ import annotations

from dataclasses import replace

from l2announcer.core.candidacy import State
from l2announcer.core.model import Key, Kind, LabelSelector, Policy
from tests.scenarios.history import BLUE, HERE, OTHER_VIP, VIP, Node, service

GREEN, THIEF = Key("default", "green"), Key("other", "thief")
BOTH = {(VIP, "eth0"), (OTHER_VIP, "eth0")}


def started() -> Node:
    node = Node()
    node.warm()
    node.see(Policy(key=Key("", "p"), external_ips=True))
    return node


def test_nobody_takes_or_silences_an_address_by_naming_it() -> None:
    node = started()
    node.see(replace(service(BLUE), created="2026-01-02"))
    node.settle(1.0)
    node.see(replace(service(THIEF, VIP), created="2026-01-03"))
    node.settle(1.0)
    assert node.answered == HERE
    assert node.holder(THIEF) is None
    state, why = node.state(THIEF)
    assert state is State.NOT_SELECTED
    assert why.startswith(f"Service other/thief: {VIP} in spec.externalIPs belongs to Service")
    (event,) = [event for event in node.events if event.key == THIEF]
    assert event.reason == "AddressDenied"
    assert event.message in why
    node.gone(Kind.SERVICE, BLUE)
    node.settle(1.0)
    assert node.answered == HERE
    assert node.state(THIEF)[0] is State.ANNOUNCING


def test_of_a_group_all_are_announced_or_none() -> None:
    node = started()
    red = LabelSelector(match_labels=(("color", "red"),))
    node.see(Policy(key=Key("", "p"), external_ips=True, service_selector=red))
    away = LabelSelector(match_labels=(("zone", "away"),))
    node.see(Policy(key=Key("", "q"), external_ips=True, node_selector=away))
    node.see(replace(service(BLUE), labels={"color": "red"}))
    node.settle(1.0)
    assert node.answered == HERE
    node.see(service(GREEN, VIP))
    assert node.answered == set()
    assert "CiliumL2AnnouncementPolicy q" in node.state(BLUE)[1]
    node.see(replace(service(GREEN, VIP), labels={"color": "red"}))
    node.settle(1.0)
    assert node.answered == HERE
