"""Confirmation: that nothing has shown a view to be current is told, again and again."""

from __future__ import annotations

import asyncio
from math import inf
from typing import NoReturn

import pytest

from l2announcer.core.facts import Fact, Unconfirmed
from l2announcer.kube import confirmation

LIMIT = 100.0


class OverError(Exception):
    """The history is over."""


class History:
    """Time passes in the sleeps alone; `signs` are the instants at which something was heard."""

    def __init__(self, *signs: float, until: float) -> None:
        self.now = 0.0
        self.told: list[float] = []
        self._signs = signs
        self._until = until

    def confirmed_at(self) -> float:
        return max((sign for sign in self._signs if sign <= self.now), default=-inf)

    def post(self, fact: Fact) -> None:
        assert isinstance(fact, Unconfirmed)
        self.told.append(self.now)

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds
        if self.now > self._until:
            raise OverError

    async def run(self) -> NoReturn:
        await confirmation.watch(
            self.confirmed_at, post=self.post, now=lambda: self.now, limit_seconds=LIMIT
        )
        raise AssertionError("it ends")


@pytest.mark.parametrize(
    ("signs", "told"),
    [
        ((), []),
        ((1.0, 61.0, 121.0, 181.0, 241.0, 301.0, 361.0, 421.0, 481.0), []),
        ((50.0, 110.0), [210.0, 310.0, 410.0]),
        ((50.0, 230.0), [150.0, 330.0, 430.0]),
    ],
)
async def test_it_is_told_when_nothing_came_for_so_long(
    signs: tuple[float, ...], told: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(*signs, until=500.0)
    monkeypatch.setattr(asyncio, "sleep", history.sleep)
    with pytest.raises(OverError):
        await history.run()
    assert history.told == told
