"""The real daemon, and a Service with an address of each family."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import pytest

from l2announcer.core.model import IPAddress
from tests.fakes.apiserver import ApiServer
from tests.fakes.resources import SERVICES
from tests.lab.namespaces import Lab
from tests.lab.segment_nd import neighbour, send_to
from tests.lab.single_node import ADDRESS, SingleNode, until

pytestmark = pytest.mark.lab

VIP6 = IPv6Address("fd00::240")
NODE_MAC = "02:42:ac:13:00:03"
REPLIES = 'l2announcer_replies_total{interface="eth0",protocol="nd"} '


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[SingleNode]:
    """One node with its API server, and a client with an address of each family."""
    with SingleNode(lab, tmp_path) as built:
        built.client.run(["ip", "addr", "add", "fd00::9/64", "dev", "eth0", "nodad"])
        built.install()
        spec = {"ports": [{"port": 80}], "externalIPs": [ADDRESS, str(VIP6)]}
        app1 = {"metadata": {"name": "app1"}, "spec": spec}

        def add(server: ApiServer) -> None:
            server.store.create(SERVICES, app1, namespace="default", now=time.time())

        built.api.do(add)
        built.api.start()
        yield built


def resolves(site: SingleNode, address: IPAddress) -> bool:
    send_to(site.client, address)
    return neighbour(site.client, address)[0] == NODE_MAC


def replies(site: SingleNode) -> float:
    lines = site.get("/metrics")[1].splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith(REPLIES))


def test_both_addresses_are_at_the_node_and_neither_after_it_stopped(site: SingleNode) -> None:
    daemon = site.start_daemon()
    for address in (ip_address(ADDRESS), VIP6):
        until(f"{address} is at the node", partial(resolves, site, address))
    site.client.run(["ip", "neigh", "flush", "dev", "eth0"])
    until("the node answers again", lambda: resolves(site, VIP6))
    until("a reply is counted", lambda: replies(site) > 0)
    said = daemon.logged()
    assert not [line for line in said if line["level"] in {"warning", "error"}]

    daemon.terminate()
    assert daemon.ended() == 0
    site.client.run(["ip", "neigh", "flush", "dev", "eth0"])
    send_to(site.client, VIP6)
    until("nobody has the address", lambda: neighbour(site.client, VIP6)[1] == "FAILED")
