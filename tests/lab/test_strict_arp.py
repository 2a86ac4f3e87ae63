"""Every node has the addresses itself, as kube-proxy in IPVS mode gives them to it.

Only that is played here, and what its strictARP sets: the kernel of the lab need not have IPVS. The
connections are translated as ever.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.arp_witness import ArpWitness
from tests.lab.cluster import CLIENT_ADDRESS, PLANS, Cluster
from tests.lab.demo.console import Console, DemoError
from tests.lab.demo.guide import APPS, EXTERNAL, Guide

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("_namespaces")]

INTERFACE = "kube-ipvs0"
STRICT = """\
echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore
echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce
"""
ENOUGH = 20


def give_addresses_to_nodes(cluster: Cluster) -> None:
    lines = [f"link add {INTERFACE} type bridge", f"link set {INTERFACE} up"]
    lines += [f"addr add {address}/32 dev {INTERFACE}" for address in (*APPS.values(), EXTERNAL)]
    for node in cluster.nodes.values():
        node.run(["ip", "-batch", "-"], text="\n".join(lines) + "\n")


def test_with_strict_arp_the_holder_alone_answers(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        give_addresses_to_nodes(cluster)
        for node in cluster.nodes.values():
            node.run(["sh", "-ec", STRICT])
        Guide(cluster, Console()).walk()
        for app, address in APPS.items():
            mac = PLANS[cluster.holder(f"{app}-service")].mac
            with ArpWitness(cluster.client, CLIENT_ADDRESS, address) as witness:
                cluster.until("it answers", lambda w=witness, m=mac: w.count(m) >= ENOUGH, 10)  # type: ignore[misc]
            assert {claim.mac for claim in witness.claims} == {mac}


def test_without_it_the_kernels_answer_for_what_nobody_announces(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        give_addresses_to_nodes(cluster)
        with pytest.raises(DemoError, match="is answered before any policy asks for it"):
            Guide(cluster, Console()).walk()
