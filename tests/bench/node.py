"""A node whose responder the benches measure: the real one, under uvloop, as the daemon runs it.

Run by `python -m tests.bench.node INTERFACE MAC`. Orders are lines on standard input, and each is
acknowledged by a line: `grant FIRST COUNT` installs answers for so many addresses from the first
on; `take-over FIRST COUNT` also announces them, at the pace that the core gives (and says how many
seconds that took); `watch` begins to watch how late the loop comes round, and `stall` ends that and
says how late it was, 99th percentile, in milliseconds.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from ipaddress import ip_address
from math import inf

import uvloop

from l2announcer import clock
from l2announcer.core.answers import AnswerTable, Grant
from l2announcer.core.effects import Gratuitous, Message
from l2announcer.core.facts import Claimed, Fact
from l2announcer.core.gratuitous import Pacing
from l2announcer.core.model import Announcement, IPAddress, Link
from l2announcer.core.tenure import Tenure
from l2announcer.lan.responder import Responder
from tests.bench.report import percentile

TENURE_SECONDS = 3600.0
TICK_SECONDS = 0.001


async def orders() -> AsyncIterator[list[str]]:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        yield line.decode().split()


def no_claims(fact: Fact) -> None:
    match fact:
        case Claimed():
            raise RuntimeError(f"nobody else claims an address in a bench, and yet: {fact}")


class Ticker:
    """Asks the loop to come round every millisecond, and notes how much later it does."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._late: list[float] = []
        self._before = 0.0
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._late = []
        self._before = time.perf_counter()
        self._next = self._loop.call_later(TICK_SECONDS, self._tick)

    def stop(self) -> float:
        """The 99th percentile, in milliseconds."""
        if self._next is not None:
            self._next.cancel()
        return 1e3 * percentile(self._late, 0.99)

    def _tick(self) -> None:
        now = time.perf_counter()
        self._late.append(now - self._before - TICK_SECONDS)
        self._before = now
        self._next = self._loop.call_later(TICK_SECONDS, self._tick)


class Node:
    """One interface, and the responder that answers on it for what was granted last."""

    def __init__(self, link: Link, responder: Responder) -> None:
        self._link = link
        self._responder = responder
        self._ticker = Ticker()

    async def obey(self, order: list[str]) -> str:
        """Carry one order out; what to say of it."""
        match order:
            case ["grant", first, count]:
                self._grant(ip_address(first), int(count))
            case ["take-over", first, count]:
                start = clock.now()
                await self._announce(self._grant(ip_address(first), int(count)))
                return str(clock.now() - start)
            case ["watch"]:
                self._ticker.start()
            case ["stall"]:
                return str(self._ticker.stop())
            case _:
                raise SystemExit(f"no such order: {' '.join(order)}")
        return "ready"

    def _grant(self, first: IPAddress, count: int) -> list[Grant]:
        until = clock.now() + TENURE_SECONDS
        grants = [
            Grant(Announcement(first + number, self._link.name), Tenure(until))
            for number in range(count)
        ]
        self._responder.install(AnswerTable(grants, [], [self._link]))
        if self._responder.troubles:
            raise SystemExit("; ".join(self._responder.troubles.values()))
        return grants

    async def _announce(self, grants: list[Grant]) -> None:
        frames = [
            Gratuitous(grant.announcement, Message.ANNOUNCE, grant.tenure) for grant in grants
        ]
        pacing = Pacing()
        self._responder.send(pacing.take(frames, clock.now()))
        while pacing.next_at < inf:
            await asyncio.sleep(max(pacing.next_at - clock.now(), 0.0))
            self._responder.send(pacing.take([], clock.now()))


async def run(name: str, mac: bytes) -> None:
    index = socket.if_nametoindex(name)
    link = Link(index=index, name=name, mac=mac, up=True, carrier=True)
    with closing(Responder(post=no_claims, now=clock.now)) as responder:
        node = Node(link, responder)
        async for order in orders():
            print(await node.obey(order), flush=True)


def main() -> None:
    name, mac = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(name, bytes.fromhex(mac.replace(":", ""))))


if __name__ == "__main__":
    main()
