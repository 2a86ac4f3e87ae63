"""/status: what the daemon knows and why it does what it does, as JSON (`?pretty` for people)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address

import msgspec
from aiohttp import web

Status = Callable[[], Mapping[str, object]]

_CLOSED = (
    "/status answers to this machine's loopback addresses only, since it names Services, nodes and"
    " addresses.\nAsk on the node itself (127.0.0.1), or set statusPublic: true.\n"
)


def routes(status: Status, *, public: bool) -> list[web.AbstractRouteDef]:
    """`status` is called for each request. Not `public`: others than loopback get a 403."""

    async def show(request: web.Request) -> web.Response:
        if not public and not is_loopback(_peer(request)):
            return web.Response(text=_CLOSED, status=HTTPStatus.FORBIDDEN)
        body = msgspec.json.encode(status(), enc_hook=str)
        if "pretty" in request.query:
            body = msgspec.json.format(body, indent=2) + b"\n"
        return web.Response(body=body, content_type="application/json")

    return [web.get("/status", show)]


def is_loopback(host: str) -> bool:
    """Also for an IPv4 address written as IPv6; text that is no address is not loopback."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _peer(request: web.Request) -> str:
    """The other end of the connection itself; what headers claim does not count."""
    transport = request.transport
    peer = transport.get_extra_info("peername") if transport is not None else None
    return str(peer[0]) if isinstance(peer, tuple) else ""
