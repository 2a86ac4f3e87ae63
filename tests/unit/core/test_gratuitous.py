"""An announcement is repeated a few times at growing intervals; missed ones are not made up."""

from __future__ import annotations

from math import inf

from l2announcer.core.gratuitous import Repeats


def test_at_once_and_after_one_two_and_four_seconds() -> None:
    repeats = Repeats(100.0)
    sent = []
    while repeats.due_at < inf:
        now = repeats.due_at
        assert repeats.take_due(now)
        assert not repeats.take_due(now)
        sent.append(now)
    assert sent == [100.0, 101.0, 102.0, 104.0]


def test_not_before_its_time() -> None:
    repeats = Repeats(100.0)
    assert not repeats.take_due(99.999)
    assert repeats.due_at == 100.0


def test_several_that_were_missed_count_as_one() -> None:
    repeats = Repeats(100.0)
    assert repeats.take_due(103.0)
    assert not repeats.take_due(103.0)
    assert repeats.due_at == 104.0
    assert repeats.take_due(1000.0)
    assert repeats.due_at == inf
    assert not repeats.take_due(2000.0)
