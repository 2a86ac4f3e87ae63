"""A reflector at work for a test, and what whoever believes its facts knows."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from l2announcer.core.facts import Fact, Gone, Listed, Object, Seen
from l2announcer.core.model import Key, Kind, LeaseRecord
from l2announcer.kube.client import Client
from l2announcer.kube.pace import Pace
from l2announcer.kube.reflector import Reflector
from l2announcer.kube.resources import Resource, table

BRISK = Pace(
    page_size=2,
    request_seconds=5,
    watch_seconds=30,
    idle_seconds=5,
    first_delay_seconds=0.01,
    last_delay_seconds=0.05,
    absent_seconds=0.02,
)
TABLE = table(
    lease_namespace="kube-system",
    lease_prefixes=("cilium-l2announce-", "l2announcer-"),
    service_proxy_name="",
)


class Watched:
    """A reflector at work, and the facts that it posted."""

    def __init__(self, client: Client, resource: Resource, pace: Pace = BRISK) -> None:
        self.facts: list[Fact] = []
        self.reflector = Reflector(
            client, resource, post=self._post, now=time.monotonic, chance=lambda: 0.5, pace=pace
        )

    def _post(self, fact: Fact) -> None:
        self.facts.append(fact)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something to be so."""
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110  the facts looked for are of many sorts
                await asyncio.sleep(0.005)

    @property
    def deleted(self) -> list[Key]:
        """What was told to be gone, one by one."""
        return [fact.key for fact in self.facts if isinstance(fact, Gone)]

    @property
    def lists(self) -> list[tuple[str, ...]]:
        """The names in each Listed so far."""
        listed = [fact for fact in self.facts if isinstance(fact, Listed)]
        return [tuple(_name(each) for each in fact.objects) for fact in listed]

    @property
    def names(self) -> set[str]:
        """What whoever believes the facts believes that there is."""
        known: set[str] = set()
        for fact in self.facts:
            match fact:
                case Listed(_, objects, _):
                    known = {_name(each) for each in objects}
                case Seen(_, each):
                    known.add(_name(each))
                case Gone(_, key, _):
                    known.discard(key.name)
        return known


def _name(each: Object) -> str:
    return each.name if isinstance(each, LeaseRecord) else each.key.name


@asynccontextmanager
async def watching(
    client: Client, kind: Kind, *, pace: Pace = BRISK, resource: Resource | None = None
) -> AsyncIterator[Watched]:
    watched = Watched(client, resource or TABLE[kind], pace)
    task = asyncio.create_task(watched.reflector.run())
    try:
        yield watched
    finally:
        task.cancel()
        (end,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(end, asyncio.CancelledError), end
