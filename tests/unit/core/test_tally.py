"""What a node holds, counted as it changes."""

from __future__ import annotations

from l2announcer.core.contest import Contest
from l2announcer.core.model import Key
from l2announcer.core.tally import Tally

A, B = Key("default", "a"), Key("default", "b")


def contest(*held: Key, held_over: tuple[Key, ...] = (), name: str = "lease") -> Contest:
    found = Contest(name)
    found.held, found.held_over = frozenset(held), frozenset(held_over)
    return found


def test_what_is_gained_and_lost_is_counted() -> None:
    tally = Tally()
    tally.note(contest(A))
    tally.note(contest(B, name="another"))
    assert (tally.held, tally.transitions) == ({A, B}, 2)
    tally.note(contest(A))
    assert tally.transitions == 2, "nothing new"
    tally.note(contest())
    assert (tally.held, tally.transitions) == ({B}, 3)


def test_what_comes_to_be_held_over_is_counted() -> None:
    tally = Tally()
    tally.note(contest(A, B))
    tally.note(contest(A, B, held_over=(A, B)))
    assert (tally.held_over, tally.hold_overs) == ({A, B}, 2)
    tally.note(contest(A, B))
    assert (tally.held_over, tally.hold_overs) == (set(), 2)


def test_a_contest_that_is_gone_begins_anew() -> None:
    tally = Tally()
    tally.note(contest(A))
    tally.note(contest())
    tally.forget("lease")
    tally.note(contest(A))
    assert (tally.held, tally.transitions) == ({A}, 3)
