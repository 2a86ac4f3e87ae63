"""What it costs to give many Services their addresses, on a real API server.

Run by `python -m tests.bench.ipam [SERVICES]`. Beside each time stands that of a bare client which
does no more than write: nobody can be faster than the API server. Then the controller is started
again, and another one takes over while Services arrive.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
import uvloop

from tests.bench import services
from tests.bench.report import Row, publish
from tests.bench.ticker import idle_beside, stall_ms, ticking
from tests.cluster.build import ProgramsMissingError
from tests.cluster.controlplane import ADMIN, DAEMON, ControlPlane
from tests.cluster.installation import install
from tests.cluster.ipam.controller import Controller, connected, running

POOLS = "/apis/cilium.io/v2/ciliumloadbalancerippools"
POOL = {
    "apiVersion": "cilium.io/v2",
    "kind": "CiliumLoadBalancerIPPool",
    "metadata": {"name": "bench"},
    "spec": {"blocks": [{"cidr": "10.128.0.0/16"}]},
}
NAME, BARE = "ours", "bare"
SERVICES = 5_000
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.05

CREATED, ADDED = "created at once", "pool added"
REQUESTS = "requests per Service"
STALL = "loop stall p99 ms"
IDLE_STALL = "loop stall p99 ms of an idle process"
SECONDS = "seconds"
BARE_SECONDS = "seconds of a bare client"
WRITES = "writes on restart"
LOST, DOUBLED = "lost in a hand-over", "doubled in a hand-over"


@dataclass(slots=True)
class Watched:
    """How much was asked, and how late the loop was, while a block ran."""

    requests: int = 0
    stall_ms: float = 0.0
    idle_stall_ms: float = 0.0
    seconds: float = 0.0


class Bench:
    """A control plane with so many Services to come; `asked` counts the controllers' requests."""

    def __init__(self, control_plane: ControlPlane, number: int) -> None:
        self.number = number
        self.total = number + max(number // 5, 3)  # the others come during the hand-over
        self.asked: Counter[tuple[str, str]] = Counter()
        self.admin = control_plane.kubeconfig(ADMIN)
        self.api = control_plane.api(ADMIN).with_timeout(PATIENCE_SECONDS)
        self._daemon = control_plane.kubeconfig(DAEMON)
        self._checks: list[Callable[[], None]] = []

    @asynccontextmanager
    async def controller(self, node: str = "worker") -> AsyncIterator[Controller]:
        """A controller at work; it releases its Lease at the end, unless it did before."""
        async with connected(self._daemon, self._count) as client:
            controller = Controller(client, node=node)
            async with running(controller) as check:
                self._checks.append(check)
                await self.until(lambda: not controller.announcer.unlisted)
                yield controller
                controller.resign()
                await self.until(lambda: controller.announcer.released)
            self._checks.remove(check)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something to be so, or raise what a controller failed by."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not true():
                for check in self._checks:
                    check()
                await asyncio.sleep(LOOK_SECONDS)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[Watched]:
        """Watch what is done in the block; to be read after it."""
        found = Watched()
        async with idle_beside() as idle_stall_ms, ticking() as late_seconds:
            before, began_at = self.asked.total(), time.monotonic()
            yield found
            found.seconds = time.monotonic() - began_at
            found.requests = self.asked.total() - before
            found.stall_ms = stall_ms(late_seconds)
        (found.idle_stall_ms,) = idle_stall_ms

    async def create(self, first: int, end: int) -> float:
        """Have Services created by somebody else, as fast as the API server takes them.

        The result is how many seconds passed before the first was: a process had to be started.
        """
        began_at = time.monotonic()
        numbers = range(first, end)
        seconds = await services.in_a_process(self.admin, services.create, NAME, numbers)
        return time.monotonic() - began_at - seconds

    def addresses(self) -> dict[str, tuple[str, ...]]:
        """What each Service has, as the API server says."""
        items = self.api.get(f"{services.SERVICES}?labelSelector=app={NAME}").body["items"]
        return {
            item["metadata"]["name"]: tuple(
                entry["ip"] for entry in item["status"]["loadBalancer"].get("ingress", ())
            )
            for item in items
        }

    def _count(self, verb: str, resource: str, _code: str, _seconds: float) -> None:
        self.asked[verb, resource] += 1


async def measured(bench: Bench) -> list[Row]:
    """Everything, once. Whatever is made on the control plane is left there."""
    rows = [*await _given(bench), *await _started_again(bench), *await _handed_over(bench)]
    for load, deed in ((CREATED, services.create_and_patch), (ADDED, services.patch)):
        seconds = await services.in_a_process(bench.admin, deed, BARE, range(bench.number))
        rows.append(_row(BARE_SECONDS, seconds, bench.number, load))
    return rows


async def _given(bench: Bench) -> list[Row]:
    """Services come at once; then, the pool having gone and come again, they are there at once."""
    rows: list[Row] = []
    async with bench.controller() as controller:
        bench.api.post(POOLS, POOL)
        await bench.until(lambda: controller.rests and _pools(controller) == 1)
        async with bench.watched() as found:
            idle_seconds = await bench.create(0, bench.number)
            await bench.until(lambda: _served(controller) == bench.number)
        found.seconds -= idle_seconds
        rows += _rows(found, bench.number, CREATED)
        bench.api.delete(f"{POOLS}/bench")
        await bench.until(lambda: controller.rests and _served(controller) == 0)
        async with bench.watched() as found:
            bench.api.post(POOLS, POOL)
            await bench.until(lambda: _served(controller) == bench.number)
        rows += _rows(found, bench.number, ADDED)
        await bench.until(lambda: controller.rests)
    return rows


async def _started_again(bench: Bench) -> list[Row]:
    """A new controller finds everything done."""
    async with bench.controller() as controller:
        await bench.until(lambda: controller.rests and _served(controller) == bench.number)
        return [_row(WRITES, controller.writes, bench.number)]


async def _handed_over(bench: Bench) -> list[Row]:
    """The controller resigns while Services arrive; another stands by, and goes on."""
    before = bench.addresses()
    handed_over_at = (bench.number + bench.total) // 2
    async with bench.controller() as first, bench.controller("worker2") as second:
        await bench.until(lambda: first.rests)
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.create(bench.number, bench.total))
            await bench.until(lambda: _served(first) >= handed_over_at)
            first.resign()
        await bench.until(lambda: second.rests and _served(second) == bench.total)
    after = bench.addresses()
    lost = sum(not had or had != before.get(name, had) for name, had in after.items())
    users = Counter(address for had in after.values() for address in had)
    doubled = sum(count > 1 for count in users.values())
    missing = bench.total - len(after)
    return [
        _row(LOST, lost + missing, bench.total),
        _row(DOUBLED, doubled, bench.total),
    ]


def _pools(controller: Controller) -> int:
    return len(controller.announcer.cluster.pools)


def _served(controller: Controller) -> int:
    """How many Services have an address, as far as the controller has heard."""
    return sum(bool(service.ingress) for service in controller.announcer.cluster.services.values())


def _rows(found: Watched, number: int, load: str) -> Iterator[Row]:
    yield _row(REQUESTS, found.requests / number, number, load)
    yield _row(STALL, found.stall_ms, number, load)
    yield _row(IDLE_STALL, found.idle_stall_ms, number, load)
    yield _row(SECONDS, found.seconds, number, load)


def _row(what: str, sample: float, number: int, load: str = "") -> Row:
    return Row(what=what, samples=[sample], labels={"services": number, "load": load})


def marks(rows: Sequence[Row]) -> Iterator[str]:
    """How far it is from where it should be, a sentence each."""
    most = {REQUESTS: 1.1, STALL: 5.0, WRITES: 0.0, LOST: 0.0, DOUBLED: 0.0}
    for row in rows:
        if row.what in most:
            verdict = "met" if row.samples[0] <= most[row.what] else "MISSED"
            load = row.labels["load"]
            named = f"{row.what}, {load}" if load else row.what
            yield f"{verdict:6}  {named}: {row.samples[0]:.2f} (at most {most[row.what]:g})"
    seconds = {(row.what, row.labels["load"]): row.samples[0] for row in rows}
    for load in (CREATED, ADDED):
        times = seconds[SECONDS, load] / seconds[BARE_SECONDS, load]
        yield f"        {SECONDS}, {load}: {times:.2f} of what a bare client takes"


def main() -> None:
    errors_only = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=errors_only)  # Events are lost here, as they are meant to be
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SERVICES
    try:
        control_plane = ControlPlane()
    except ProgramsMissingError as missing:
        raise SystemExit(f"skipped: {missing}") from missing
    with control_plane, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        install(control_plane)
        rows = runner.run(measured(Bench(control_plane, number)))
    publish("ipam", rows)
    print("\n".join(marks(rows)))


if __name__ == "__main__":
    main()
