"""The controller acts in its tenure and after its read only; conditions are written on change."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from math import inf
from typing import Any

import pytest

from l2announcer.core.cluster import Cluster
from l2announcer.core.coexistence import CILIUM_OPERATOR_LEASE, Operator
from l2announcer.core.controller import (
    CONTROLLER_LEASE,
    HOSTS_RETRY_SECONDS,
    HOSTS_SECONDS,
    SERVICES_RETRY_SECONDS,
    Controller,
)
from l2announcer.core.effects import Effects, ReadHosts, StatusWrite, Transition
from l2announcer.core.election import Elector
from l2announcer.core.facts import (
    Gone,
    HostsRead,
    Listed,
    Refusal,
    StatusRefused,
    StatusWritten,
)
from l2announcer.core.ipam import Ipam
from l2announcer.core.model import (
    Block,
    Condition,
    Key,
    Kind,
    LeaseRecord,
    Policy,
    Pool,
    Port,
    Service,
)
from l2announcer.core.policy import BAD_INTERFACE_REGEX, BAD_NODE_SELECTOR
from l2announcer.core.status_writes import RETRY_SECONDS

P = Key("", "p")
NOW, WALL = 100.0, 1_764_000_000.0
TIME = "2025-11-24T16:00:00Z"
BAD = Policy(key=P, uid="u-1", resource_version="5", generation=3, interfaces=("(",))
OTHERS = Condition(type="Other", status="True", reason="r", last_transition_time="t")


class World:
    """A controller in its tenure, and what it knows."""

    def __init__(self, *policies: Policy, ipam: Ipam | None = None) -> None:
        self.cluster = Cluster()
        self.elector = Elector(CONTROLLER_LEASE)
        self.elector.tenure.until = inf
        self.operator = Operator()
        self.controller = Controller(self.elector, self.cluster, ipam, self.operator)
        self.cluster.listed(Listed(Kind.POLICY, policies, "5"))

    def poll(self, now: float = NOW) -> tuple[bool, Effects]:
        self.controller.take(self.cluster.take_changes())
        out = Effects()
        return self.controller.poll(now, WALL, out), out

    def begin(self) -> None:
        """The reads that a tenure begins with."""
        owed, _ = self.poll()
        assert owed
        self.controller.services_read(answered=True)
        if self.controller.ipam is not None:
            _, out = self.poll()
            if ReadHosts() in out.calls:
                self.controller.hosts_read(HostsRead({}), NOW)

    def writes(self, now: float = NOW) -> list[StatusWrite]:
        _, out = self.poll(now)
        return [call for call in out.calls if isinstance(call, StatusWrite)]

    def see(self, policy: Policy) -> None:
        """The policy as a watch shows it after a write of ours, or an edit."""
        self.cluster.seen(policy)

    def accept(self, policy: Policy) -> None:
        self.controller.written(StatusWritten(Kind.POLICY, policy))
        self.see(policy)


def conditions(write: StatusWrite) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = write.patch["status"]["conditions"]
    return listed


def bad(*standing: Condition, version: int = 5) -> Policy:
    return replace(BAD, conditions=standing, resource_version=str(version))


def told(version: int = 6) -> Policy:
    """The bad policy with the condition that tells of it."""
    world = World(BAD)
    world.begin()
    (write,) = world.writes()
    (said,) = conditions(write)
    condition = Condition(
        type=said["type"],
        status=said["status"],
        reason=said["reason"],
        message=said["message"],
        observed_generation=said["observedGeneration"],
        last_transition_time=said["lastTransitionTime"],
    )
    return bad(condition, version=version)


# When it acts


def test_nothing_without_the_tenure() -> None:
    world = World(BAD)
    world.elector.tenure.void()
    owed, out = world.poll()
    assert not owed
    assert out == Effects()


def test_first_a_read_asked_for_once_and_then_it_acts() -> None:
    world = World(BAD)
    assert world.poll() == (True, Effects())
    assert world.poll() == (False, Effects())
    world.controller.services_read(answered=True)
    assert len(world.writes()) == 1


def test_a_read_without_an_answer_is_asked_for_again_after_a_while() -> None:
    world = World(BAD)
    world.poll()
    world.controller.services_read(answered=False)
    world.controller.services_read(answered=True)  # somebody else's
    later = NOW + SERVICES_RETRY_SECONDS
    assert world.poll(NOW + 0.1) == (False, Effects(wake_at=later))
    assert world.poll(later) == (True, Effects())
    world.controller.services_read(answered=True)
    assert len(world.writes()) == 1


def test_a_read_that_nobody_asked_for_in_this_tenure_does_not_count() -> None:
    world = World(BAD)
    world.controller.services_read(answered=True)
    assert world.poll() == (True, Effects())


def test_every_tenure_begins_with_a_read_of_its_own() -> None:
    world = World(BAD)
    world.begin()
    world.elector.tenure.void()
    world.poll()
    world.elector.tenure.until = inf
    assert world.poll() == (True, Effects())


# Conditions


def test_a_problem_becomes_a_condition_and_an_event() -> None:
    world = World(bad(OTHERS))
    world.begin()
    _, out = world.poll()
    (write,) = out.calls
    assert isinstance(write, StatusWrite)
    assert (write.kind, write.key) == (Kind.POLICY, P)
    assert write.patch["metadata"] == {"resourceVersion": "5"}
    others, ours = conditions(write)
    assert others["type"] == "Other"
    message = ours.pop("message")
    assert message.startswith("spec.interfaces[0]: '(' is not a regular expression")
    assert ours == {
        "type": BAD_INTERFACE_REGEX,
        "status": "True",
        "observedGeneration": 3,
        "lastTransitionTime": TIME,
        "reason": "error",
    }
    (event,) = out.events
    assert (event.key, event.uid, event.reason, event.warning) == (P, "u-1", "BadPolicy", True)
    assert event.message == (
        f"{message}; nodes that know a good version of the policy keep to that, others leave it out"
    )


def test_a_good_policy_is_left_alone() -> None:
    world = World(replace(BAD, interfaces=(), conditions=(OTHERS,)))
    world.begin()
    assert world.writes() == []


def test_no_second_write_while_one_is_under_way_nor_after_it_stands() -> None:
    world = World(BAD)
    world.begin()
    assert len(world.writes()) == 1
    assert world.writes(NOW + 100) == []
    world.accept(told())
    assert world.writes(NOW + 200) == []


def test_a_refused_write_is_tried_again_later() -> None:
    world = World(BAD)
    world.begin()
    world.writes()
    world.controller.refused(StatusRefused(Kind.POLICY, P, Refusal.UNAVAILABLE), NOW)
    _, out = world.poll()
    assert out.calls == []
    assert out.wake_at == NOW + RETRY_SECONDS
    assert len(world.writes(NOW + RETRY_SECONDS)) == 1


def test_another_problem_is_written_again_on_the_newer_version() -> None:
    world = World(BAD)
    world.begin()
    world.writes()
    world.accept(told())
    world.see(replace(told(version=7), generation=4, interfaces=("[",)))
    (write,) = world.writes()
    assert write.patch["metadata"] == {"resourceVersion": "7"}
    (ours,) = conditions(write)
    assert ours["observedGeneration"] == 4
    assert "'['" in ours["message"]


def test_a_mended_one_turns_to_false_and_says_no_more() -> None:
    world = World(told())
    world.see(replace(told(version=7), interfaces=("eth0",), generation=4))
    world.begin()
    _, out = world.poll()
    (write,) = out.calls
    assert isinstance(write, StatusWrite)
    (ours,) = conditions(write)
    assert ours == {
        "type": BAD_INTERFACE_REGEX,
        "status": "False",
        "observedGeneration": 4,
        "lastTransitionTime": TIME,
        "reason": "error",
        "message": "",
    }
    assert out.events == []


def test_a_mended_one_is_written_once_whatever_its_later_generations() -> None:
    mended = Condition(
        type=BAD_NODE_SELECTOR,
        status="False",
        reason="error",
        observed_generation=4,
        last_transition_time=TIME,
    )
    good = replace(BAD, interfaces=(), generation=9, conditions=(mended, OTHERS))
    world = World(good)
    world.begin()
    assert world.writes() == []


# Addresses


def pool(version: int = 5) -> Pool:
    return Pool(key=P, resource_version=str(version), blocks=(Block(cidr="172.19.0.240/30"),))


def app(version: int = 5) -> Service:
    return Service(
        key=Key("default", "app1"),
        uid="u-2",
        resource_version=str(version),
        created=TIME,
        type="LoadBalancer",
        ip_families=("IPv4",),
        ports=(Port(port=80),),
    )


@pytest.fixture
def world() -> World:
    """A controller that gives addresses, with one pool and one Service that waits for one."""
    built = World(ipam=Ipam(rest_seconds=30))
    built.cluster.listed(Listed(Kind.POOL, (pool(),), "5"))
    built.cluster.listed(Listed(Kind.SERVICE, (app(),), "5"))
    return built


def given(writes: list[StatusWrite]) -> list[str]:
    return [
        entry["ip"]
        for write in writes
        if write.kind is Kind.SERVICE
        for entry in write.patch["status"]["loadBalancer"]["ingress"]
    ]


def test_addresses_are_given_after_the_read_of_the_tenure(world: World) -> None:
    world.elector.tenure.void()
    assert world.writes() == []
    world.elector.tenure.until = inf
    owed, out = world.poll()
    assert owed
    assert out.calls == []
    world.controller.services_read(answered=True)
    _, out = world.poll()
    assert out.calls == [ReadHosts()]
    world.controller.hosts_read(HostsRead({}), NOW)
    assert given(world.writes()) == ["172.19.0.240"]


def test_a_refused_address_is_written_again(world: World) -> None:
    world.begin()
    world.writes()
    refused = StatusRefused(Kind.SERVICE, app().key, Refusal.UNAVAILABLE)
    world.controller.refused(refused, NOW)
    assert given(world.writes(NOW + RETRY_SECONDS)) == ["172.19.0.240"]


def test_a_service_or_a_pool_that_is_gone_gets_nothing(world: World) -> None:
    world.cluster.gone(Gone(Kind.SERVICE, app().key, "6"))
    world.begin()
    assert given(world.writes()) == []
    world.cluster.gone(Gone(Kind.POOL, P, "6"))
    world.cluster.seen(app(7))
    assert given(world.writes()) == []


def test_where_another_gives_addresses_none_are_given() -> None:
    world = World()
    world.cluster.listed(Listed(Kind.POOL, (pool(),), "5"))
    world.cluster.listed(Listed(Kind.SERVICE, (app(),), "5"))
    world.begin()
    assert world.writes() == []
    world.controller.written(StatusWritten(Kind.SERVICE, app()))
    world.controller.refused(StatusRefused(Kind.SERVICE, app().key, Refusal.CONFLICT), NOW)


# Addresses that are the cluster's own


def reads(world: World, now: float = NOW) -> bool:
    """Are the hosts to be read?"""
    return ReadHosts() in world.poll(now)[1].calls


def test_nothing_is_given_before_it_is_known_what_nodes_have(world: World) -> None:
    world.poll()
    world.controller.services_read(answered=True)
    assert reads(world)
    assert world.writes() == []
    world.controller.hosts_read(HostsRead(None, Refusal.UNAVAILABLE), NOW)
    _, out = world.poll()
    assert out.calls == []
    assert out.wake_at == NOW + HOSTS_RETRY_SECONDS
    later = NOW + HOSTS_RETRY_SECONDS
    assert reads(world, later)
    hosts = {ip_address("172.19.0.240"): "node worker"}
    world.controller.hosts_read(HostsRead(hosts), later)
    assert given(world.writes(later)) == ["172.19.0.241"]


def test_what_may_not_be_read_stops_nothing_and_is_told(world: World) -> None:
    world.poll()
    world.controller.services_read(answered=True)
    world.poll()
    world.controller.hosts_read(HostsRead({}, Refusal.DENIED), NOW)
    assert given(world.writes()) == ["172.19.0.240"]
    assert "Nodes cannot be read (denied)" in world.controller.hosts_problem


def test_hosts_are_read_every_minute_and_in_each_tenure(world: World) -> None:
    world.begin()
    world.poll()
    assert not reads(world, NOW + HOSTS_SECONDS - 0.1)
    assert reads(world, NOW + HOSTS_SECONDS)
    assert not reads(world, NOW + 10 * HOSTS_SECONDS)  # one at a time
    world.elector.tenure.void()
    world.poll()
    world.elector.tenure.until = inf
    world.poll()
    world.controller.services_read(answered=True)
    assert reads(world)


def test_without_pools_nobody_asks_for_hosts() -> None:
    world = World(ipam=Ipam(rest_seconds=30))
    world.cluster.listed(Listed(Kind.POOL, (), "5"))
    world.poll()
    world.controller.services_read(answered=True)
    assert not reads(world)


# Beside Cilium's operator


def operator(number: int, holder: str = "control-plane-x") -> LeaseRecord:
    """The Lease of the operator's leader after so many renewals."""
    return LeaseRecord(
        name=CILIUM_OPERATOR_LEASE,
        resource_version=str(number),
        holder=holder,
        duration_seconds=15,
        renew_time=f"2025-11-24T16:00:{number:02}.000000Z",
    )


def test_it_stands_by_while_ciliums_operator_is_at_work_and_says_so(world: World) -> None:
    world.operator.observe(operator(1), NOW)
    world.begin()
    _, out = world.poll()
    assert out.calls == []
    assert out.wake_at == NOW + 15
    why = world.controller.standing_by(NOW)
    assert "Cilium's operator (control-plane-x) renews the Lease" in why
    world.operator.observe(operator(2), NOW + 10)
    assert world.writes(NOW + 20) == []


def test_what_it_does_is_logged_once(world: World) -> None:
    world.operator.observe(operator(1), NOW)
    world.poll()
    world.controller.services_read(answered=True)
    _, out = world.poll()
    assert out.transitions == [Transition("LB IPAM stands by", world.controller.standing_by(NOW))]
    assert world.poll()[1].transitions == []
    _, out = world.poll(NOW + 15)
    assert [each.what for each in out.transitions] == ["LB IPAM takes over"]


@pytest.mark.parametrize("end", ["expired", "released", "deleted"])
def test_it_takes_over_after_a_read_of_its_own(world: World, end: str) -> None:
    world.operator.observe(operator(1), NOW)
    world.begin()
    world.poll()
    now = NOW + (15 if end == "expired" else 1)
    if end == "released":
        world.operator.observe(operator(2, holder=""), now)
    elif end == "deleted":
        world.operator.observe(None, now)
    world.poll(now)
    owed, out = world.poll(now)
    assert owed
    assert out.calls == []
    world.controller.services_read(answered=True)
    world.poll(now)
    world.controller.hosts_read(HostsRead({}), now)
    assert given(world.writes(now)) == ["172.19.0.240"]


def test_policies_are_told_of_meanwhile(world: World) -> None:
    world.cluster.listed(Listed(Kind.POLICY, (BAD,), "5"))
    world.operator.observe(operator(1), NOW)
    world.poll()
    world.controller.services_read(answered=True)
    assert [write.kind for write in world.writes()] == [Kind.POLICY]


def test_a_lease_seen_again_unchanged_is_no_younger(world: World) -> None:
    world.operator.observe(operator(1), NOW)
    world.operator.observe(operator(1), NOW + 14)
    assert world.controller.standing_by(NOW + 14.9)
    assert not world.controller.standing_by(NOW + 15)


def test_who_is_told_to_give_all_the_same_does(world: World) -> None:
    world.controller.operator = None
    world.begin()
    assert given(world.writes()) == ["172.19.0.240"]
