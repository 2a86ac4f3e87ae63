"""What a request asks of the environment: nothing; a proxy is found once, passwords never."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from l2announcer.kube import transport
from tests.unit.kube.conftest import Connect, Script

Serve = Callable[[Script], Awaitable[str]]
PATH = "/api/v1/services"


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def heard_of(
    connected: Connect, url: str, at: list[web.Request], *, token: str = ""
) -> web.Request:
    """The request as the server whose requests come to `at` sees it."""
    async with connected(url, token=token) as client:
        await client.request("GET", PATH, resource="services", timeout_seconds=5)
    return at[-1]


async def serving(scripted: Serve) -> tuple[str, list[web.Request]]:
    heard: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        heard.append(request)
        return web.json_response({})

    return await scripted(answer), heard


async def test_the_proxy_of_the_environment_is_used(
    connected: Connect, scripted: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, heard = await serving(scripted)
    monkeypatch.setenv("http_proxy", proxy.replace("http://", "http://me:secret@"))
    request = await heard_of(connected, "http://api.example.com", heard)
    assert request.host == "api.example.com"
    assert request.headers["Proxy-Authorization"].startswith("Basic ")


async def test_a_server_that_is_exempt_is_reached_without_it(
    connected: Connect, scripted: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, heard = await serving(scripted)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert (await heard_of(connected, url, heard)).path == PATH


async def test_a_netrc_of_the_user_takes_nobodys_place(
    connected: Connect, scripted: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url, heard = await serving(scripted)
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    request = await heard_of(connected, url, heard, token="token")
    assert request.headers["Authorization"] == "Bearer token"


async def test_a_connection_is_kept_for_so_long(
    connected: Connect, scripted: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, heard = await serving(scripted)
    for seconds, kept in ((60.0, True), (0.01, False)):
        monkeypatch.setattr(transport, "KEPT_SECONDS", seconds)
        async with connected(url) as client:
            for _ in range(2):
                await client.request("GET", PATH, resource="services", timeout_seconds=5)
                await asyncio.sleep(0.05)
        first, second = heard[-2:]
        assert (first.protocol is second.protocol) is kept


async def test_requests_start_no_threads(connected: Connect, scripted: Serve) -> None:
    url, heard = await serving(scripted)
    before = threading.active_count()
    await heard_of(connected, url, heard)
    assert threading.active_count() == before
