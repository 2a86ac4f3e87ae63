"""A pause, then three probes that nobody answers."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from l2announcer.core.comeback import LATE_SECONDS, PROBE_WAIT_SECONDS, Comeback, pause_seconds
from l2announcer.core.model import Announcement

ONE = Announcement(ip_address("192.0.2.1"), "eth0")
WAIT = PROBE_WAIT_SECONDS


def begun() -> Comeback:
    comeback = Comeback(lambda count: 10.0**count)
    comeback.want([ONE], 0.0)
    return comeback


def test_three_probes_after_a_pause() -> None:
    comeback = begun()
    assert comeback.wake_at == 1.0
    for number in range(3):
        assert comeback.take_clear(1.0 + number * WAIT) == []
        assert comeback.take_probes(1.0 + number * WAIT) == [ONE]
    assert comeback.take_probes(1.0 + 3 * WAIT) == []
    assert comeback.take_clear(1.0 + 3 * WAIT) == [ONE]
    assert comeback.waiting == []


def test_whatever_is_heard_begins_a_longer_pause() -> None:
    comeback = begun()
    comeback.heard(ONE, 0.5)  # before we asked
    assert comeback.take_probes(1.0) == [ONE]
    comeback.heard(ONE, 1.1)
    assert comeback.wake_at == pytest.approx(11.1)


def test_who_looks_late_asks_anew() -> None:
    comeback = begun()
    for number in range(3):
        comeback.take_probes(1.0 + number * WAIT)
    late = 1.0 + 3 * WAIT + LATE_SECONDS + 0.01
    assert comeback.take_clear(late) == []
    assert comeback.take_probes(late) == [ONE]


def test_pauses_grow_and_differ() -> None:
    assert pause_seconds("a", 0) != pause_seconds("b", 0)
    assert pause_seconds("a", 0) == pause_seconds("a", 0)
    assert all(0.5 <= pause_seconds(str(n), 0) <= 1.5 for n in range(50))
    assert all(32.0 <= pause_seconds(str(n), 60) <= 96.0 for n in range(50))
