"""The rate limit lets a burst through at once, then a steady rate, and obeys the server."""

import asyncio
import time

import pytest

from l2announcer.kube.limits import MOST_HELD_SECONDS, TokenBucket


async def test_burst_then_rate() -> None:
    bucket = TokenBucket(qps=100, burst=5, now=time.monotonic)
    began_at = time.monotonic()
    for _ in range(15):
        await bucket.take()
    seconds = time.monotonic() - began_at
    assert 0.09 <= seconds < 0.5


async def test_burst_does_not_wait() -> None:
    bucket = TokenBucket(qps=0.001, burst=3, now=lambda: 0.0)
    async with asyncio.timeout(5):
        for _ in range(3):
            await bucket.take()


async def test_first_come_first_served() -> None:
    bucket = TokenBucket(qps=200, burst=1, now=time.monotonic)
    order: list[int] = []

    async def one(number: int) -> None:
        await bucket.take()
        order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(one(number))
    assert order == list(range(6))


async def test_who_gives_up_takes_nothing() -> None:
    clock = [0.0]
    bucket = TokenBucket(qps=1, burst=1, now=lambda: clock[0])
    await bucket.take()
    for _ in range(20):
        waiting = asyncio.create_task(bucket.take())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    clock[0] = 1.0
    async with asyncio.timeout(0.5):
        await bucket.take()


async def test_hold_stops_everybody() -> None:
    bucket = TokenBucket(qps=0, burst=1, now=time.monotonic)
    began_at = time.monotonic()
    bucket.hold(0.2)
    bucket.hold(0.1)
    await bucket.take()
    assert time.monotonic() - began_at >= 0.19


async def test_hold_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    bucket = TokenBucket(qps=0, burst=1, now=lambda: 0.0)
    bucket.hold(3600.0)
    await bucket.take()
    assert slept == [MOST_HELD_SECONDS]


async def test_no_limit() -> None:
    bucket = TokenBucket(qps=0, burst=1, now=lambda: 0.0)
    async with asyncio.timeout(5):
        for _ in range(1000):
            await bucket.take()
