"""A controller in its tenure and what it knows, for the tests of what it does."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from l2announcer.core.cluster import Cluster
from l2announcer.core.coexistence import Operator
from l2announcer.core.controller import (
    CONTROLLER_LEASE,
    Controller,
)
from l2announcer.core.effects import Effects, ReadHosts, StatusWrite
from l2announcer.core.election import Elector
from l2announcer.core.facts import (
    HostsRead,
    Listed,
    StatusWritten,
)
from l2announcer.core.ipam import Ipam
from l2announcer.core.leftovers import Leftovers
from l2announcer.core.model import (
    Block,
    Condition,
    Key,
    Kind,
    Policy,
    Pool,
    Port,
    Service,
)

P = Key("", "p")
NOW, WALL = 100.0, 1_764_000_000.0
TIME = "2025-11-24T16:00:00Z"
BAD = Policy(key=P, uid="u-1", resource_version="5", generation=3, interfaces=("(",))
OTHERS = Condition(type="Other", status="True", reason="r", last_transition_time="t")


class World:
    """A controller in its tenure, and what it knows."""

    def __init__(self, *policies: Policy, ipam: Ipam | None = None) -> None:
        self.cluster = Cluster("worker")
        self.elector = Elector(CONTROLLER_LEASE)
        self.elector.tenure.until = inf
        self.operator = Operator()
        leftovers = Leftovers(self.cluster, {}, lambda _: True, 0.0)
        self.controller = Controller(self.elector, self.cluster, ipam, self.operator, leftovers)
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
