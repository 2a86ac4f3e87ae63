"""The real daemon on interfaces of several kinds, and beside hosts that want its address."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.bootstrap import apply_object
from tests.lab.arp_witness import ArpWitness
from tests.lab.namespaces import Lab
from tests.lab.single_node import ADDRESS, CRDS, POLICY, SingleNode, until

pytestmark = pytest.mark.lab

CLIENT = "172.19.0.100"
MAC = "02:42:ac:13:00:03"
SECOND_MAC = "02:42:ac:13:00:13"
SERVICE = "default/app1"
ENOUGH = 50


@pytest.fixture
def node(lab: Lab, tmp_path: Path) -> Iterator[SingleNode]:
    with SingleNode(lab, tmp_path) as single:
        yield single


def announce_on(node: SingleNode, pattern: str) -> None:
    """Start the daemon with one Service, announced on the interfaces of the pattern."""
    policy = {**POLICY, "spec": {"externalIPs": True, "interfaces": [pattern]}}

    def install(server: Any) -> None:
        server.apply_files(*CRDS)
        apply_object(server.store, policy, time.time())

    node.api.start()
    node.api.do(install)
    node.add_service()
    node.start_daemon()


def state(node: SingleNode) -> str:
    _, text = node.get("/status")
    found: str = json.loads(text)["services"].get(SERVICE, {}).get("state", "") if text else ""
    return found


def claimants(node: SingleNode) -> set[str]:
    """Whose MACs answer a good number of requests."""
    with ArpWitness(node.client, CLIENT, ADDRESS) as witness:
        until(f"{ENOUGH} answers", lambda: len(witness.claims) >= ENOUGH)
    return {claim.mac for claim in witness.claims}


def test_two_interfaces_on_one_segment_give_one_answer(lab: Lab, node: SingleNode) -> None:
    lab.link(node.node, "eth1", mac=SECOND_MAC)
    with ArpWitness(node.client, CLIENT, ADDRESS) as witness:
        announce_on(node, "^eth")
        until(f"{ENOUGH} answers", lambda: len(witness.claims) >= ENOUGH)
    assert {claim.mac for claim in witness.claims} == {MAC}
    _, text = node.get("/status")
    assert "eth1: is on one network segment with eth0" in text


def test_a_bridge_answers_and_its_port_does_not(node: SingleNode) -> None:
    for command in (
        "link add br0 type bridge forward_delay 0",
        f"link set br0 address {SECOND_MAC}",
        "link set eth0 master br0",
        "link set br0 up",
    ):
        node.node.run(["ip", *command.split()])
    announce_on(node, "^(br|eth)0$")
    assert claimants(node) == {SECOND_MAC}


def test_a_macvlan_answers_with_its_own_mac(node: SingleNode) -> None:
    mac = "02:42:ac:13:00:23"
    command = f"link add mv0 link eth0 address {mac} type macvlan mode bridge"
    node.node.run(["ip", *command.split()])
    node.node.run(["ip", "link", "set", "mv0", "up"])
    announce_on(node, "^mv0$")
    assert claimants(node) == {mac}


def test_neighbours_hear_of_another_mac_at_once(node: SingleNode) -> None:
    announce_on(node, "^eth0$")
    node.until_announced()
    node.node.run(["ip", "link", "set", "eth0", "address", SECOND_MAC])
    shown = ["ip", "neigh", "show", ADDRESS]
    until("the client knows the new MAC", lambda: SECOND_MAC in node.client.run(shown).stdout)


def test_an_interface_made_anew_under_its_name_is_served_again(lab: Lab, node: SingleNode) -> None:
    announce_on(node, "^eth0$")
    node.until_announced()
    node.node.run(["ip", "link", "del", "eth0"])
    until("it is given up", lambda: state(node) == "not selected")
    lab.link(node.node, "eth0", "172.19.0.3/16", mac=SECOND_MAC)
    assert claimants(node) == {SECOND_MAC}


def test_an_address_that_a_foreign_host_has_waits_until_it_is_gone(
    lab: Lab, node: SingleNode
) -> None:
    foreign = lab.host("foreign", f"{ADDRESS}/16", mac=SECOND_MAC)
    announce_on(node, "^eth0$")
    until("it is found to be in use", lambda: state(node) == "address in use")
    assert claimants(node) == {SECOND_MAC}
    foreign.run(["ip", "addr", "flush", "dev", "eth0"])
    until("it is announced", lambda: state(node) == "announcing")
    assert claimants(node) == {MAC}
