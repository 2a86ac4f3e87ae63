"""The server: index, metrics, and what is said where it cannot listen."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest
from aiohttp import web

from l2announcer.settings import ListenAddress
from l2announcer.web.server import CannotListenError, serve
from tests.unit.web.pages import Daemon, served


async def test_the_index_links_to_pages_that_exist() -> None:
    async with served(Daemon()) as browser:
        index = await browser.get("/")
        assert index.type.startswith("text/html")
        links = re.findall(r'href="([^"]+)"', index.text)
        assert len(links) == 4
        assert [(await browser.get(f"/{link}")).status for link in links] == [200] * 4
        assert (await browser.get("/nothing")).status == 404


async def test_metrics_in_the_form_that_is_asked_for() -> None:
    async with served(Daemon()) as browser:
        plain = await browser.get("/metrics")
        assert plain.type.startswith("text/plain; version=")
        assert "l2announcer_pages_total 1.0" in plain.text
        opened = await browser.get("/metrics", "application/openmetrics-text; version=1.0.0")
        assert opened.type.startswith("application/openmetrics-text")
        assert opened.text.endswith("# EOF\n")


async def test_an_address_in_use_is_said_with_the_setting_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListenError) as caught:
            async with serve(web.Application(), ListenAddress("127.0.0.1", port)):
                pass
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{port} for health and metrics: another program listens there;"
        " stop it, or choose another port with `listen` (--listen)"
    )


async def test_an_address_that_is_not_ours_is_said() -> None:
    with pytest.raises(CannotListenError, match="this machine has no such address"):
        async with serve(web.Application(), ListenAddress("192.0.2.1", 9480)):
            pass


async def test_every_address_of_the_machine_without_a_host() -> None:
    async with serve(web.Application(), ListenAddress(None, 0)) as addresses:
        assert "0.0.0.0" in {address.host for address in addresses}


async def test_stopping_waits_neither_for_idle_peers_nor_for_slow_pages() -> None:
    entered = asyncio.Event()

    async def never(_request: web.Request) -> web.Response:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.add_routes([web.get("/never", never)])
    async with asyncio.timeout(2), serve(app, ListenAddress("127.0.0.1", 0)) as (address,):
        idle, idle_writer = await asyncio.open_connection(address.host, address.port)
        slow, slow_writer = await asyncio.open_connection(address.host, address.port)
        slow_writer.write(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
        await entered.wait()
    for reader, writer in ((idle, idle_writer), (slow, slow_writer)):
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
