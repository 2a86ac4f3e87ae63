"""The status page: JSON, and to whom it is shown."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from l2announcer.web import status
from tests.unit.web.pages import Daemon, served


async def test_status_is_json_short_or_pretty() -> None:
    shown: dict[str, object] = {
        "node": "worker-1",
        "addresses": [ipaddress.ip_address("172.19.0.240")],
    }
    async with served(Daemon(status=shown)) as browser:
        answer = await browser.get("/status")
        assert answer.type == "application/json"
        assert answer.text == '{"node":"worker-1","addresses":["172.19.0.240"]}'
        pretty = await browser.get("/status?pretty")
        assert json.loads(pretty.text) == json.loads(answer.text)
        assert pretty.text.startswith('{\n  "node"')


async def ask(peer: object, *, public: bool) -> web.StreamResponse:
    """The page as it is to a peer from elsewhere, which no test on loopback can be."""
    transport = Mock()
    transport.get_extra_info = lambda key: peer if key == "peername" else None
    request = make_mocked_request("GET", "/status", transport=transport)

    def show() -> Mapping[str, object]:
        return {"node": "worker-1"}

    app = web.Application()
    app.add_routes(status.routes(show, public=public))
    match = await app.router.resolve(request)
    return await match.handler(request)


@pytest.mark.parametrize(
    ("peer", "code"),
    [
        (("127.0.0.1", 40000), 200),
        (("::1", 40000, 0, 0), 200),
        (("::ffff:127.0.0.1", 40000, 0, 0), 200),
        (("192.0.2.7", 40000), 403),
        (("2001:db8::7", 40000, 0, 0), 403),
        (("fe80::7%eth0", 40000, 0, 2), 403),
        (("::ffff:192.0.2.7", 40000, 0, 0), 403),
        ("", 403),
        (None, 403),
    ],
)
async def test_only_loopback_sees_it_unless_public(peer: object, code: int) -> None:
    assert (await ask(peer, public=False)).status == code
    assert (await ask(peer, public=True)).status == 200


async def test_a_refusal_says_what_to_do() -> None:
    answer = await ask(("192.0.2.7", 40000), public=False)
    assert isinstance(answer, web.Response)
    assert "statusPublic" in (answer.text or "")
