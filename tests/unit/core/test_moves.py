"""A few hand-overs at once, so many in a minute, and nobody who waits is forgotten."""

from __future__ import annotations

from math import inf

from l2announcer.core.moves import MINUTE_SECONDS, Moves


def test_a_few_at_once_and_the_next_when_one_is_over() -> None:
    moves = Moves(at_once=2, in_a_minute=100)
    begun = [moves.begin(name, 0.0, paced=True) for name in ("one", "two", "three", "one")]
    assert begun == [True, True, False, True]
    assert moves.next_at == inf
    moves.end("two")
    assert moves.next_at == -inf
    assert moves.take_waiting(0.0) == {"three"}
    assert moves.begin("three", 0.0, paced=True)
    assert moves.next_at == inf


def test_so_many_in_a_minute() -> None:
    moves = Moves(at_once=9, in_a_minute=2)
    begun = [moves.begin(name, at, paced=True) for at, name in enumerate(("one", "two", "three"))]
    assert begun == [True, True, False]
    for name in ("one", "two"):
        moves.end(name)
    assert moves.next_at == MINUTE_SECONDS
    assert moves.take_waiting(MINUTE_SECONDS - 1) == set()
    assert moves.take_waiting(MINUTE_SECONDS) == {"three"}
    assert moves.begin("three", MINUTE_SECONDS, paced=True)
    assert not moves.begin("four", MINUTE_SECONDS, paced=True)


def test_what_has_a_hurry_does_not_wait_for_the_minute_nor_counts_for_it() -> None:
    moves = Moves(at_once=9, in_a_minute=1)
    assert moves.begin("one", 0.0, paced=False)
    assert moves.begin("two", 0.0, paced=True)
    assert moves.begin("three", 0.0, paced=False)
    assert not moves.begin("four", 0.0, paced=True)


def test_who_wants_it_no_more_waits_no_more() -> None:
    moves = Moves(at_once=1, in_a_minute=100)
    moves.begin("one", 0.0, paced=True)
    moves.begin("two", 0.0, paced=True)
    moves.end("two")
    moves.end("one")
    assert moves.take_waiting(0.0) == set()
