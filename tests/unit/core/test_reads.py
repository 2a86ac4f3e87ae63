"""An answer counts for those who asked before its read was sent, and for nobody else."""

from __future__ import annotations

from l2announcer.core.effects import ReadService, ReadServices
from l2announcer.core.model import Key
from l2announcer.core.reads import READ_ALL_FROM, Reads

A, B = Key("default", "a"), Key("default", "b")
MANY = [Key("default", f"s{number}") for number in range(READ_ALL_FROM)]


def asked(reads: Reads, *keys: Key, all_services: bool = False) -> list[object]:
    reads.owe(keys, all_services=all_services)
    return [*reads.take()]


def test_a_few_are_read_one_by_one_in_the_order_of_their_names() -> None:
    reads = Reads()
    assert asked(reads, B, A) == [ReadService(A), ReadService(B)]
    assert reads.take() == []
    assert reads.one_is_done(A)
    assert reads.one_is_done(B)
    assert asked(reads, A) == [ReadService(A)]


def test_an_answer_that_nobody_asked_for_counts_for_nobody() -> None:
    reads = Reads()
    assert not reads.one_is_done(A)
    assert reads.all_is_done() == (frozenset(), False)


def test_who_asks_during_a_read_waits_for_the_next() -> None:
    reads = Reads()
    asked(reads, A)
    assert asked(reads, A) == []
    assert not reads.one_is_done(A)
    assert reads.take() == [ReadService(A)]
    assert reads.one_is_done(A)


def test_many_at_once_are_one_list() -> None:
    reads = Reads()
    assert len(asked(reads, *MANY[1:])) == READ_ALL_FROM - 1
    reads = Reads()
    assert asked(reads, *MANY) == [ReadServices()]
    assert reads.all_is_done() == (frozenset(MANY), False)


def test_who_asks_during_a_list_is_read_apart_or_by_the_next_list() -> None:
    reads = Reads()
    asked(reads, *MANY)
    assert asked(reads, A) == [ReadService(A)]
    assert asked(reads, MANY[0]) == []
    assert reads.all_is_done() == (frozenset(MANY[1:]), False)
    assert reads.take() == [ReadService(MANY[0])]


def test_many_during_a_list_are_one_more_list() -> None:
    reads = Reads()
    asked(reads, all_services=True)
    assert asked(reads, *MANY) == []
    assert reads.all_is_done() == (frozenset(), True)
    assert reads.take() == [ReadServices()]
    assert reads.all_is_done() == (frozenset(MANY), False)


def test_all_that_wait_join_a_list() -> None:
    reads = Reads()
    assert asked(reads, A, all_services=True) == [ReadServices()]
    assert reads.all_is_done() == (frozenset({A}), True)


def test_who_asks_for_all_during_a_list_waits_for_the_next() -> None:
    reads = Reads()
    asked(reads, all_services=True)
    assert asked(reads, all_services=True) == []
    assert reads.all_is_done() == (frozenset(), False)
    assert reads.take() == [ReadServices()]
    assert reads.all_is_done() == (frozenset(), True)
