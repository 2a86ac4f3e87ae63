"""What the daemon shows: health with reasons, one line of status, and numbers without surprises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import ip_address
from math import inf
from typing import cast

import pytest

from l2announcer.core.answers import WireProtocol
from l2announcer.core.effects import Gratuitous, Message
from l2announcer.core.facts import Links, Listed, Listens, Resign
from l2announcer.core.model import (
    Announcement,
    Block,
    Ear,
    Key,
    Kind,
    Node,
    Policy,
    Pool,
    Service,
)
from l2announcer.core.tenure import Tenure
from l2announcer.kube.client import Client
from l2announcer.kube.decode import Problem
from l2announcer.kube.reflector import Reflector
from l2announcer.lan.responder import ANSWERED, Responder
from l2announcer.metrics import AddressCount, EventCount, FrameCount, Metrics, WatchAge
from l2announcer.observation import STALE_WATCH_SECONDS, STUCK_SECONDS, Observation
from l2announcer.web.health import Check
from tests.scenarios.driver import Driver
from tests.unit.kube.watched import BRISK, TABLE

BLUE = Key("default", "blue")
ONE = Announcement(ip_address("172.19.0.240"), "eth0")
ONE6 = Announcement(ip_address("fd00::240"), "eth0")


class Shown:
    """A core, a responder without sockets, reflectors that nobody runs, and a clock to set."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.node = Driver()
        self.responder = Responder(post=lambda _: None, now=self.clock)
        self.observation = Observation(self.node.announcer, self.responder, now=self.clock)
        self.reflectors = {
            kind: Reflector(
                cast("Client", None),
                resource,
                post=lambda _: None,
                now=self.clock,
                chance=lambda: 0.5,
                pace=BRISK,
            )
            for kind, resource in TABLE.items()
        }
        self.metrics = Metrics("1", lambda: (), lambda: (), lambda: (), lambda: ())

    def clock(self) -> float:
        return self.now

    def listed(self) -> None:
        """Every kind was listed now."""
        self.node.warm()
        for reflector in self.reflectors.values():
            reflector.listed, reflector.last_confirmed_at = True, self.now

    def checks(self) -> Mapping[str, Check]:
        return {check.name: check for check in self.observation.ready()}

    def failed(self) -> dict[str, str]:
        return {check.name: check.reason for check in self.observation.ready() if not check.ok}

    def stepped(self) -> None:
        self.observation.stepped(self.now, self.metrics)

    def metric(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name)


@pytest.fixture
def shown() -> Shown:
    built = Shown()
    built.observation.reflectors = built.reflectors
    return built


def announce(node: Driver) -> None:
    node.see(Policy(key=Key("", "p"), external_ips=True))
    node.see(Service(key=BLUE, uid="u", external_ips=("172.19.0.240",)))


# Health


def test_before_the_first_lists_it_says_what_it_waits_for(shown: Shown) -> None:
    reason = "last heard of never: the first list is under way"
    assert shown.failed() == {
        **{kind.value: reason for kind in Kind},
        "interfaces": "the kernel has not listed them yet",
    }
    assert shown.observation.summary.startswith("waiting for: services, policies, pools, node")


def test_all_listed_is_ready(shown: Shown) -> None:
    shown.listed()
    assert shown.failed() == {}
    assert set(shown.checks()) == {"pump", "node", "interfaces", *(kind.value for kind in Kind)}


def test_a_node_that_does_not_exist_is_named(shown: Shown) -> None:
    shown.listed()
    other = Node(key=Key("", "other"), resource_version="1")
    shown.node.handle(Listed(Kind.NODE, (other,)))
    name = shown.node.announcer.terms.node
    sentence = f"there is no Node {name}: set nodeName to this node's name in the cluster"
    assert shown.failed() == {"node": sentence}


def test_a_watch_that_is_silent_for_long_is_not(shown: Shown) -> None:
    shown.listed()
    shown.now += STALE_WATCH_SECONDS
    shown.stepped()
    shown.reflectors[Kind.LEASE].problem = "not permitted to watch leases at https://192.0.2.1"
    shown.reflectors[Kind.LEASE].brief = "not permitted to watch leases"
    for kind, reflector in shown.reflectors.items():
        if kind is not Kind.LEASE:
            reflector.last_confirmed_at = shown.now - STALE_WATCH_SECONDS + 1
    assert shown.failed() == {"leases": "last heard of 300 s ago: not permitted to watch leases"}


def test_heard_of_but_not_listed_to_the_end_is_not(shown: Shown) -> None:
    shown.listed()
    shown.reflectors[Kind.SERVICE].listed = False
    assert shown.failed() == {"services": "last heard of 0 s ago: the first list is under way"}


def test_a_problem_alone_does_not_make_unready_while_the_view_is_fresh(shown: Shown) -> None:
    shown.listed()
    shown.reflectors[Kind.POLICY].problem = "the CRD is not installed"
    assert shown.failed() == {}


def test_interfaces_count_from_the_kernel_s_first_list(shown: Shown) -> None:
    shown.node.handle(Links(()))
    assert "interfaces" not in shown.failed()


def test_a_pump_that_is_stuck_is_neither_alive_nor_ready(shown: Shown) -> None:
    shown.listed()
    shown.stepped()
    shown.now += STUCK_SECONDS - 1
    assert [check.ok for check in shown.observation.live()] == [True]
    shown.now += 1
    (check,) = shown.observation.live()
    assert (check.name, check.ok) == ("pump", False)
    assert check.reason == "the pump made its last step 30 s ago"
    assert shown.failed() == {"pump": check.reason}
    shown.stepped()
    assert shown.failed() == {}


# What is held


def test_gains_and_losses_are_counted_and_told_in_a_line(shown: Shown) -> None:
    shown.listed()
    shown.stepped()
    assert shown.observation.summary == "answering for 0 of 0 Services"
    announce(shown.node)
    shown.stepped()
    assert shown.observation.summary == "answering for 1 of 1 Services"
    assert shown.metric("l2announcer_services_held") == 1
    assert shown.metric("l2announcer_lease_transitions_total") == 1
    shown.stepped()
    assert shown.metric("l2announcer_lease_transitions_total") == 1
    shown.node.handle(Resign())
    shown.node.settle()
    shown.stepped()
    assert shown.observation.summary == "answering for 0 of 1 Services"
    assert shown.metric("l2announcer_services_held") == 0
    assert shown.metric("l2announcer_lease_transitions_total") == 2


def test_status_adds_watches_and_interfaces_to_what_the_core_explains(shown: Shown) -> None:
    shown.listed()
    shown.now = shown.node.now
    announce(shown.node)
    sentence = "Pool p: spec.blocks is not a list"
    key = Key("", "p")
    shown.reflectors[Kind.POOL].problems[key] = Problem(kind=Kind.POOL, key=key, sentence=sentence)
    shown.reflectors[Kind.NODE].problem = "connection refused"
    shown.responder.troubles["eth1"] = "interface eth1: cannot listen"
    status = json.loads(json.dumps(shown.observation.status()))
    assert status["services"]["default/blue"]["state"] == "announcing"
    assert set(status["watches"]) == {kind.value for kind in Kind}
    assert status["watches"]["pools"]["unreadable"] == [sentence]
    assert status["watches"]["nodes"] == {
        "state": "listing",
        "problem": "connection refused",
        "unreadable": [],
    }
    assert status["interfaceTroubles"] == {"eth1": "interface eth1: cannot listen"}
    shown.node.handle(Listens(frozenset(), {Ear(2, 4): "cannot listen for ARP: no memory"}))
    shown.node.settle()
    troubles = shown.observation.status()["interfaceTroubles"]
    assert troubles == {
        "eth0": "interface eth0: cannot listen for ARP: no memory",
        "eth1": "interface eth1: cannot listen",
    }


# Numbers


def test_a_frame_that_came_in_is_a_request_and_nothing_else_is(shown: Shown) -> None:
    """Frames of our own, claims (counted by their frame already) and failures are not."""
    shown.responder.send([Gratuitous(ONE, Message.ANNOUNCE, Tenure(inf))])
    counts = shown.responder._counts["eth0", WireProtocol.ARP]
    counts.update({ANSWERED: 3, "not_ours": 2, "probed": 5, "claimed": 4, "send_down": 6})
    assert list(shown.observation.frames()) == [
        FrameCount("eth0", "arp", None, 3),
        FrameCount("eth0", "arp", "not_ours", 2),
    ]
    assert list(shown.observation.events()) == [
        EventCount("eth0", "no_socket", 1),
        EventCount("eth0", "probed", 5),
        EventCount("eth0", "claimed", 4),
        EventCount("eth0", "send_down", 6),
    ]


def test_frames_are_told_apart_by_protocol_and_events_are_not(shown: Shown) -> None:
    shown.responder.send([Gratuitous(each, Message.ANNOUNCE, Tenure(inf)) for each in (ONE, ONE6)])
    shown.responder._counts["eth0", WireProtocol.ARP].update({ANSWERED: 3})
    shown.responder._counts["eth0", WireProtocol.ND].update({ANSWERED: 4, "malformed": 1})
    assert list(shown.observation.frames()) == [
        FrameCount("eth0", "arp", None, 3),
        FrameCount("eth0", "nd", None, 4),
        FrameCount("eth0", "nd", "malformed", 1),
    ]
    assert list(shown.observation.events()) == [EventCount("eth0", "no_socket", 2)]


def test_a_watch_has_an_age_once_its_kind_was_listed(shown: Shown) -> None:
    assert list(shown.observation.watches()) == []
    shown.reflectors[Kind.LEASE].listed = True
    shown.reflectors[Kind.LEASE].last_confirmed_at = shown.now - 7
    assert list(shown.observation.watches()) == [WatchAge("leases", 7.0)]


def test_addresses_of_pools_are_counted_on_the_controller_only(shown: Shown) -> None:
    assert list(shown.observation.addresses()) == []
    giver = Driver(lb_ipam=True)
    observation = Observation(giver.announcer, shown.responder, now=lambda: giver.now)
    assert list(observation.addresses()) == []
    giver.warm()
    giver.see(Pool(key=Key("", "lan"), blocks=(Block(cidr="192.0.2.0/30"),)))
    giver.see(Service(key=BLUE, type="LoadBalancer"))
    assert list(observation.addresses()) == [
        AddressCount("lan", "available", 3),
        AddressCount("lan", "used", 1),
    ]
    giver.now += 100
    assert list(observation.addresses()) == []
