"""The HTTP server: puts the pages together and listens."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from l2announcer.settings import ListenAddress
from l2announcer.web import health, status

# Stopping the daemon must not wait for a slow reader.
_STOP_SECONDS = 0.5

_INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>l2announcer</title>
<h1>l2announcer</h1>
<ul>
<li><a href="readyz?verbose">readyz</a>: does it do its work?
<li><a href="livez?verbose">livez</a>: would a restart help?
<li><a href="metrics">metrics</a>: for Prometheus
<li><a href="status?pretty">status</a>: what is announced here, what is not, and why
</ul>
</html>
"""


class CannotListenError(Exception):
    """The address cannot be had; the message says which, why and what to set."""


def application(
    *,
    live: health.Checks,
    ready: health.Checks,
    show_status: status.Status,
    status_public: bool,
    registry: CollectorRegistry,
) -> web.Application:
    """All pages. The callables are asked at each request, in the event loop: they must be quick."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/", _index),
            *health.routes(live, ready),
            *_metrics_routes(registry),
            *status.routes(show_status, public=status_public),
        ]
    )
    return app


@asynccontextmanager
async def serve(app: web.Application, listen: ListenAddress) -> AsyncIterator[list[ListenAddress]]:
    """Serves while the context lasts; gives the addresses that are listened on.

    Port 0 is any free port. Raises CannotListenError.
    """
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=_STOP_SECONDS
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, listen.host, listen.port).start()
        except OSError as error:
            raise CannotListenError(_sentence(listen, error)) from error
        yield [ListenAddress(str(host), int(port)) for host, port, *_ in runner.addresses]
    finally:
        await runner.cleanup()


def _metrics_routes(registry: CollectorRegistry) -> list[web.AbstractRouteDef]:
    async def show(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # The type has parameters, which aiohttp takes as a header only.
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    return [web.get("/metrics", show)]


async def _index(_request: web.Request) -> web.Response:
    return web.Response(text=_INDEX, content_type="text/html")


def _sentence(listen: ListenAddress, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            why = "another program listens there; stop it, or choose another port"
        case errno.EADDRNOTAVAIL:
            why = "this machine has no such address; choose one of its own"
        case errno.EACCES:
            why = "ports below 1024 need a right that we lack; choose a higher one"
        case _:
            why = f"{error.strerror or error}; choose another address"
    return f"cannot listen on {listen} for health and metrics: {why} with `listen` (--listen)"
