"""Which node has an endpoint of a Local Service, and whose EndpointSlices are watched for that."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from math import inf

import pytest

from l2announcer.core.effects import Effects
from l2announcer.core.endpoints import EVERYWHERE, NAMES_LIMIT, NEEDLESS_SECONDS, Endpoints, Places
from l2announcer.core.facts import Gone, Listed, Object
from l2announcer.core.model import (
    ALL,
    Announcement,
    EndpointSlice,
    Key,
    Kind,
    Service,
    Span,
)
from l2announcer.core.selection import Reason, Selection

BLUE = Service(key=Key("default", "blue"), external_traffic_policy="Local")
RED = replace(BLUE, key=Key("default", "red"))
CHOSEN = Selection(
    (Announcement(ip_address("172.19.0.240"), "eth0"),), (Reason("policy q", "does not match"),)
)
ONLY_BLUE = Span(frozenset({"blue"}))


def found(
    *ready: str,
    draining: str = "",
    idle: str = "",
    service: Service = BLUE,
    name: str = "blue-1",
    version: int = 11,
) -> EndpointSlice:
    """An EndpointSlice; `draining` and `idle` name nodes between spaces."""
    return EndpointSlice(
        key=Key("default", name),
        resource_version=str(version),
        service=service.key,
        ready=frozenset(ready),
        draining=frozenset(draining.split()),
        idle=frozenset(idle.split()),
    )


class World:
    """A node named `worker` that would announce BLUE."""

    def __init__(self, *slices: EndpointSlice) -> None:
        self.endpoints = Endpoints("worker")
        self.narrowed()
        assert self.asked(0.0) == ONLY_BLUE
        self.list(*slices)

    def list(self, *slices: Object, version: str = "10", span: Span = ONLY_BLUE) -> set[Key]:
        return self.endpoints.listed(Listed(Kind.ENDPOINT_SLICE, slices, version, span=span))

    def narrowed(self, service: Service = BLUE, selection: Selection = CHOSEN) -> Selection:
        return self.endpoints.narrow(service, selection)

    def asked(self, now: float) -> Span | None:
        """What is to be watched from now on; None is what was."""
        self.out = Effects()
        self.endpoints.poll(now, self.out)
        return self.out.endpoints

    def why_not(self) -> str:
        selection = self.narrowed()
        assert selection.announcements == ()
        assert selection.reasons[0] == CHOSEN.reasons[0]
        return str(selection.reasons[-1])


@pytest.mark.parametrize(
    "slices",
    [
        [found("worker")],
        [found("other", "worker", idle="third")],
        [found("other"), found("worker", name="blue-2")],
        [found(draining="worker", idle="other")],
        [found(draining="worker other")],
        [found("", "worker")],
    ],
)
def test_who_has_an_endpoint_that_serves_announces(slices: list[EndpointSlice]) -> None:
    assert World(*slices).narrowed() == CHOSEN


@pytest.mark.parametrize(
    ("slices", "where"),
    [
        ([], "no node has one"),
        ([found(idle="worker")], "no node has one"),
        ([found("other", idle="worker")], "there are such on other"),
        ([found(draining="other")], "there are such on other"),
        ([found("b", "a"), found("c", name="blue-2")], "there are such on a, b, c"),
        ([found(*"abcdefg")], "there are such on a, b, c, d, e and 2 more"),
        ([found("", idle="worker")], "no node has one"),
        ([found(idle="")], "no node has one"),
    ],
)
def test_who_has_none_does_not_and_says_who_could(slices: list[EndpointSlice], where: str) -> None:
    assert World(*slices).why_not() == (
        "Service default/blue: has externalTrafficPolicy Local and no endpoint on this node that is"
        f" ready; {where}"
    )


def test_who_has_only_terminating_ones_is_leaving_if_another_has_a_ready_one() -> None:
    selection = World(found("other", draining="worker")).narrowed()
    assert selection.announcements == CHOSEN.announcements
    (reason,) = selection.leaving
    assert str(reason) == (
        "Service default/blue: has only terminating endpoints on this node, and there are such on"
        " other that are ready"
    )


def test_where_no_endpoint_says_where_it_is_any_node_may_announce() -> None:
    # such as those that Cilium's Gateway makes, whose proxies listen on every node
    assert World(found("")).narrowed() == CHOSEN
    assert World(found("")).endpoints.places(BLUE) == EVERYWHERE


def test_before_the_list_nobody_knows() -> None:
    world = World(found("worker"))
    unlisted = replace(RED, key=Key("other", "red"))
    selection = world.narrowed(unlisted)
    assert selection.pending
    assert selection.announcements == ()
    assert str(selection.reasons[-1]) == (
        "Service other/red: has externalTrafficPolicy Local, and its EndpointSlices aren't listed"
        " yet"
    )


def test_without_the_policy_or_an_announcement_nothing_is_asked_for() -> None:
    endpoints = Endpoints("worker")
    anywhere = replace(BLUE, external_traffic_policy="Cluster")
    assert endpoints.narrow(anywhere, CHOSEN) is CHOSEN
    none = Selection()
    assert endpoints.narrow(BLUE, none) is none
    out = Effects()
    endpoints.poll(0.0, out)
    assert (out.endpoints, out.wake_at) == (None, inf)
    assert endpoints.places(anywhere) == EVERYWHERE


def test_what_is_watched_grows_with_the_services_that_need_it() -> None:
    world = World(found("worker"))
    assert world.asked(1.0) is None
    world.narrowed(RED)
    both = Span(frozenset({"blue", "red"}))
    assert world.asked(2.0) == both
    assert world.narrowed() == CHOSEN, "what is known goes on to count until the new list is there"
    assert world.narrowed(RED).pending
    # known to be newer than this list, but the list was asked for after that watch had ended
    assert world.list(found("other"), version="5", span=both) == {BLUE.key, RED.key}
    assert world.endpoints.places(BLUE) == Places(frozenset({"other"}))
    assert not world.narrowed(RED).pending


def test_where_they_are_many_all_are_watched() -> None:
    world = World()
    for number in range(NAMES_LIMIT):
        world.narrowed(replace(BLUE, key=Key("default", f"app{number}")))
    assert world.asked(1.0) == ALL
    world.narrowed(RED)
    assert world.asked(1.0) is None


def test_a_needless_watch_ends_after_a_while() -> None:
    world = World(found("worker"))
    world.endpoints.forget(BLUE.key)
    assert world.asked(5.0) is None
    assert world.out.wake_at == 5.0 + NEEDLESS_SECONDS
    world.narrowed()
    assert world.asked(6.0) is None, "it's needed again"
    world.narrowed(replace(BLUE, external_traffic_policy="Cluster"))
    assert world.asked(10.0) is None
    assert world.asked(10.0 + NEEDLESS_SECONDS) == Span()
    assert world.out.wake_at == inf
    assert world.list(found("worker")) == set(), "what comes late is not kept"
    assert world.endpoints.seen(found("worker", version=12)) == set()
    assert world.narrowed().pending
    assert world.asked(100.0) == ONLY_BLUE


def test_what_is_seen_concerns_the_services_that_it_was_and_is_of() -> None:
    world = World(found("worker"))
    assert world.endpoints.seen(found("worker", version=12)) == set(), "nothing new"
    assert world.endpoints.seen(found("other", version=13)) == {BLUE.key}
    assert world.endpoints.seen(found("worker", version=12)) == set(), "it's old"
    assert world.endpoints.places(BLUE) == Places(frozenset({"other"}))
    assert world.endpoints.seen(found("worker", name="red-1", service=RED)) == set(), "not wanted"
    world.narrowed(RED)
    moved = found("worker", service=RED, version=14)
    assert world.endpoints.seen(moved) == {BLUE.key, RED.key}
    assert world.endpoints.places(BLUE) == Places()
    assert world.endpoints.places(RED) == Places(frozenset({"worker"}))


def test_one_that_is_gone_counts_no_more() -> None:
    world = World(found("worker"), found("other", name="blue-2"))
    assert world.endpoints.gone(Gone(Kind.ENDPOINT_SLICE, Key("default", "blue-1"), "15")) == {
        BLUE.key
    }
    assert world.endpoints.places(BLUE) == Places(frozenset({"other"}))
    assert world.endpoints.gone(Gone(Kind.ENDPOINT_SLICE, Key("default", "blue-9"), "16")) == set()


def test_a_list_replaces_what_was_known() -> None:
    world = World(found("worker", version=8), found("other", name="blue-2", version=20))
    world.list(found("third", name="blue-3", version=9), version="12")
    assert world.endpoints.places(BLUE) == Places(frozenset({"other", "third"})), (
        "what came while the list was under way stays"
    )
    restored = (found("worker", version=3),)
    world.endpoints.listed(Listed(Kind.ENDPOINT_SLICE, restored, "4", True, ONLY_BLUE))
    assert world.endpoints.places(BLUE) == Places(frozenset({"worker"}))
