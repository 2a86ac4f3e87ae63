"""The controller gives addresses after its reads, and never those of the cluster's own hosts."""

from __future__ import annotations

from ipaddress import ip_address
from math import inf

from l2announcer.core.controller import (
    HOSTS_RETRY_SECONDS,
    HOSTS_SECONDS,
)
from l2announcer.core.effects import ReadHosts
from l2announcer.core.facts import (
    Gone,
    HostsRead,
    Listed,
    Refusal,
    StatusRefused,
    StatusWritten,
)
from l2announcer.core.hold_over import DENIED_SECONDS
from l2announcer.core.ipam import Ipam
from l2announcer.core.model import (
    Kind,
)
from l2announcer.core.status_writes import RETRY_SECONDS
from tests.unit.core.controller_world import (
    NOW,
    P,
    World,
    app,
    given,
    pool,
    world,
)

__all__ = ["world"]


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
    assert given(world.writes()) == [], "an API server that starts denies everything"
    later = NOW + DENIED_SECONDS
    assert reads(world, later)
    world.controller.hosts_read(HostsRead({}, Refusal.DENIED), later)
    assert given(world.writes()) == ["172.19.0.240"]
    assert "Nodes cannot be read (denied)" in world.controller.hosts_problem


def test_a_denial_that_passes_takes_nothing_away_that_is_known(world: World) -> None:
    world.poll()
    world.controller.services_read(answered=True)
    world.poll()
    host = {ip_address("172.19.0.240"): "node n1"}
    world.controller.hosts_read(HostsRead(host), NOW)
    world.controller.hosts_read(HostsRead({}, Refusal.DENIED), NOW + HOSTS_SECONDS)
    assert given(world.writes()) == ["172.19.0.241"]


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
