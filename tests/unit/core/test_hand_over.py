"""Who asks whom for a Lease, and when; whom a holder heeds, and for how long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from l2announcer.core.election import Wish
from l2announcer.core.facts import Refusal
from l2announcer.core.hand_over import (
    HEEDED_SECONDS,
    RECONSIDER_SECONDS,
    TURN_SECONDS,
    HandOver,
    Stance,
)
from l2announcer.core.lease import GIVEN_SECONDS
from l2announcer.core.model import PREFERRED_NODE, Key, LeaseRecord, Service, Wanted
from l2announcer.core.moves import Moves, Moving
from tests.unit.core.election_rig import BOOT, HERE, TERMS, THERE, Rig, theirs

LEAVING = replace(HERE, leaving=True)
SERVICE = Service(key=Key("default", "app1"))
PREFERRED = replace(SERVICE, annotations={PREFERRED_NODE: "a"})
QUIET = TERMS.quiet_seconds
HERE_FIRST, THERE_FIRST = Stance(order=("a", "b")), Stance(order=("b", "a"))


class Table:
    """The Lease of node a's hand-over, its Elector, and what it may take part in."""

    def __init__(self, moves: Moves | None = None) -> None:
        self.rig = Rig()
        self.hand_over = HandOver(self.rig.elector)
        self.hand_over.settled = True
        self.moving = Moving(giving=moves or Moves(), wanting=Moves())

    def poll(self, at: float, stance: Stance, **terms: Any) -> None:
        settled = replace(TERMS, **terms)
        self.hand_over.poll(BOOT + at, settled, self.moving, lambda: stance)

    def wants(self, at: float, stance: Stance = HERE_FIRST, **terms: Any) -> bool:
        self.poll(at, stance, **terms)
        return self.hand_over.wants

    def gives_to(self, at: float, stance: Stance = THERE_FIRST, **terms: Any) -> str:
        self.poll(at, stance, **terms)
        return self.rig.elector.intent.give_to

    def see(self, at: float = 0.0, **fields: Any) -> LeaseRecord:
        return self.rig.see(theirs(at, **fields), at)

    def held(self, wanted: Wanted | None = None) -> LeaseRecord:
        """Node a holds it; a node may want it."""
        mine = self.rig.hold()
        if wanted is not None:
            mine = self.rig.see(replace(mine, wanted=wanted), 0.0)
        return mine


# Wanting


def test_what_is_placed_better_here_is_wanted_after_the_quiet_period() -> None:
    table = Table()
    table.see(duration_seconds=1000)
    assert not table.wants(0.0)
    assert table.hand_over.wake_at == BOOT + QUIET
    assert not table.wants(QUIET - 0.1)
    assert table.wants(QUIET)


@pytest.mark.parametrize(
    ("fields", "stance", "terms"),
    [
        ({}, THERE_FIRST, {}),
        ({}, Stance(order=("c", "d")), {}),
        ({}, HERE_FIRST, {"spread": False}),
        ({}, HERE_FIRST, {"may_take": False}),
        ({}, HERE_FIRST, {"holding": LEAVING}),
        ({}, Stance(order=("c", "a", "b")), {}),
        ({"holding": None}, HERE_FIRST, {}),
        ({"holder": ""}, HERE_FIRST, {}),
        ({"duration_seconds": 15}, HERE_FIRST, {}),
        ({"wanted": Wanted("c", 4)}, HERE_FIRST, {}),
        ({"duration_seconds": GIVEN_SECONDS, "wanted": Wanted("b", 3)}, HERE_FIRST, {}),
    ],
)
def test_what_is_not_wanted(fields: dict[str, Any], stance: Stance, terms: dict[str, Any]) -> None:
    """Placed no better, full, leaving, no favourite; a stranger's, free, wished for, given."""
    table = Table()
    table.see(**{"duration_seconds": 1000, **fields})
    assert not table.wants(0.0, stance, **terms)
    assert not table.wants(QUIET, stance, **terms)


def test_a_loss_and_a_move_begin_the_quiet_period_anew() -> None:
    table = Table()
    table.see(duration_seconds=1000)
    table.wants(0.0)
    table.rig.elector.want(Wish.RELEASE)
    assert not table.wants(QUIET)
    table.rig.elector.want(Wish.HOLD)
    assert not table.wants(QUIET)
    assert table.wants(2 * QUIET)
    table.see(2 * QUIET, duration_seconds=1000, transitions=5)
    assert not table.wants(2 * QUIET)
    assert not table.wants(3 * QUIET - 0.1)
    assert table.wants(3 * QUIET)


def test_asked_for_by_hand_it_is_wanted_at_once_with_spread_or_without() -> None:
    table = Table()
    table.see()
    table.hand_over.compare([SERVICE], [PREFERRED])
    assert table.wants(0.0, spread=False)


def test_a_name_that_was_taken_away_is_no_reason_to_hurry() -> None:
    table = Table()
    table.see(duration_seconds=1000)
    assert not table.wants(0.0)
    table.hand_over.compare([SERVICE], [PREFERRED])
    table.hand_over.compare([PREFERRED], [SERVICE])
    assert not table.wants(QUIET)
    assert not table.wants(2 * QUIET - 0.1)
    assert table.wants(2 * QUIET)


def test_by_hand_counts_for_the_node_that_is_named() -> None:
    table = Table()
    table.see()
    table.hand_over.compare([SERVICE], [PREFERRED])
    assert not table.wants(0.0, THERE_FIRST)
    assert not table.wants(RECONSIDER_SECONDS, HERE_FIRST)


def test_what_was_declined_is_asked_again_after_a_quiet_period() -> None:
    table = Table()
    table.see(duration_seconds=1000)
    table.wants(0.0)
    assert table.wants(QUIET)
    table.see(QUIET, duration_seconds=1000, wanted=Wanted("a", 4))
    assert table.wants(QUIET + 1)
    table.see(QUIET + 2, duration_seconds=1000)
    assert not table.wants(QUIET + 2)
    assert table.wants(2 * QUIET + 2)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_from_a_node_that_is_leaving_favourites_want_it_one_after_another(place: int) -> None:
    table = Table()
    order = ["c", "d"]
    order.insert(place, "a")
    stance = Stance(order=(*order, "b"))
    table.see(holding=replace(THERE, leaving=True))
    assert table.wants(0.0, stance, spread=False) is (place == 0)
    assert table.wants(place * TURN_SECONDS, stance, spread=False)


def test_a_node_that_never_serves_it_does_not_want_it_from_one_that_leaves() -> None:
    table = Table()
    table.see(holding=replace(THERE, leaving=True))
    assert not table.wants(0.0, Stance(order=("c", "b")))
    assert not table.wants(5.0, Stance(order=("c", "b")))


# Giving


def test_the_holder_gives_to_who_comes_before_it() -> None:
    table = Table()
    table.held(Wanted("b", 0))
    assert table.gives_to(1.0) == "b"


@pytest.mark.parametrize(
    ("wanted", "stance"),
    [
        (None, THERE_FIRST),
        (Wanted("b", 1), THERE_FIRST),
        (Wanted("a", 0), THERE_FIRST),
        (Wanted("b", 0), HERE_FIRST),
        (Wanted("c", 0), THERE_FIRST),
    ],
)
def test_who_is_not_heeded(wanted: Wanted | None, stance: Stance) -> None:
    """Nobody asks; for another count; this node itself; one placed worse, or not at all."""
    table = Table()
    table.held(wanted)
    assert table.gives_to(1.0, stance) == ""


def test_a_node_that_leaves_or_stops_gives_to_anybody() -> None:
    table = Table()
    table.held(Wanted("c", 0))
    assert table.gives_to(1.0, HERE_FIRST, holding=LEAVING) == "c"
    table.rig.elector.want(Wish.RELEASE)
    assert table.gives_to(1.0, HERE_FIRST) == "c"


def test_who_does_not_answer_for_all_of_it_gives_nothing() -> None:
    table = Table()
    table.held(Wanted("b", 0))
    table.hand_over.settled = False
    assert table.gives_to(1.0) == ""
    table.rig.elector.want(Wish.RELEASE)
    assert table.gives_to(1.0) == ""


def test_who_is_not_sure_of_the_lease_gives_nothing() -> None:
    table = Table()
    table.held(Wanted("b", 0))
    table.rig.write(2.0)
    table.rig.refuse(Refusal.UNAVAILABLE, 2.5)
    assert table.gives_to(3.0) == ""


def test_a_wish_is_heeded_for_some_seconds_and_declined_then() -> None:
    moves = Moves(at_once=0)
    table = Table(moves)
    table.held(Wanted("b", 0))
    assert table.gives_to(1.0) == ""
    assert table.hand_over.wake_at == BOOT + 1.0 + HEEDED_SECONDS
    assert table.rig.elector.intent.declined is None
    assert table.gives_to(1.0 + HEEDED_SECONDS) == ""
    assert table.rig.elector.intent.declined == Wanted("b", 0)


def test_a_gift_is_under_way_until_it_was_taken() -> None:
    moves = Moves(at_once=1)
    table = Table(moves)
    mine = table.held(Wanted("b", 0))
    assert table.gives_to(1.0) == "b"
    given = replace(
        mine, holder="b", transitions=1, duration_seconds=GIVEN_SECONDS, wanted=Wanted("b", 0)
    )
    table.rig.see(given, 1.0)
    table.gives_to(1.0)
    assert not moves.begin("other", 1.0, paced=False)
    table.see(1.1, transitions=1)
    table.gives_to(1.1)
    assert moves.begin("other", 1.1, paced=False)


def test_a_gift_that_nobody_takes_is_over_when_it_ran_out() -> None:
    """The Service may be gone: nobody wants the Lease, which goes on saying that it was given."""
    moves = Moves(at_once=1)
    table = Table(moves)
    mine = table.held(Wanted("b", 0))
    assert table.gives_to(1.0) == "b"
    given = replace(
        mine, holder="b", transitions=1, duration_seconds=GIVEN_SECONDS, wanted=Wanted("b", 0)
    )
    table.rig.see(given, 1.0)
    table.rig.elector.want(Wish.ABANDON)
    table.gives_to(1.5)
    assert table.hand_over.wake_at == BOOT + 1.0 + GIVEN_SECONDS
    table.gives_to(1.0 + GIVEN_SECONDS)
    assert moves.begin("other", 2.0, paced=False)


def test_what_was_given_and_is_not_wanted_any_more_makes_room() -> None:
    table = Table()
    table.see(duration_seconds=1000)
    table.wants(0.0)
    assert table.wants(QUIET)
    given = {"holder": "a", "transitions": 5, "duration_seconds": GIVEN_SECONDS}
    table.see(QUIET, wanted=Wanted("a", 4), **given)
    assert table.wants(QUIET)
    table.rig.elector.want(Wish.ABANDON)
    assert not table.wants(QUIET)


def test_where_nodes_stand_is_looked_at_anew_before_anything_is_given() -> None:
    moves = Moves(at_once=0)
    table = Table(moves)
    table.held(Wanted("b", 0))
    table.gives_to(1.0)
    table.moving = Moving(giving=Moves(), wanting=Moves())
    assert table.gives_to(2.0, Stance(order=("a",))) == ""
    assert table.rig.elector.intent.declined == Wanted("b", 0)


def test_who_stops_and_may_not_give_releases() -> None:
    table = Table()
    table.held(Wanted("b", 0))
    table.rig.elector.want(Wish.RELEASE)
    assert table.gives_to(1.0) == "b"
    table.rig.write(1.0)
    table.rig.refuse(Refusal.DENIED, 1.1)
    assert table.gives_to(1.1) == ""
    assert table.rig.write(1.1).body["spec"]["holderIdentity"] == ""
