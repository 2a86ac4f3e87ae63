"""A crowd of calls goes a few at a time, and none waits for ever behind those that hang."""

import asyncio

from l2announcer.kube.turns import Turns


async def test_some_at_once_and_then_the_next() -> None:
    turns, at_once, most = Turns(at_once=2, patience_seconds=30), 0, 0
    ended: list[int] = []

    async def call(number: int) -> None:
        nonlocal at_once, most
        async with turns.turn():
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.001)
            at_once -= 1
        ended.append(number)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for number in range(9):
            group.create_task(call(number))
    assert most == 2
    assert ended == list(range(9))


async def test_who_waited_long_enough_goes_all_the_same() -> None:
    turns, hangs = Turns(at_once=1, patience_seconds=0.02), asyncio.Event()

    async def hang() -> None:
        async with turns.turn():
            await hangs.wait()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(hang())
        await asyncio.sleep(0)
        async with turns.turn():
            hangs.set()
    async with asyncio.timeout(5), turns.turn():
        pass  # the hanging one has given its place back


async def test_who_is_cancelled_takes_no_place() -> None:
    turns = Turns(at_once=1, patience_seconds=30)

    async def call() -> None:
        async with turns.turn():
            await asyncio.Event().wait()

    first, second = asyncio.create_task(call()), asyncio.create_task(call())
    await asyncio.sleep(0)
    for task in (second, first):
        task.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    async with asyncio.timeout(5), turns.turn():
        pass
