"""The controller alone, in this process: the real core and client on an API server, no network.

It is one step of the pump after another, as in the daemon, upon a world without interfaces: it
gives addresses and announces none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from math import inf
from pathlib import Path

from l2announcer import clock
from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.answers import AnswerTable
from l2announcer.core.effects import Call, Event, Gratuitous, LeaseWrite, StatusWrite, Transition
from l2announcer.core.facts import Fact, Links, Resign
from l2announcer.core.ipam import Ipam, Scope
from l2announcer.core.model import Holding, Kind, Span
from l2announcer.core.terms import Terms
from l2announcer.inbox import Inbox
from l2announcer.kube.client import Client, Observe, connect
from l2announcer.kube.configuration import Source
from l2announcer.kube.gateway import Gateway
from l2announcer.pump import step

IDLE_SECONDS = 1.0


def connected(
    kubeconfig: Path, observe: Observe = lambda *_: None
) -> AbstractAsyncContextManager[Client]:
    """A client without a rate limit."""
    source = Source(
        kubeconfig=str(kubeconfig), host="", port=0, environ={}, service_account=Path("/nowhere")
    )
    return connect(source, qps=0, burst=1, now=clock.now, observe=observe)


class Controller:
    """One daemon's mind on one API server; `events` and `calls` are all that it asked for."""

    def __init__(self, client: Client, *, node: str = "worker", scope: Scope | None = None) -> None:
        holding = Holding(boot=f"boot-of-{node}", netns=1)
        terms = Terms(node=node, namespace="kube-system", holding=holding)
        config = Config(terms=terms, qps=1_000, lb_ipam=True, address_rest_seconds=0.0)
        self.announcer = Announcer(config)
        if scope is not None:
            self.announcer.controller.ipam = Ipam(rest_seconds=0.0, scope=scope)
        self.events: list[Event] = []
        self.calls: list[Call] = []
        self._under_way = 0
        self._unheard = True  # facts that no step has taken in yet
        self._wake_at = -inf
        self._inbox = Inbox()
        self._gateway = Gateway(
            client,
            node_name=node,
            lease_namespace="kube-system",
            service_proxy_name="",
            lease_write_seconds=5.0,
            post=self._post,
            observe_renewal=lambda _: None,
        )
        self._group = asyncio.TaskGroup()

    @property
    def acts(self) -> bool:
        """Does it hold the controller Lease?"""
        return self.announcer.controller.elector.tenure.valid(clock.now())

    @property
    def rests(self) -> bool:
        """Is nothing left that it would do at once?"""
        waits = self._under_way or self._unheard or self._wake_at <= clock.now()
        return self.acts and not waits

    @property
    def writes(self) -> int:
        """How often it wrote the status of a Service."""
        writes = [each for each in self.calls if isinstance(each, StatusWrite)]
        return sum(each.kind is Kind.SERVICE for each in writes)

    @property
    def versions(self) -> dict[tuple[Kind, str], str]:
        """The resourceVersions of the Services and pools that it has seen."""
        cluster = self.announcer.cluster
        return {
            **{(Kind.SERVICE, str(s.key)): s.resource_version for s in cluster.services.values()},
            **{(Kind.POOL, str(p.key)): p.resource_version for p in cluster.pools.values()},
        }

    async def run(self) -> None:
        """Work until cancelled, which is a crash, or until everything is released after resign."""
        async with self._group as group:
            background = [
                group.create_task(reflector.run())
                for reflector in self._gateway.reflectors.values()
            ]
            background.append(group.create_task(self._gateway.recorder.run()))
            self._post(Links(()))
            while not self.announcer.released:
                now = clock.now()
                self._unheard = False
                self._wake_at = step(
                    self.announcer, self._inbox.take(), self, now=now, wall=clock.wall()
                )
                await self._inbox.wait(min(self._wake_at - clock.now(), IDLE_SECONDS))
            for task in background:
                task.cancel()

    def resign(self) -> None:
        self._post(Resign())

    # pump.World

    def install(self, table: AnswerTable) -> None:
        pass

    def watch_endpoints(self, span: Span) -> None:
        pass

    def send(self, frames: Sequence[Gratuitous]) -> None:
        pass

    def start(self, call: Call) -> None:
        self.calls.append(call)
        # a renewal may be under way at any time, and says nothing of Services
        counts = not isinstance(call, LeaseWrite)
        self._under_way += counts
        self._group.create_task(self._perform(call, counts=counts))

    def record(self, event: Event) -> None:
        self.events.append(event)
        self._gateway.recorder.record(event)

    def log(self, transition: Transition) -> None:
        pass

    def _post(self, fact: Fact) -> None:
        self._unheard = True
        self._inbox.post(fact)

    async def _perform(self, call: Call, *, counts: bool) -> None:
        outcome = await self._gateway.perform(call)
        self._under_way -= counts
        self._post(outcome)


@asynccontextmanager
async def running(controller: Controller) -> AsyncIterator[Callable[[], None]]:
    """It runs inside the block, and crashes at its end if it did not stop before.

    The block gets a function that raises what the controller failed by, if it did.
    """
    task = asyncio.create_task(controller.run())

    def check() -> None:
        if task.done():
            task.result()

    try:
        yield check
    finally:
        task.cancel()
        (end,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
        raise end
