"""Services that share an address, on one node: who has it, and when it is answered for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from l2announcer.core.candidacy import State, lease_name
from l2announcer.core.model import Key, Kind, LabelSelector, Policy
from tests.scenarios.history import BLUE, HERE, OTHER_VIP, VIP, Node, service

OLDER, YOUNGER = Key("team-web", "frontend"), Key("team", "web-frontend")  # one Lease for both
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


@pytest.mark.parametrize(
    "silenced",
    [{"external_traffic_policy": "Local"}, {"labels": {"color": "red"}}],
    ids=["no endpoint", "announced elsewhere"],
)
def test_nobody_silences_a_service_by_the_name_of_its_lease(silenced: dict[str, Any]) -> None:
    node = started()
    blue, red = (LabelSelector(match_labels=(("color", each),)) for each in ("blue", "red"))
    node.see(Policy(key=Key("", "p"), external_ips=True, service_selector=blue))
    away = LabelSelector(match_labels=(("zone", "away"),))
    node.see(Policy(key=Key("", "q"), external_ips=True, service_selector=red, node_selector=away))
    victim = replace(service(OLDER), labels={"color": "blue"}, created="2026-01-02")
    node.see(victim)
    node.settle(1.0)
    younger = service(YOUNGER, OTHER_VIP)
    younger = replace(younger, labels={"color": "blue"}, created="2026-01-03")
    node.see(replace(younger, **silenced))
    for _ in range(30):
        node.settle(1.0)
        assert node.answered == HERE
    state, why = node.state(YOUNGER)
    assert state is State.NOT_SELECTED
    assert f"Lease {lease_name(YOUNGER)}, which has the name of this Service's too" in why
    (event,) = [event for event in node.events if event.key == YOUNGER]
    assert event.reason == "LeaseDenied"
    assert event.message in why
    node.see(younger)
    assert node.answered == HERE
    node.gone(Kind.SERVICE, OLDER)
    node.settle(1.0)
    assert node.answered == {(OTHER_VIP, "eth0")}
    node.see(victim)
    node.settle(1.0)
    assert node.answered == HERE


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
