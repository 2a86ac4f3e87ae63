"""Effects are data: a call says all that its outcome needs, and one poll's are its own."""

from __future__ import annotations

from dataclasses import is_dataclass
from math import inf
from typing import get_args

from l2announcer.core.effects import Call, Effects, ReadLease, ReadService, Transition
from l2announcer.core.model import Key


def test_nothing_is_asked_for_to_begin_with() -> None:
    empty = Effects()
    assert empty.answers is None
    assert not (empty.frames)
    assert not (empty.calls)
    assert not (empty.events)
    assert not (empty.transitions)
    assert empty.wake_at == inf


def test_two_polls_share_nothing() -> None:
    one, other = Effects(), Effects()
    one.calls.append(ReadLease("l"))
    one.transitions.append(Transition("announcing", "why"))
    assert not (other.calls)
    assert not (other.transitions)


def test_calls_are_values() -> None:
    assert all(is_dataclass(call) for call in get_args(Call))
    key = Key("default", "app1")
    assert {ReadService(key)} == {ReadService(key)}
