"""How late an event loop is: 1 ms asked for, and how much more it took.

Run by `python -m tests.bench.ticker` it is a loop with nothing else to do, until its standard input
ends; it prints how late it was. That is the machine's part in what a busy loop shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

import uvloop

from tests.bench.report import percentile

TICK_SECONDS = 0.001
SHARE = 0.99


@contextlib.asynccontextmanager
async def ticking() -> AsyncIterator[list[float]]:
    """How many seconds each tick in the block was late."""
    late_seconds: list[float] = []
    task = asyncio.create_task(_tick(late_seconds))
    try:
        yield late_seconds
    finally:
        task.cancel()


@contextlib.asynccontextmanager
async def idle_beside() -> AsyncIterator[list[float]]:
    """After the block: how many milliseconds an idle loop was late, as stall_ms tells it."""
    found: list[float] = []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()  # it ticks
    try:
        yield found
    finally:
        printed, _ = await process.communicate(b"")  # ends its standard input
    found.append(float(printed))


def stall_ms(late_seconds: list[float]) -> float:
    return 1e3 * percentile(late_seconds, SHARE)


async def _tick(late_seconds: list[float]) -> None:
    while True:
        due_at = time.monotonic() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        late_seconds.append(time.monotonic() - due_at)


async def _idle() -> float:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    async with ticking() as late_seconds:
        print("ticking", flush=True)
        await ended.wait()
    return stall_ms(late_seconds)


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(_idle()))


if __name__ == "__main__":
    main()
