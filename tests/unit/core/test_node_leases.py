"""What heartbeats keep, as any node judges it: free or not, and whom to fence when."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from l2announcer.core import lease
from l2announcer.core.effects import LeaseWrite
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import Refusal
from l2announcer.core.model import LeaseRecord
from l2announcer.core.node_leases import NodeLeases
from l2announcer.core.terms import RANK_SECONDS
from tests.unit.core.election_rig import BOOT, NAME, TERMS, THERE, UNIX, L

BEAT = "l2announcer-node-b"
OTHER = "cilium-l2announce-default-app2"


class World:
    """What node a knows of the Leases of node b, whose heartbeat lasts 3 s; seconds from 0."""

    def __init__(self) -> None:
        self.electors: dict[str, Elector] = {}
        self.turn = 0
        self.leases = NodeLeases(self.elector, lambda *_: self.turn)
        self.version = 0
        self.terms = TERMS
        self.elector(NAME).want(Wish.HOLD)

    def elector(self, name: str) -> Elector:
        if name not in self.electors:
            self.electors[name] = Elector(name)
        return self.electors[name]

    def see(self, record: LeaseRecord, at: float) -> set[str]:
        self.version += 1
        record = replace(record, resource_version=str(self.version), renew_time=f"t{self.version}")
        elector = self.elector(record.name)
        self.leases.note(elector)
        elector.observe(record, BOOT + at)
        return set(self.leases.follow(BOOT + at))

    def gone(self, name: str, at: float) -> None:
        self.version += 1
        self.leases.note(self.elector(name))
        self.elector(name).observe(None, BOOT + at, version=str(self.version))
        self.leases.follow(BOOT + at)

    def judge(self, name: str, at: float) -> list[str]:
        return list(self.leases.judge(self.elector(name), BOOT + at, self.terms))

    def poll(self, name: str, at: float) -> LeaseRecord | None:
        """What is written to a Lease now; nothing comes of it."""
        for each in (NAME, name):
            self.judge(each, at)
        call = self.elector(name).poll(BOOT + at, UNIX + at, TERMS)
        assert call is None or isinstance(call, LeaseWrite)
        return lease.decode(call.body) if call is not None else None

    def free_since(self, at: float) -> float:
        self.judge(NAME, at)
        return self.elector(NAME).held_until - BOOT

    def fence_at(self, at: float) -> float:
        for name in (NAME, BEAT):
            self.judge(name, at)
        return self.elector(BEAT).intent.fence_at - BOOT


def kept(number: int = 4, name: str = NAME) -> LeaseRecord:
    holding = replace(THERE, mode="node", heartbeat=number)
    return LeaseRecord(
        name=name,
        resource_version="",
        holder="b",
        duration_seconds=lease.ENDLESS_SECONDS,
        holding=holding,
    )


def beat(number: int = 4, holder: str = "b") -> LeaseRecord:
    return LeaseRecord(
        name=BEAT,
        resource_version="",
        holder=holder,
        duration_seconds=3,
        transitions=number,
        holding=THERE,
    )


@pytest.fixture
def world() -> World:
    world = World()
    world.see(beat(), 0.0)
    world.see(kept(), 0.0)
    return world


def test_it_is_held_though_the_heartbeat_ran_out(world: World) -> None:
    for at in (0.0, 3.0, 100.0):
        assert world.free_since(at) == inf


def test_it_is_free_since_the_heartbeat_was_released(world: World) -> None:
    assert world.see(beat(holder=""), 5.0) == {NAME}
    assert world.free_since(6.0) == 5.0


def test_it_is_free_since_the_heartbeat_has_a_later_number(world: World) -> None:
    world.see(beat(5, holder=""), 5.0)
    assert world.free_since(6.0) == 5.0
    world.see(beat(6), 7.0)
    assert world.free_since(8.0) == 7.0, "b is back, under a number that the Lease doesn't name"


def test_that_it_is_free_is_known_before_anybody_wishes(world: World) -> None:
    world.see(beat(5, holder=""), 2.0)
    elector = world.elector(NAME)
    elector.known.freed_at = inf
    world.leases.refresh([elector, world.elector("other")])
    assert elector.held_until == BOOT + 2.0


def test_a_lease_that_names_a_later_number_is_held_whatever_is_seen_of_the_heartbeat() -> None:
    world = World()
    world.see(kept(5), 0.0)
    for record in (beat(4), beat(4, holder=""), beat(0)):
        world.see(record, 1.0)
        assert world.free_since(1.0) == inf


def test_a_renewal_of_the_heartbeat_concerns_no_lease(world: World) -> None:
    assert world.see(beat(), 2.0) == set()


def test_a_silent_node_is_fenced_when_its_heartbeat_ran_out_by_rank(world: World) -> None:
    world.see(beat(), 2.0)
    assert world.fence_at(2.0) == 5.0
    world.turn = 2
    assert world.fence_at(5.0) == pytest.approx(5.0 + 2 * RANK_SECONDS)
    world.turn = 0
    assert world.poll(BEAT, 4.999) is None
    fenced = world.poll(BEAT, 5.0)
    assert fenced is not None
    assert (fenced.holder, fenced.transitions, fenced.duration_seconds) == ("", 5, 1)
    assert fenced.holding == THERE, "its MACs are still good to know"


def test_what_is_kept_by_itself_fences_nobody() -> None:
    world = World()
    world.see(beat(), 0.0)
    world.see(replace(kept(), duration_seconds=L, holding=THERE), 0.0)
    assert world.fence_at(10.0) == inf
    assert world.free_since(0.0) == L


def test_who_wants_nothing_fences_nobody(world: World) -> None:
    world.elector(NAME).want(Wish.ABANDON)
    assert world.fence_at(10.0) == inf


def test_that_somebody_waits_is_told_once(world: World) -> None:
    assert world.judge(NAME, 1.0) == [BEAT]
    assert world.judge(NAME, 1.0) == []
    world.elector(NAME).want(Wish.RELEASE)
    assert world.judge(NAME, 1.0) == [BEAT]


def test_a_missing_heartbeat_is_waited_for_and_then_made_past_all_numbers() -> None:
    world = World()
    world.see(kept(4), 1.0)
    world.see(kept(7, OTHER), 1.0)
    assert world.free_since(1.0) == inf
    assert world.fence_at(1.0) == 1.0 + L
    assert world.poll(BEAT, L) is None
    made = world.poll(BEAT, 1.0 + L)
    assert made is not None
    assert (made.holder, made.transitions) == ("", 8)


def test_one_that_vanished_is_waited_for_too(world: World) -> None:
    world.gone(BEAT, 2.0)
    assert world.free_since(2.0) == inf
    assert world.fence_at(2.0) == 2.0 + L


def test_one_that_began_anew_is_behind_and_waited_for_too(world: World) -> None:
    world.see(replace(beat(1, holder=""), duration_seconds=1), 2.0)
    assert world.fence_at(2.0) == 2.0 + L
    fenced = world.poll(BEAT, 2.0 + L)
    assert fenced is not None
    assert fenced.transitions == 5


def test_who_got_no_answer_to_a_fence_leaves_one_attempt_to_the_other(world: World) -> None:
    assert world.poll(BEAT, 3.0) is not None
    elector = world.elector(BEAT)
    elector.refused(Refusal.UNAVAILABLE, BOOT + 8.0)
    elector.poll(BOOT + 9.0, UNIX, TERMS)
    elector.read(elector.record, None, BOOT + 10.0)
    attempt_seconds = TERMS.renew_seconds + TERMS.request_seconds
    assert world.fence_at(11.0) == 10.0 + attempt_seconds


def test_a_lease_that_vanished_is_still_kept(world: World) -> None:
    world.gone(NAME, 1.0)
    assert world.free_since(1.0) == inf
    assert world.fence_at(2.0) == 3.0
    world.see(beat(5, holder=""), 4.0)
    assert world.free_since(4.0) == 4.0
    assert world.elector(NAME).record is None


def test_what_a_hand_left_of_it_is_still_kept() -> None:
    record = replace(kept(), renew_time="then")
    body = lease.body(name=NAME, namespace="kube-system", read=None, record=record)
    body["spec"]["renewTime"] = "by hand"
    assert lease.decode(body).under == ("b", 4)
    body["spec"]["leaseDurationSeconds"] = 15
    assert lease.decode(body).under is None, "another client's"


# This node's own heartbeat

OWN_BEAT = "l2announcer-node-a"


def own_kept(number: int) -> LeaseRecord:
    return replace(kept(number), holder="a", holding=replace(THERE, heartbeat=number))


def test_a_missing_heartbeat_of_ours_that_leases_name_is_waited_for() -> None:
    world = World()
    world.elector(OWN_BEAT).want(Wish.HOLD)
    world.see(own_kept(3), 2.0)
    assert world.poll(OWN_BEAT, 2.0 + L - 0.001) is None
    made = world.poll(OWN_BEAT, 2.0 + L)
    assert made is not None
    assert (made.holder, made.transitions) == ("a", 4)


def test_nothing_is_waited_for_that_no_lease_names() -> None:
    world = World()
    world.elector(OWN_BEAT).want(Wish.HOLD)
    made = world.poll(OWN_BEAT, 0.0)
    assert made is not None
    assert made.transitions == 0


def test_what_we_wrote_ourselves_and_vanished_is_made_again_under_the_same_number() -> None:
    world = World()
    own = world.elector(OWN_BEAT)
    own.want(Wish.HOLD)
    world.see(replace(beat(3, holder=""), name=OWN_BEAT), 0.0)
    taken = world.poll(OWN_BEAT, 0.0)
    assert taken is not None
    assert taken.transitions == 4
    world.version += 1
    own.written(replace(taken, resource_version=str(world.version)), BOOT)
    world.leases.note(own)
    world.leases.follow(BOOT)
    world.gone(OWN_BEAT, 5.0)
    made = world.poll(OWN_BEAT, 5.0)
    assert made is not None
    assert made.transitions == 4


def forgotten(world: World, *names: str) -> int:
    """The number under which a silent node is fenced for whom these Leases were forgotten."""
    for name in names:
        world.gone(name, 1.0)
        world.leases.forget(name)
    world.electors = {}
    world.elector(OTHER).want(Wish.HOLD)
    world.see(kept(number=1, name=OTHER), 2.0)
    world.judge(OTHER, 2.0)
    fenced = world.poll(BEAT, 2.0 + L)
    assert fenced is not None
    return fenced.transitions


def test_of_a_node_that_came_and_went_nothing_is_remembered(world: World) -> None:
    assert forgotten(world, NAME, BEAT) == 2


def test_a_number_is_remembered_while_a_lease_names_it(world: World) -> None:
    assert forgotten(world, BEAT) == 5


# Beginning


def foreign(at: float, world: World) -> None:
    world.see(replace(kept(), holder="cilium", duration_seconds=15, holding=None), at)


def test_nothing_begins_while_a_stranger_holds_a_lease() -> None:
    world = World()
    foreign(0.0, world)
    why = world.leases.holds_back(BOOT + 1.0, "a")
    assert NAME in why
    assert "cilium" in why
    assert world.leases.holds_back(BOOT + 15.0, "a") == ""
    foreign(20.0, world)
    assert world.leases.holds_back(BOOT + 21.0, "a") == "", "once begun, it goes on"


def test_who_went_on_before_begins_at_once() -> None:
    world = World()
    foreign(0.0, world)
    world.see(replace(own_kept(3), name=OTHER), 0.0)
    assert world.leases.holds_back(BOOT + 1.0, "a") == ""


@pytest.mark.parametrize(("mode", "taken"), [("service", True), ("node", False)])
def test_of_another_boot_only_a_heartbeat_that_keeps_leases_is_waited_for(
    mode: str, taken: bool
) -> None:
    world = World()
    world.terms = replace(TERMS, node_leases=True)
    world.elector(OWN_BEAT).want(Wish.HOLD)
    record = replace(beat(), name=OWN_BEAT, holder="a", duration_seconds=180)
    world.see(replace(record, holding=replace(THERE, mode=mode)), 0.0)
    world.judge(OWN_BEAT, 1.0)
    assert (world.elector(OWN_BEAT).poll(BOOT + 1.0, UNIX, TERMS) is not None) is taken
