"""The responder for IPv6 on real links: what it answers and joins, and what links do to it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from random import Random

import pytest

from l2announcer.core.answers import WireProtocol
from l2announcer.core.effects import Gratuitous, Message
from l2announcer.core.facts import Claimed
from l2announcer.core.model import Announcement
from l2announcer.core.tenure import Tenure
from l2announcer.wire import ndp
from tests.lab.namespaces import BRIDGE
from tests.lab.segment import CLIENT, NODE, link_of
from tests.lab.segment_nd import (
    CLIENT_IP,
    FOREIGN,
    SENTINEL,
    VIP,
    Segment,
    answer,
    group_of,
    neighbour,
    on_both_loops,
    raw_socket,
    send_to,
    until,
)

pytestmark = pytest.mark.lab

VIP4 = IPv4Address("172.19.0.240")
ON_ETH0 = Announcement(VIP, "eth0")


# Frames


@on_both_loops
async def test_solicitations_and_probes_are_answered(segment: Segment) -> None:
    segment.ask(VIP)
    question = ndp.solicitation(mac=CLIENT, sender=CLIENT_IP, target=VIP, to_mac=NODE)
    segment.client.send(question)
    segment.client.send(ndp.probe(mac=CLIENT, address=VIP))

    in_use = ndp.announcement(mac=NODE, address=VIP)
    assert await segment.heard() == [answer(VIP), answer(VIP), in_use]
    assert segment.facts == [Claimed(VIP, CLIENT, "eth0", probe=True)]


@on_both_loops
async def test_claims_of_others_are_told_and_not_answered(segment: Segment) -> None:
    before = segment.counts()
    segment.client.send(ndp.announcement(mac=CLIENT, address=VIP))
    segment.ask(FOREIGN, sender=VIP)

    assert await segment.heard() == []
    assert segment.facts == [Claimed(VIP, CLIENT, "eth0")]
    assert segment.counts() - before == {
        "not_a_request": 1,
        "not_ours": 1,
        "claimed": 1,
        "claim_repeated": 1,
        "answered": 1,
    }


@on_both_loops
async def test_nothing_is_answered_or_announced_once_the_tenure_has_run_out(
    segment: Segment,
) -> None:
    segment.time = 99.999
    segment.ask(VIP)
    assert await segment.heard() == [answer(VIP)]

    segment.time = 100.0
    segment.ask(VIP)
    segment.client.send(ndp.probe(mac=CLIENT, address=VIP))
    segment.responder.send([Gratuitous(ON_ETH0, Message.ANNOUNCE, segment.tenure)])
    assert await segment.heard() == []
    assert segment.counts()["no_tenure"] == 3


@on_both_loops
async def test_a_probe_and_an_announcement_are_sent(segment: Segment) -> None:
    segment.responder.send(
        [
            Gratuitous(ON_ETH0, Message.PROBE, Tenure()),
            Gratuitous(ON_ETH0, Message.ANNOUNCE, segment.tenure),
        ]
    )

    assert await segment.heard() == [
        ndp.probe(mac=NODE, address=VIP),
        ndp.announcement(mac=NODE, address=VIP),
    ]
    counts = segment.counts()
    assert (counts["probed"], counts["announced"]) == (1, 1)


@on_both_loops
async def test_foreign_traffic_stays_in_the_kernel(segment: Segment) -> None:
    before = segment.counts()
    question = ndp.solicitation(mac=CLIENT, sender=CLIENT_IP, target=VIP)
    segment.ask(*[FOREIGN] * 100)
    segment.client.send(ndp.reply(mac=CLIENT, address=FOREIGN, to_mac=NODE, to_address=VIP))
    segment.client.send(question[:12] + bytes.fromhex("81000064") + question[12:])
    segment.client.send(question[:21] + b"\xfe" + question[22:])

    assert await segment.heard() == []
    assert segment.counts() - before == {"answered": 1}


@on_both_loops
async def test_a_priority_tag_is_no_vlan(segment: Segment) -> None:
    question = ndp.solicitation(mac=CLIENT, sender=CLIENT_IP, target=VIP)
    segment.client.send(question[:12] + bytes.fromhex("8100e000") + question[12:])

    assert await segment.heard() == [answer(VIP)]


@on_both_loops
async def test_what_the_node_sends_is_never_heard_by_itself(segment: Segment) -> None:
    before = segment.counts()
    segment.responder.send([Gratuitous(ON_ETH0, Message.ANNOUNCE, segment.tenure)])
    with raw_socket(segment.node, "eth0") as neighbour_on_node:
        neighbour_on_node.send(ndp.solicitation(mac=NODE, sender=CLIENT_IP, target=VIP))
    await segment.heard()

    assert segment.counts() - before == {"announced": 1, "answered": 1}
    assert segment.facts == []


@on_both_loops
async def test_the_kernel_tells_scattered_addresses_from_their_neighbours(
    segment: Segment,
) -> None:
    draw = Random(7)
    first = int(IPv6Address("fd00:0:0:1::"))
    addresses = tuple(IPv6Address(first + 2 * draw.randrange(1 << 63)) for _ in range(300))
    segment.install(addresses=addresses)
    before = segment.counts()
    for address in addresses[::9]:
        segment.ask(address, address + 1)
        assert await segment.heard() == [answer(address)]
    assert segment.counts() - before == {"answered": 68}


@on_both_loops
async def test_addresses_come_and_go_and_their_groups_with_them(segment: Segment) -> None:
    twin = IPv6Address("fd00:0:0:7::240")  # of the same group
    assert group_of(VIP) in segment.joined()
    segment.install(addresses=(FOREIGN, twin))
    assert {group_of(FOREIGN), group_of(twin)} <= segment.joined()
    segment.ask(FOREIGN, VIP)
    assert await segment.heard() == [answer(FOREIGN)]

    segment.install(addresses=(FOREIGN,))
    assert group_of(twin) not in segment.joined()
    segment.responder.close()
    assert not {group_of(FOREIGN), group_of(SENTINEL)} & segment.joined()


@on_both_loops
async def test_more_groups_than_one_socket_has_room_for(segment: Segment) -> None:
    limit = "/proc/sys/net/core/optmem_max"
    if segment.node.run(["test", "-w", limit], check=False).returncode:
        pytest.skip(f"{limit} is not this namespace's own: needs Linux 6.7 or newer")
    segment.node.run(["sh", "-c", f"echo 20480 > {limit}"])
    addresses = tuple(IPv6Address("fd00::1:0") + number for number in range(900))
    segment.install(addresses=addresses)

    assert segment.responder.troubles == {}
    assert {group_of(address) for address in addresses} <= segment.joined()
    segment.install(addresses=())
    assert not {group_of(address) for address in addresses} & segment.joined()


# Interfaces


@on_both_loops
async def test_an_interface_that_is_made_anew_is_answered_on_and_joined_again(
    segment: Segment,
) -> None:
    segment.node.run(["ip", "link", "del", "eth0"])
    segment.lab.link(segment.node, "eth0", mac=NODE.hex(":"))
    segment.install()

    await segment.carrying()
    assert group_of(VIP) in segment.joined()
    segment.ask(VIP)
    assert await segment.heard() == [answer(VIP)]


@on_both_loops
async def test_an_interface_with_the_index_of_a_vanished_one_is_joined_again(
    segment: Segment,
) -> None:
    node = segment.node
    make = ["ip", "link", "add", "lan0", "index", "77", "address", NODE.hex(":"), "type", "veth"]
    for _ in range(2):
        node.run([*make, "peer", "name", "far0"])
        node.run(["ip", "link", "set", "lan0", "up"])
        segment.install(link_of(node, "lan0"))
        assert {group_of(VIP), group_of(SENTINEL)} <= segment.joined("lan0")
        node.run(["ip", "link", "del", "lan0"])


@on_both_loops
async def test_without_any_address_of_its_own_the_interface_answers(segment: Segment) -> None:
    segment.node.run(["ip", "addr", "flush", "dev", "eth0"])
    shown = segment.node.run(["ip", "-o", "addr", "show", "dev", "eth0"]).stdout
    assert shown == ""
    segment.install()

    assert segment.responder.troubles == {}
    assert group_of(VIP) in segment.joined()
    segment.ask(VIP)
    assert await segment.heard() == [answer(VIP)]


@on_both_loops
async def test_where_ipv6_is_disabled_only_ipv4_is_answered_and_the_cure_is_told(
    segment: Segment,
) -> None:
    sysctl = "net/ipv6/conf/eth0/disable_ipv6"

    def disable(number: int) -> None:
        segment.node.run(["sh", "-c", f"echo {number} > /proc/sys/{sysctl}"])
        segment.install(addresses=(VIP, VIP4))

    disable(1)
    assert segment.responder.troubles == {
        "eth0": "interface eth0: cannot listen for Neighbour Discovery: IPv6 is disabled there;"
        f" enable it: sysctl -w {sysctl}=0"
    }
    segment.host.run(["ip", "addr", "add", "172.19.0.9/16", "dev", "eth0"])

    def resolved() -> bool:
        send_to(segment.host, VIP4)
        return neighbour(segment.host, VIP4)[0] == NODE.hex(":")

    await until("IPv4 is answered", resolved)
    counted = {
        (protocol, reason): times for _, protocol, reason, times in segment.responder.counters()
    }
    assert counted[WireProtocol.ARP, "answered"] > 0
    disable(0)
    assert segment.responder.troubles == {}
    segment.ask(VIP)
    assert answer(VIP) in await segment.heard()


@on_both_loops
async def test_a_switch_that_listens_to_mld_learns_where_the_questions_must_go(
    segment: Segment,
) -> None:
    """RFC 4541 section 3: such a switch forwards a group's frames to its listeners alone."""
    bridge = ["ip", "link", "set", BRIDGE, "type", "bridge", "mcast_snooping", "1"]
    segment.lab.switch.run([*bridge, "mcast_querier", "1", "mcast_query_response_interval", "100"])
    segment.install(addresses=(VIP, FOREIGN))

    def learnt() -> bool:
        known = segment.lab.switch.run(["bridge", "mdb", "show", "dev", BRIDGE]).stdout
        return f"grp {group_of(FOREIGN)} " in known

    await until("the switch knows the group", learnt)
    segment.ask(FOREIGN)
    assert await segment.heard() == [answer(FOREIGN)]
