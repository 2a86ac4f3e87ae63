"""The inbox: facts in their order, and one waiter that wakes for the first of them."""

from __future__ import annotations

import asyncio
import time

from l2announcer.core.facts import Links, Resign
from l2announcer.inbox import Inbox

ONE, TWO = Links(()), Resign()


async def test_everything_in_order_and_once() -> None:
    inbox = Inbox()
    inbox.post(ONE)
    inbox.post(TWO)
    inbox.post(ONE)
    assert inbox.take() == [ONE, TWO, ONE]
    assert inbox.take() == []


async def test_what_is_there_already_is_not_waited_for() -> None:
    inbox = Inbox()
    inbox.post(ONE)
    assert await inbox.wait(60)
    assert await inbox.wait(0), "still there until it is taken"


async def test_nothing_wakes_nobody_also_after_it_was_taken() -> None:
    inbox = Inbox()
    assert not await inbox.wait(0.01)
    inbox.post(ONE)
    inbox.take()
    assert not await inbox.wait(0.01)


async def test_a_time_that_has_passed_is_no_wait() -> None:
    began_at = time.monotonic()
    assert not await Inbox().wait(-5)
    assert time.monotonic() - began_at < 1


async def test_the_waiter_wakes_with_the_first_fact() -> None:
    inbox = Inbox()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiter = group.create_task(inbox.wait(60))
        await asyncio.sleep(0)
        assert not waiter.done()
        inbox.post(TWO)
        assert await waiter
    assert inbox.take() == [TWO]


async def test_a_waiter_that_is_cancelled_loses_nothing() -> None:
    inbox = Inbox()
    async with asyncio.TaskGroup() as group:
        waiter = group.create_task(inbox.wait(60))
        await asyncio.sleep(0)
        inbox.post(ONE)
        waiter.cancel()
    assert inbox.take() == [ONE]
