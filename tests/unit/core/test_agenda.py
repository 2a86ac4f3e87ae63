"""The agenda gives exactly what was touched or is due, once each."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from l2announcer.core.agenda import Agenda

NAMES = st.sampled_from("abcd")
INSTANTS = st.one_of(st.integers(0, 20).map(float), st.just(inf))


def test_touched_names_come_at_once_and_once() -> None:
    agenda = Agenda()
    agenda.touch(["b", "a", "b"])
    assert agenda.take(0.0) == ["a", "b"]
    assert agenda.take(0.0) == []


def test_a_later_instant_replaces_an_earlier_one() -> None:
    agenda = Agenda()
    agenda.set("a", 5.0)
    agenda.set("a", 7.0)
    assert agenda.next_at == 7.0
    assert agenda.take(6.0) == []
    assert agenda.take(7.0) == ["a"]
    assert agenda.next_at == inf


def test_infinity_is_never() -> None:
    agenda = Agenda()
    agenda.set("a", 5.0)
    agenda.set("a", inf)
    assert agenda.next_at == inf
    assert agenda.take(100.0) == []


@given(st.lists(st.tuples(NAMES, INSTANTS)), st.integers(0, 20).map(float))
def test_it_agrees_with_a_plain_table(history: list[tuple[str, float]], now: float) -> None:
    agenda, table = Agenda(), dict[str, float]()
    for name, due_at in history:
        agenda.set(name, due_at)
        table[name] = due_at
    assert agenda.next_at == min(table.values(), default=inf)
    assert agenda.take(now) == sorted(name for name, due_at in table.items() if due_at <= now)
    assert agenda.next_at == min((at for at in table.values() if at > now), default=inf)
