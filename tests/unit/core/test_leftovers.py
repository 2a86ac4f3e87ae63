"""Which Leases are deleted, and when; above all, which never."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from l2announcer.core.cluster import Cluster
from l2announcer.core.contest import Contest
from l2announcer.core.effects import DeleteLease, Effects, Transition
from l2announcer.core.election import Wish
from l2announcer.core.facts import LeaseDeleted, Listed, Refusal
from l2announcer.core.leftovers import AT_ONCE, LOOK_SECONDS, Leftovers
from l2announcer.core.model import Holding, Key, Kind, LeaseRecord, Node

REST = 300.0
GONE = LeaseRecord(
    name="cilium-l2announce-default-gone",
    resource_version="7",
    holder="n1",
    duration_seconds=15,
    renew_time="t",
    holding=Holding(boot="b", netns=1),
    raw={"metadata": {"uid": "u-7"}},
)
BEAT = replace(GONE, name="l2announcer-node-n9", holder="n9", duration_seconds=180)


class World:
    """The controller's view; of Services only `known` Leases' exist, of Nodes n1."""

    def __init__(self, *records: LeaseRecord, rest_seconds: float = REST) -> None:
        self.cluster = Cluster("n1")
        self.cluster.listed(Listed(Kind.NODE, (Node(key=Key("", "n1")),)))
        self.contests: dict[str, Contest] = {}
        self.known = {"cilium-l2announce-default-here"}
        self.leftovers = Leftovers(
            self.cluster, self.contests, self.known.__contains__, rest_seconds
        )
        self.now = 1000.0
        self.out = Effects()
        self.told: list[Transition] = []
        for record in records:
            self.see(record)

    def see(self, record: LeaseRecord) -> None:
        contest = self.contests.setdefault(record.name, Contest(record.name))
        contest.elector.observe(record, self.now)

    def after(self, seconds: float, *, answered: bool = True) -> list[DeleteLease]:
        """What is deleted until then, where each read of Services finds those that are known."""
        end, deleted = self.now + seconds, []
        while self.now < end:
            self.out = Effects()
            wanted = self.leftovers.poll(self.now, self.out)
            self.told += self.out.transitions
            deleted += [call for call in self.out.calls if isinstance(call, DeleteLease)]
            if wanted:
                self.leftovers.services_read(answered=answered)
                continue
            self.now = min(self.out.wake_at, end)
        return deleted


def test_what_ran_out_and_rested_is_deleted_as_it_was_seen() -> None:
    world = World(GONE)
    assert world.after(REST) == []
    assert list(world.leftovers.waiting) == [GONE.name]
    assert world.after(2 * LOOK_SECONDS) == [DeleteLease(GONE.name, "u-7", "7")]
    assert [(each.what, each.keys) for each in world.told] == [
        ("Lease deleted", {"lease": GONE.name})
    ]
    assert world.after(REST - LOOK_SECONDS) == [], "once, until it has rested again"


@pytest.mark.parametrize(
    "record",
    [
        replace(GONE, holding=None),
        replace(BEAT, holding=None),
        replace(GONE, name="cilium-l2announce-default-here"),
        replace(GONE, duration_seconds=100_000),
        replace(GONE, duration_seconds=2_147_483_647),
        replace(BEAT, name="l2announcer-node-n1", holder="n1"),
        replace(GONE, name="l2announcer-controller"),
        replace(GONE, raw={}),
    ],
)
def test_what_is_a_stranger_s_or_held_or_needed_stays(record: LeaseRecord) -> None:
    assert World(record).after(10 * REST) == []


def test_what_this_node_wants_stays() -> None:
    world = World(GONE)
    world.contests[GONE.name].elector.want(Wish.HOLD)
    assert world.after(10 * REST) == []


def test_what_was_given_back_is_deleted_too() -> None:
    assert World(replace(GONE, holder="")).after(2 * REST) != []


def test_a_change_begins_the_rest_anew() -> None:
    world = World(GONE)
    assert world.after(REST - 1) == []
    world.see(replace(GONE, resource_version="8", renew_time="t2"))
    assert world.after(REST) == []
    assert world.after(2 * LOOK_SECONDS) == [DeleteLease(GONE.name, "u-7", "8")]


def test_what_changes_during_the_read_stays() -> None:
    world = World(GONE)
    world.after(REST)
    while not world.leftovers.poll(world.now, Effects()):
        world.now += LOOK_SECONDS
    world.see(replace(GONE, resource_version="8", renew_time="t2"))
    world.leftovers.services_read(answered=True)
    out = Effects()
    world.leftovers.poll(world.now, out)
    assert out.calls == []


def test_a_service_that_the_read_finds_keeps_its_lease() -> None:
    world = World(GONE)
    world.after(REST)
    while not world.leftovers.poll(world.now, Effects()):
        world.now += LOOK_SECONDS
    world.known.add(GONE.name)
    world.leftovers.services_read(answered=True)
    assert world.after(10 * REST) == []


def test_without_an_answer_nothing_is_deleted() -> None:
    world = World(GONE)
    assert world.after(3 * REST, answered=False) == []
    assert world.after(LOOK_SECONDS + 1) != []


def test_a_read_that_was_asked_for_by_another_confirms_nothing() -> None:
    world = World(GONE)
    world.after(REST - 1)
    world.leftovers.services_read(answered=True)
    out = Effects()
    world.leftovers.poll(world.now + 2 * REST, out)
    assert out.calls == []


def test_a_heartbeat_goes_with_its_node_but_not_before_the_leases_that_name_it() -> None:
    assert World(BEAT).after(REST + 180 + 2 * LOOK_SECONDS) == [DeleteLease(BEAT.name, "u-7", "7")]
    names_it = replace(GONE, name="cilium-l2announce-default-here", holder="n9")
    assert World(BEAT, names_it).after(10 * REST) == []


def test_many_are_deleted_some_at_a_time() -> None:
    records = [replace(GONE, name=f"cilium-l2announce-default-x{n}") for n in range(AT_ONCE + 3)]
    world = World(*records)
    assert len(world.after(REST + LOOK_SECONDS + 30)) == AT_ONCE
    assert len(world.after(LOOK_SECONDS)) == 3


def test_another_controller_begins_anew() -> None:
    world = World(GONE)
    world.after(REST - 1)
    world.leftovers.forget()
    assert world.after(REST - 1) == []


def test_a_missing_right_is_told_once_with_the_cure() -> None:
    world = World(GONE)
    denied = LeaseDeleted(GONE.name, Refusal.DENIED)
    told = []
    for _ in range(2):
        world.leftovers.deleted(denied)
        out = Effects()
        world.leftovers.poll(world.now, out)
        told += [each.reason for each in out.transitions]
    assert told == [world.leftovers.problem]
    assert "kubectl apply -f config/rbac.yaml" in told[0]
    world.leftovers.deleted(LeaseDeleted(GONE.name, Refusal.CONFLICT))
    assert world.leftovers.problem
    world.leftovers.deleted(LeaseDeleted(GONE.name))
    assert world.leftovers.problem == ""


def test_it_can_be_switched_off() -> None:
    world = World(GONE, rest_seconds=0.0)
    assert not world.leftovers.poll(10**6, world.out)
    assert world.out == Effects()
    assert world.out.wake_at == inf
