"""Which Services a node announces, and what changes that: one history per rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from l2announcer.core.candidacy import State
from l2announcer.core.effects import Message
from l2announcer.core.facts import Fact, Links, Seen
from l2announcer.core.model import (
    Ingress,
    Key,
    Kind,
    LabelSelector,
    Node,
    Policy,
    Requirement,
    Service,
)
from tests.scenarios.driver import NODE, Driver, link

BLUE, CYAN = Key("default", "blue"), Key("default", "cyan")
VIP, OTHER, VIP6 = "172.19.0.240", "172.19.0.241", "fd00::240"


def service(key: Key = BLUE, *, ingress: tuple[str, ...] = (), **fields: Any) -> Service:
    base: dict[str, Any] = {"labels": {"color": key.name}, "external_ips": (VIP,), "uid": str(key)}
    if ingress:
        base["ingress"] = tuple(Ingress(ip=ip) for ip in ingress)
    return Service(key=key, **{**base, **fields})


def policy(name: str = "p", **fields: Any) -> Policy:
    base: dict[str, Any] = {
        "service_selector": LabelSelector(match_labels=(("color", "blue"),)),
        "interfaces": ("^eth[0-9]+",),
        "external_ips": True,
        "load_balancer_ips": True,
    }
    return Policy(key=Key("", name), **{**base, **fields})


def labelled(value: str) -> LabelSelector:
    return LabelSelector(match_labels=(("zone", value),))


@pytest.fixture
def node() -> Iterator[Driver]:
    driver = Driver()
    driver.warm(labels={"zone": "a"})
    yield driver
    # Whatever happened, a node never answers without its Lease.
    for contest in driver.announcer.contests.values():
        if contest.grants and contest.elector.tenure.valid(driver.now):
            assert contest.elector.record is not None
            assert contest.elector.record.holder == NODE


def test_selected_but_led_by_another_is_not_answered(node: Driver) -> None:
    lease_name = "cilium-l2announce-default-blue"
    record = node.put_lease(
        lease_name, holderIdentity="other", leaseDurationSeconds=15, renewTime="t1"
    )
    node.handle(Seen(Kind.LEASE, record))
    node.see(policy())
    node.see(service())
    assert node.answered == set()
    assert node.state(BLUE) == (
        State.CANDIDATE,
        f"Lease {lease_name} is held by other",
    )


def test_the_holder_answers_for_exactly_one_pair_after_reading_and_probing(node: Driver) -> None:
    node.see(policy())
    node.see(service())
    assert node.answered == {(VIP, "eth0")}
    assert node.holder(BLUE) == NODE
    assert [frame.message.value for frame in node.frames] == ["probe", "announce"]
    assert node.announced() == [(VIP, "eth0")]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_links_policy_and_service_does_not_matter(order: tuple[int, ...]) -> None:
    node = Driver()
    node.warm(labels={"zone": "a"}, links=(link("other0", 9),))
    facts: list[Fact] = [
        Links((link(),)),
        Seen(Kind.POLICY, node.stamped(policy())),
        Seen(Kind.SERVICE, node.stamped(service())),
    ]
    for number in order:
        node.handle(facts[number])
        node.settle()
    assert node.answered == {(VIP, "eth0")}


def test_one_of_two_policies_is_enough(node: Driver) -> None:
    node.see(policy("p"))
    node.see(policy("q"))
    node.see(service())
    node.gone(Kind.POLICY, Key("", "p"))
    assert node.answered == {(VIP, "eth0")}
    node.gone(Kind.POLICY, Key("", "q"))
    assert node.answered == set()
    assert node.holder(BLUE) == ""


def test_what_only_the_deleted_policy_justified_goes_with_it(node: Driver) -> None:
    node.handle(Links((link(), link("eth1", 3, bytes.fromhex("0242ac130013")))))
    node.see(policy("p", interfaces=("eth0",)))
    node.see(policy("q", interfaces=("eth1",)))
    node.see(service())
    assert node.answered == {(VIP, "eth0"), (VIP, "eth1")}
    node.gone(Kind.POLICY, Key("", "q"))
    assert node.answered == {(VIP, "eth0")}


def test_a_node_that_loses_its_label_gives_up_and_releases(node: Driver) -> None:
    node.see(policy(node_selector=labelled("a")))
    node.see(service())
    assert node.answered == {(VIP, "eth0")}
    node.see(Node(key=Key("", NODE), labels={"zone": "b"}))
    assert node.answered == set()
    assert node.holder(BLUE) == ""
    assert "nodeSelector does not match node worker" in node.state(BLUE)[1]


def test_a_node_that_gains_a_label_announces_more(node: Driver) -> None:
    node.see(policy("p"))
    cyan = LabelSelector(match_labels=(("color", "cyan"),))
    node.see(policy("q", service_selector=cyan, node_selector=labelled("b")))
    node.see(service())
    node.see(service(CYAN, external_ips=(OTHER,)))
    assert node.answered == {(VIP, "eth0")}
    node.see(Node(key=Key("", NODE), labels={"zone": "b"}))
    assert node.answered == {(VIP, "eth0"), (OTHER, "eth0")}


def test_a_service_selector_that_stops_matching_ends_it(node: Driver) -> None:
    node.see(policy())
    node.see(service())
    node.see(policy(service_selector=LabelSelector(match_labels=(("color", "red"),))))
    assert node.answered == set()
    assert node.state(BLUE)[0] is State.NOT_SELECTED


def test_a_wider_service_selector_adds_the_second_service(node: Driver) -> None:
    node.see(policy())
    node.see(service())
    node.see(service(CYAN, external_ips=(OTHER,)))
    assert node.answered == {(VIP, "eth0")}
    both = Requirement(key="color", operator="In", values=("blue", "cyan"))
    node.see(policy(service_selector=LabelSelector(match_expressions=(both,))))
    assert node.answered == {(VIP, "eth0"), (OTHER, "eth0")}


def test_a_service_without_any_address_left_is_dropped(node: Driver) -> None:
    node.see(policy())
    node.see(service(ingress=(OTHER,)))
    assert node.answered == {(VIP, "eth0"), (OTHER, "eth0")}
    node.see(service(external_ips=()))
    assert node.answered == set()
    expected = "Service default/blue has neither spec.externalIPs nor an IP in its status"
    assert expected in node.state(BLUE)[1]


@pytest.mark.parametrize("gained", [{"external_ips": (VIP,)}, {"ingress": (OTHER,)}])
def test_a_policy_with_neither_kind_of_address_announces_nothing(
    node: Driver, gained: dict[str, Any]
) -> None:
    node.see(policy(external_ips=False, load_balancer_ips=False))
    node.see(service(external_ips=()))
    node.see(service(**{"external_ips": (), **gained}))
    assert node.answered == set()
    assert "neither externalIPs nor loadBalancerIPs is true" in node.state(BLUE)[1]


def test_only_the_enabled_kind_of_address_is_announced(node: Driver) -> None:
    node.see(policy(external_ips=False))
    node.see(service(ingress=(OTHER,)))
    assert node.answered == {(OTHER, "eth0")}


@pytest.mark.parametrize("entry", [Ingress(hostname="lb.example.com"), Ingress(ip="")])
def test_an_ingress_entry_without_an_ip_does_not_count(node: Driver, entry: Ingress) -> None:
    node.see(policy())
    node.see(service(external_ips=(), ingress=()))
    node.see(replace(service(external_ips=()), ingress=(entry,)))
    assert node.answered == set()
    assert node.holder(BLUE) is None


def test_a_policy_that_switches_kinds_moves_to_the_other_address(node: Driver) -> None:
    node.see(policy(load_balancer_ips=False))
    node.see(service())
    assert node.answered == {(VIP, "eth0")}
    node.see(policy(external_ips=False))
    assert node.answered == set()
    node.see(service(ingress=(OTHER,)))
    node.settle(2)
    assert node.answered == {(OTHER, "eth0")}


def test_other_interfaces_while_leading_keep_the_lease(node: Driver) -> None:
    node.handle(Links((link("eno01", 2), link("eth0", 3, bytes.fromhex("0242ac130013")))))
    node.see(policy(interfaces=("eno01",)))
    node.see(service())
    assert node.answered == {(VIP, "eno01")}
    writes = len(node.writes)
    node.see(policy(interfaces=("eth0",)))
    assert node.answered == {(VIP, "eth0")}
    assert len(node.writes) == writes


def test_addresses_that_come_and_go_while_leading(node: Driver) -> None:
    node.see(policy())
    node.see(service())
    node.see(service(external_ips=(VIP, OTHER)))
    assert node.answered == {(VIP, "eth0"), (OTHER, "eth0")}
    assert node.announced() == [(VIP, "eth0"), (OTHER, "eth0")]
    node.see(service(external_ips=()))
    assert node.answered == set()


def test_a_label_that_stops_matching_ends_it(node: Driver) -> None:
    node.see(policy())
    node.see(service())
    node.see(service(labels={"color": "red"}))
    assert node.answered == set()
    assert node.holder(BLUE) == ""


def test_only_our_class_or_none_is_announced_on_every_path(node: Driver) -> None:
    node.see(service(load_balancer_class="kube-vip.io/kube-vip-class"))
    node.see(policy())
    assert node.answered == set()
    assert not [write for write in node.writes if write.name.startswith("cilium-")]
    node.see(service(load_balancer_class="io.cilium/l2-announcer"))
    assert node.answered == {(VIP, "eth0")}
    node.see(service(load_balancer_class="kube-vip.io/kube-vip-class"))
    assert node.answered == set()
    assert "belongs to another load balancer" in node.state(BLUE)[1]


def test_a_deleted_service_is_silent_and_its_lease_runs_out(node: Driver) -> None:
    node.see(policy())
    node.see(service())
    node.gone(Kind.SERVICE, BLUE)
    assert node.answered == set()
    node.settle(20)
    assert node.holder(BLUE) == NODE
    assert node.writes[-1].name == "l2announcer-controller"


def test_a_node_without_a_matching_interface_does_not_contest(node: Driver) -> None:
    node.see(policy(interfaces=("^bond",)))
    node.see(service())
    assert node.holder(BLUE) is None
    assert "no interface matches ^bond (there are: eth0)" in node.state(BLUE)[1]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"carrier": False}, "interface eth0 has no carrier"),
        ({"up": False}, "interface eth0 is down"),
        ({"master": 7}, "interface eth0 is a port of another interface"),
        ({"ethernet": False}, "interface eth0 is no Ethernet interface"),
    ],
)
def test_an_interface_that_cannot_be_used_loses_the_service(
    node: Driver, fields: dict[str, Any], why: str
) -> None:
    node.see(policy())
    node.see(service())
    node.handle(Links((link(**fields),)))
    node.settle()
    assert node.answered == set()
    assert node.holder(BLUE) == ""
    assert why in node.state(BLUE)[1]


def test_proxied_unparsable_and_impossible_addresses_are_named_and_left_out(node: Driver) -> None:
    node.see(policy())
    entries = (
        Ingress(ip="10.0.0.1", ip_mode="Proxy"),
        Ingress(ip="nonsense"),
        Ingress(ip="ff02::1"),
    )
    node.see(replace(service(), ingress=entries))
    assert node.answered == {(VIP, "eth0")}
    sentences = [reason.message for reason in node.announcer.selections.of(BLUE).reasons]
    assert [sentence.split()[0] for sentence in sentences] == ["10.0.0.1", "'nonsense'", "ff02::1"]


def test_addresses_of_both_families_are_probed_announced_and_answered_alike(node: Driver) -> None:
    node.see(policy())
    node.see(service(external_ips=(VIP, VIP6)))
    assert node.answered == {(VIP, "eth0"), (VIP6, "eth0")}
    for address in (VIP, VIP6):
        messages = [f.message for f in node.frames if str(f.announcement.address) == address]
        assert messages[:2] == [Message.PROBE, Message.ANNOUNCE]


def test_a_policy_edited_into_something_bad_keeps_its_last_good_version(node: Driver) -> None:
    node.see(policy())
    node.see(service())
    node.see(policy(interfaces=("(?=eth)",)))
    assert node.answered == {(VIP, "eth0")}
    written = [write for write in node.statuses if write.kind is Kind.POLICY]
    condition = written[-1].patch["status"]["conditions"][0]
    assert condition["type"] == "io.cilium/bad-interface-regex"
    assert condition["status"] == "True"
    assert "(?=eth)" in condition["message"]
