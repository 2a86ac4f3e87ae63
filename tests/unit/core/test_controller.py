"""The controller acts in its tenure and after its read only; conditions are written on change."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from l2announcer.core.cluster import Cluster
from l2announcer.core.controller import CONTROLLER_LEASE, Controller
from l2announcer.core.effects import Effects, StatusWrite
from l2announcer.core.election import Elector
from l2announcer.core.facts import (
    Gone,
    Listed,
    Refusal,
    StatusRefused,
    StatusWritten,
)
from l2announcer.core.ipam import Ipam
from l2announcer.core.model import Block, Condition, Key, Kind, Policy, Pool, Port, Service
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
        self.controller = Controller(self.elector, self.cluster, ipam)
        self.cluster.listed(Listed(Kind.POLICY, policies, "5"))

    def poll(self, now: float = NOW) -> tuple[bool, Effects]:
        self.controller.take(self.cluster.take_changes())
        out = Effects()
        return self.controller.poll(now, WALL, out), out

    def begin(self) -> None:
        """The read that a tenure begins with."""
        owed, _ = self.poll()
        assert owed
        self.controller.services_read(answered=True)

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


def test_a_read_without_an_answer_is_asked_for_again() -> None:
    world = World(BAD)
    world.poll()
    world.controller.services_read(answered=False)
    world.controller.services_read(answered=True)  # somebody else's
    assert world.poll() == (True, Effects())
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
    assert event.message == f"{message}; the last good version stays in force"


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
