"""Selection: which pairs, and for every pair that is not there a reason that says what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2announcer.core.model import (
    L2_CLASS,
    Announcement,
    Ingress,
    Key,
    LabelSelector,
    Link,
    Node,
    Policy,
    Service,
)
from l2announcer.core.policy import CompiledPolicy, compile_policy
from l2announcer.core.selection import Selection, select

NODE = Node(key=Key("", "worker"), labels={"zone": "a"})
ETH0 = Link(index=2, name="eth0", up=True, carrier=True)
ETH1 = Link(index=3, name="eth1", up=True, carrier=True)


def service(**fields: Any) -> Service:
    base: dict[str, Any] = {"labels": {"color": "blue"}, "external_ips": ("172.19.0.240",)}
    return Service(key=Key("default", "app1"), **{**base, **fields})


def policy(name: str = "p", **fields: Any) -> CompiledPolicy:
    base: dict[str, Any] = {"external_ips": True, "load_balancer_ips": True}
    compiled = compile_policy(Policy(key=Key("", name), **{**base, **fields}))
    assert isinstance(compiled, CompiledPolicy)
    return compiled


def labels(**wanted: str) -> LabelSelector:
    return LabelSelector(match_labels=tuple(wanted.items()))


def pairs(selection: Selection) -> list[tuple[str, str]]:
    return [(str(address), interface) for address, interface in selection.announcements]


def reasons(selection: Selection) -> list[str]:
    return [str(reason) for reason in selection.reasons]


def one(
    found: Service,
    *policies: CompiledPolicy,
    node: Node | None = NODE,
    links: tuple[Link, ...] = (ETH0,),
) -> Selection:
    return select(found, policies, node, links)


def test_addresses_times_interfaces_in_the_order_of_numbers() -> None:
    found = service(external_ips=("172.19.0.10", "172.19.0.9"))
    assert pairs(one(found, policy(), links=(ETH1, ETH0))) == [
        ("172.19.0.9", "eth0"),
        ("172.19.0.9", "eth1"),
        ("172.19.0.10", "eth0"),
        ("172.19.0.10", "eth1"),
    ]


def test_only_the_kinds_of_addresses_that_the_policy_enables() -> None:
    found = service(ingress=(Ingress(ip="172.19.0.241"),))
    assert pairs(one(found, policy(load_balancer_ips=False))) == [("172.19.0.240", "eth0")]
    assert pairs(one(found, policy(external_ips=False))) == [("172.19.0.241", "eth0")]
    assert len(pairs(one(found, policy()))) == 2


def test_ipv6_addresses_follow_those_of_ipv4() -> None:
    found = service(external_ips=("fd00::240", "172.19.0.240", "fe80::240"))
    assert pairs(one(found, policy())) == [
        ("172.19.0.240", "eth0"),
        ("fd00::240", "eth0"),
        ("fe80::240", "eth0"),
    ]


def test_an_address_of_both_kinds_is_announced_once() -> None:
    found = service(ingress=(Ingress(ip="172.19.0.240"),))
    assert pairs(one(found, policy())) == [("172.19.0.240", "eth0")]


def test_policies_add_up_each_with_its_own_interfaces() -> None:
    found = service(ingress=(Ingress(ip="172.19.0.241"),))
    external = policy("p", load_balancer_ips=False, interfaces=("eth0",))
    given_out = policy("q", external_ips=False, interfaces=("eth1",))
    selection = one(found, external, given_out, links=(ETH0, ETH1))
    assert pairs(selection) == [("172.19.0.240", "eth0"), ("172.19.0.241", "eth1")]


@pytest.mark.parametrize("own_class", [None, "", L2_CLASS])
def test_a_class_that_is_ours(own_class: str | None) -> None:
    assert one(service(load_balancer_class=own_class), policy()).announcements


def test_a_class_of_another_load_balancer() -> None:
    selection = one(service(load_balancer_class="metallb"), policy())
    assert selection.announcements == ()
    assert reasons(selection) == [
        "Service default/app1: spec.loadBalancerClass metallb belongs to another load balancer"
    ]


def test_a_node_that_was_not_seen() -> None:
    selection = one(service(), policy(), node=None)
    assert selection.announcements == ()
    assert reasons(selection) == ["this node: its Node object has not been seen yet"]


def test_no_policy_at_all() -> None:
    assert reasons(one(service())) == ["policies: no CiliumL2AnnouncementPolicy exists"]


S = "Service default/app1: "
P = "CiliumL2AnnouncementPolicy p: "


@pytest.mark.parametrize(
    ("found", "fields", "links", "sentence"),
    [
        (
            {},
            {"node_selector": labels(zone="b")},
            (ETH0,),
            P + "nodeSelector does not match node worker",
        ),
        (
            {},
            {"service_selector": labels(color="red")},
            (ETH0,),
            P + "serviceSelector does not match",
        ),
        (
            {},
            {"external_ips": False, "load_balancer_ips": False},
            (ETH0,),
            P + "neither externalIPs nor loadBalancerIPs is true, so it announces nothing",
        ),
        (
            {"external_ips": ()},
            {},
            (ETH0,),
            P + "Service default/app1 has neither spec.externalIPs nor an IP in its status",
        ),
        (
            {},
            {"external_ips": False},
            (ETH0,),
            P + "Service default/app1 has no IP in its status",
        ),
        (
            {"external_ips": ()},
            {"load_balancer_ips": False},
            (ETH0,),
            P + "Service default/app1 has no spec.externalIPs",
        ),
        (
            {},
            {"interfaces": ("^bond", "x$")},
            (ETH0, Link(index=1, name="lo", loopback=True, ethernet=False)),
            P + "no interface matches ^bond, x$ (there are: eth0)",
        ),
        (
            {},
            {},
            (Link(index=2, name="veth1", up=True, carrier=True),),
            P + "no interface matches (every interface but those of pods) (there are: veth1)",
        ),
        ({}, {"interfaces": ("eth0",)}, (), P + "no interface matches eth0 (there are: none)"),
        (
            {},
            {"interfaces": ("eth0",)},
            (Link(index=2, name="eth0"),),
            P + "interface eth0 is down",
        ),
        (
            {},
            {"interfaces": ("eth0",)},
            (Link(index=2, name="eth0", up=True),),
            P + "interface eth0 has no carrier",
        ),
        (
            {},
            {"interfaces": ("eth.",)},
            (
                Link(index=2, name="eth0", up=True, carrier=True, master=9),
                Link(index=3, name="eth1", up=True, carrier=True, ethernet=False),
            ),
            P + "interface eth0 is a port of another interface; interface eth1 is no Ethernet"
            " interface",
        ),
        (
            {"external_ips": ("nonsense",)},
            {},
            (ETH0,),
            "Service default/app1: 'nonsense' is not an IP address",
        ),
        *(
            (
                {"external_ips": (address,)},
                {},
                (ETH0,),
                f"{S}{address} is no address that a host on the network can have",
            )
            for address in ("ff02::1", "::", "::1", "224.0.0.1", "0.0.0.0", "127.0.0.1")
        ),
        (
            {"external_ips": (), "ingress": (Ingress(ip="172.19.0.241", ip_mode="Proxy"),)},
            {},
            (ETH0,),
            (
                "Service default/app1: 172.19.0.241 has ipMode Proxy: it is not to be reached on"
                " the network"
            ),
        ),
    ],
)
def test_every_no_has_its_sentence(
    found: dict[str, Any], fields: dict[str, Any], links: tuple[Link, ...], sentence: str
) -> None:
    selection = one(service(**found), policy(**fields), links=links)
    assert selection.announcements == ()
    assert reasons(selection) == [sentence]


def test_what_is_wrong_with_one_address_takes_nothing_from_the_others() -> None:
    selection = one(service(external_ips=("nonsense", "172.19.0.240")), policy())
    assert pairs(selection) == [("172.19.0.240", "eth0")]
    assert len(selection.reasons) == 1


def test_an_ingress_by_host_name_is_no_address() -> None:
    selection = one(service(external_ips=(), ingress=(Ingress(hostname="x"),)), policy())
    assert selection.announcements == ()


def test_ip_mode_vip_is_what_no_mode_means() -> None:
    found = service(external_ips=(), ingress=(Ingress(ip="172.19.0.241", ip_mode="VIP"),))
    assert pairs(one(found, policy())) == [("172.19.0.241", "eth0")]


@pytest.mark.parametrize(
    "name", ["veth12", "lxc_health", "cilium_host", "cni0", "docker0", "flannel.1", "cali1"]
)
def test_interfaces_of_pods_are_used_only_where_a_pattern_names_them(name: str) -> None:
    links = (Link(index=7, name=name, up=True, carrier=True),)
    assert one(service(), policy(), links=links).announcements == ()
    named = one(service(), policy(interfaces=(f"^{name}$",)), links=links)
    assert pairs(named) == [("172.19.0.240", name)]


POLICIES = st.lists(
    st.builds(
        policy,
        name=st.sampled_from("pqrs"),
        interfaces=st.sampled_from([(), ("eth0",), ("eth1",), ("^bond",)]),
        external_ips=st.booleans(),
        load_balancer_ips=st.booleans(),
        node_selector=st.sampled_from([None, labels(zone="a"), labels(zone="b")]),
        service_selector=st.sampled_from([None, labels(color="blue"), labels(color="red")]),
    ),
    max_size=4,
)


@given(policies=POLICIES, data=st.data())
def test_the_order_of_policies_does_not_matter(
    policies: list[CompiledPolicy], data: st.DataObject
) -> None:
    found = service(ingress=(Ingress(ip="172.19.0.241"), Ingress(ip="fd00::1")))
    shuffled = data.draw(st.permutations(policies))
    here = one(found, *policies, links=(ETH0, ETH1))
    there = one(found, *shuffled, links=(ETH1, ETH0))
    assert here.announcements == there.announcements
    assert sorted(set(reasons(here))) == sorted(set(reasons(there)))
    assert here.announcements or here.reasons, "a no without a reason"


@given(policies=POLICIES)
def test_each_policy_adds_and_none_takes_away(policies: list[CompiledPolicy]) -> None:
    found = service(ingress=(Ingress(ip="172.19.0.241"),))
    links = (ETH0, ETH1)
    alone: set[Announcement] = set()
    for each in policies:
        alone |= set(one(found, each, links=links).announcements)
    assert set(one(found, *policies, links=links).announcements) == alone


def test_of_two_interfaces_on_one_segment_the_first_announces() -> None:
    twins = [replace(ETH1, segment="eth0"), replace(ETH0, segment="eth0")]
    selection = select(service(), [policy()], NODE, twins)
    assert pairs(selection) == [("172.19.0.240", "eth0")]
    assert reasons(selection) == [
        "interface eth1: is on one network segment with eth0, which answers"
    ]


def test_a_policy_for_the_second_interface_alone_is_answered_there() -> None:
    twins = [replace(ETH0, segment="eth0"), replace(ETH1, segment="eth0")]
    selection = select(service(), [policy(interfaces=("eth1",))], NODE, twins)
    assert pairs(selection) == [("172.19.0.240", "eth1")]
    assert reasons(selection) == []


def test_without_ipv6_on_an_interface_only_ipv4_is_announced_there() -> None:
    links = [replace(ETH0, ipv6=False), ETH1]
    selection = select(service(external_ips=("172.19.0.240", "fd00::240")), [policy()], NODE, links)
    assert pairs(selection) == [
        ("172.19.0.240", "eth0"),
        ("172.19.0.240", "eth1"),
        ("fd00::240", "eth1"),
    ]
    (reason,) = reasons(selection)
    assert reason == (
        "interface eth0: IPv6 is disabled there; enable it:"
        " sysctl -w net/ipv6/conf/eth0/disable_ipv6=0"
    )
