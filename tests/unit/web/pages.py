"""The daemon's pages on a free loopback port, with checks and status that a test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from prometheus_client import CollectorRegistry, Counter

from l2announcer.settings import ListenAddress
from l2announcer.web.health import Check
from l2announcer.web.server import application, serve


@dataclass
class Daemon:
    """What the pages show, to be changed while they are served."""

    live: list[Check] = field(default_factory=list)
    ready: list[Check] = field(default_factory=list)
    status: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    type: str


class Browser:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, accept: str = "*/*") -> Answer:
        async with self._session.get(path, headers={"Accept": accept}) as response:
            return Answer(response.status, await response.text(), response.headers["Content-Type"])


@asynccontextmanager
async def served(daemon: Daemon) -> AsyncIterator[Browser]:
    registry = CollectorRegistry()
    Counter("l2announcer_pages", "Pages", registry=registry).inc()
    app = application(
        live=lambda: daemon.live,
        ready=lambda: daemon.ready,
        show_status=lambda: daemon.status,
        status_public=False,
        registry=registry,
    )
    async with (
        serve(app, ListenAddress("127.0.0.1", 0)) as (address,),
        aiohttp.ClientSession(base_url=f"http://{address}") as session,
    ):
        yield Browser(session)
