"""Time and chance: what the two clocks and the dice promise."""

from __future__ import annotations

import time

from l2announcer import clock


def test_now_is_the_clock_that_counts_through_suspend() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= clock.now() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_wall_is_unix_time() -> None:
    assert abs(clock.wall() - time.time()) < 60


def test_chance_is_a_fraction_that_varies() -> None:
    drawn = {clock.chance() for _ in range(100)}
    assert len(drawn) > 1
    assert all(0 <= each < 1 for each in drawn)
