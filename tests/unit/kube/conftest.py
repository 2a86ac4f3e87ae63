"""An API server on loopback for each test, its client, and a server that follows a script."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiohttp import web

from l2announcer.kube.client import Client, connect
from l2announcer.kube.configuration import Source
from tests.fakes.apiserver import ApiServer
from tests.fakes.kubeconfig import write_kubeconfig

CRDS = sorted((Path(__file__).parents[3] / "config" / "crds").glob("*.yaml"))

Connect = Callable[..., AbstractAsyncContextManager[Client]]
Script = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
def observed() -> list[tuple[str, str, str]]:
    """(verb, resource, code) of every request that the clients of this test made."""
    return []


@pytest.fixture
def connected(tmp_path: Path, observed: list[tuple[str, str, str]]) -> Connect:
    """Makes a client for a URL, by a kubeconfig in the test's directory."""

    def observe(verb: str, resource: str, code: str, seconds: float) -> None:
        assert seconds >= 0
        observed.append((verb, resource, code))

    def make(
        url: str, *, token: str = "", qps: float = 0, burst: int = 1
    ) -> AbstractAsyncContextManager[Client]:
        source = Source(
            kubeconfig=str(write_kubeconfig(tmp_path / "kubeconfig", url, token)),
            host="",
            port=0,
            environ={},
            service_account=tmp_path / "serviceaccount",
        )
        return connect(source, qps=qps, burst=burst, now=time.monotonic, observe=observe)

    return make


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    """An embedded API server without our CRDs."""
    async with ApiServer(bookmark_seconds=0.05) as server:
        yield server


@pytest.fixture
async def client(server: ApiServer, connected: Connect) -> AsyncIterator[Client]:
    """A client of `server` without a rate limit."""
    async with connected(server.url) as client:
        yield client


@pytest.fixture
async def scripted() -> AsyncIterator[Callable[[Script], Awaitable[str]]]:
    """Serves every request by a function of the test; returns the URL."""
    runners: list[web.AppRunner] = []

    async def serve(script: Script) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", script)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield serve
    for runner in runners:
        await runner.cleanup()
