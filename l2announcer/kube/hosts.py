"""The addresses of the cluster's own machines: no Service may be given one of them."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from l2announcer.core.facts import HostsRead, Refusal
from l2announcer.core.ipam.ranges import parse_address
from l2announcer.core.model import IPAddress, Node
from l2announcer.kube.client import Client
from l2announcer.kube.errors import MALFORMED, ApiError
from l2announcer.kube.lists import read_all
from l2announcer.kube.pace import Pace
from l2announcer.kube.resources import Resource


async def read_hosts(client: Client, nodes: Resource, pace: Pace) -> HostsRead:
    """LIST all Nodes, and find the API server; nothing is raised, whatever it answers or not."""
    server = await _addresses_of(client.server)
    hosts: dict[IPAddress, str] = dict.fromkeys(server, "the API server")
    try:
        _, found = await read_all(client, nodes, nodes.group_versions[0], pace)
    except ApiError as error:
        return HostsRead(hosts if error.why is not Refusal.UNAVAILABLE else None, error.why)
    except MALFORMED:
        return HostsRead(None, Refusal.UNAVAILABLE)
    for node in found.values():
        if isinstance(node, Node):
            hosts |= dict.fromkeys(node.addresses, f"node {node.key.name}")
    return HostsRead(hosts)


async def _addresses_of(url: str) -> list[IPAddress]:
    """Find the addresses of the host that a URL names; none when nobody knows it."""
    host = urlsplit(url).hostname or ""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError:
        return []
    addresses = [parse_address(str(where[0])) for *_, where in found]
    return [address for address in addresses if address is not None]
