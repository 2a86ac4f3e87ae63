"""The responder for IPv6 on real links: what it answers, and what other kernels make of it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Address, IPv6Address
from random import Random

import pytest

from l2announcer.core.answers import AnswerTable, Grant, WireProtocol
from l2announcer.core.effects import Gratuitous, Message
from l2announcer.core.facts import Claimed
from l2announcer.core.model import Announcement
from l2announcer.core.tenure import Tenure
from l2announcer.lan.responder import Responder
from l2announcer.wire import ndp
from l2announcer.wire.ethernet import ETHERTYPE_IPV6
from l2announcer.wire.ndp import Kind
from tests.lab.namespaces import BRIDGE
from tests.lab.segment import link_of, raw_socket
from tests.lab.segment_nd import (
    CLIENT,
    CLIENT_IP,
    FOREIGN,
    NODE,
    OTHER_NODE,
    SENTINEL,
    VIP,
    Segment,
    answer,
    group_of,
    neighbour,
    on_both_loops,
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
    segment.raw.send(question)
    segment.raw.send(ndp.probe(mac=CLIENT, address=VIP))

    in_use = ndp.announcement(mac=NODE, address=VIP)
    assert await segment.heard() == [answer(VIP), answer(VIP), in_use]
    assert segment.facts == [Claimed(VIP, CLIENT, "eth0", probe=True)]


@on_both_loops
async def test_claims_of_others_are_told_and_not_answered(segment: Segment) -> None:
    before = segment.counts()
    segment.raw.send(ndp.announcement(mac=CLIENT, address=VIP))
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
    segment.raw.send(ndp.probe(mac=CLIENT, address=VIP))
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
    segment.raw.send(ndp.reply(mac=CLIENT, address=FOREIGN, to_mac=NODE, to_address=VIP))
    segment.raw.send(question[:12] + bytes.fromhex("81000064") + question[12:])
    segment.raw.send(question[:21] + b"\xfe" + question[22:])

    assert await segment.heard() == []
    assert segment.counts() - before == {"answered": 1}


@on_both_loops
async def test_a_priority_tag_is_no_vlan(segment: Segment) -> None:
    question = ndp.solicitation(mac=CLIENT, sender=CLIENT_IP, target=VIP)
    segment.raw.send(question[:12] + bytes.fromhex("8100e000") + question[12:])

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
    segment.client.run(["ip", "addr", "add", "172.19.0.9/16", "dev", "eth0"])

    def resolved() -> bool:
        send_to(segment.client, VIP4)
        return neighbour(segment.client, VIP4)[0] == NODE.hex(":")

    await until("IPv4 is answered", resolved)
    assert segment.counts(WireProtocol.ARP)["answered"] > 0
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


# The kernels of other hosts


def knows(segment: Segment, mac: bytes, *states: str) -> bool:
    found, state = neighbour(segment.client, VIP)
    return found == mac.hex(":") and (not states or state in states)


def read(opened: socket.socket) -> Iterator[ndp.Message]:
    """What of Neighbour Discovery has arrived."""
    while True:
        try:
            message = ndp.parse(opened.recv(2048))
        except BlockingIOError:
            return
        if message is not None:
            yield message


@on_both_loops
async def test_a_neighbour_resolves_the_address(segment: Segment) -> None:
    send_to(segment.client, VIP)

    await until("the client knows the node", lambda: knows(segment, NODE, "REACHABLE"))


@on_both_loops
async def test_a_neighbour_that_wonders_whether_it_is_still_there_hears_it(
    segment: Segment,
) -> None:
    """RFC 4861 section 7.3.3: in state PROBE the questions go to the cached address alone."""
    entry = [str(VIP), "lladdr", NODE.hex(":"), "dev", "eth0", "nud", "probe"]
    with segment.node.socket(socket.AF_PACKET, socket.SOCK_RAW) as heard:
        heard.setblocking(False)
        heard.bind(("eth0", ETHERTYPE_IPV6))
        segment.client.run(["ip", "neigh", "replace", *entry])
        await until("it is confirmed", lambda: knows(segment, NODE, "REACHABLE"))
        questions = [message for message in read(heard) if message.target == VIP]

    (question,) = questions
    assert question.kind is Kind.SOLICITATION
    assert (question.destination, question.receiver) == (NODE, VIP)


@on_both_loops
async def test_another_host_cannot_take_the_address(segment: Segment) -> None:
    """RFC 4862 section 5.4: the kernel asks first, and never uses an address that is in use."""
    segment.client.run(["ip", "addr", "add", f"{VIP}/64", "dev", "eth0"])

    def failed() -> bool:
        shown = segment.client.run(["ip", "-6", "-o", "addr", "show", "dev", "eth0"]).stdout
        return bool(re.search(rf"{VIP}/64 .*\bdadfailed\b", shown))

    await until("duplicate address detection fails", failed)
    assert Claimed(VIP, CLIENT, "eth0", probe=True) in segment.facts


@on_both_loops
async def test_after_the_tenure_another_host_can_take_the_address(segment: Segment) -> None:
    segment.tenure.void()
    segment.client.run(["ip", "addr", "add", f"{VIP}/64", "dev", "eth0"])

    def taken() -> bool:
        shown = segment.client.run(["ip", "-6", "-o", "addr", "show", "dev", "eth0"]).stdout
        return f"{VIP}/64" in shown and "tentative" not in shown and "dadfailed" not in shown

    await until("the address is used", taken)


@on_both_loops
async def test_an_announcement_moves_what_a_neighbour_knows(segment: Segment) -> None:
    send_to(segment.client, VIP)
    await until("the client knows the node", lambda: knows(segment, NODE))
    second = segment.lab.host("second", mac=OTHER_NODE.hex(":"))
    other = Responder(post=segment.facts.append, now=lambda: segment.time)
    tenure = Tenure(100.0)
    with closing(other):
        with second.in_namespace():
            other.install(AnswerTable([Grant(ON_ETH0, tenure)], [], [link_of(second)]))
        segment.tenure.void()

        def moved() -> bool:
            other.send([Gratuitous(ON_ETH0, Message.ANNOUNCE, tenure)])
            return knows(segment, OTHER_NODE)

        await until("the client knows the other node", moved)
        claim = Claimed(VIP, OTHER_NODE, "eth0")
        await until("the node hears of it", lambda: claim in segment.facts)


@on_both_loops
async def test_once_silent_a_neighbour_finds_nobody(segment: Segment) -> None:
    segment.tenure.void()
    send_to(segment.client, VIP)

    def asked_in_vain() -> bool:
        return neighbour(segment.client, VIP)[1] in {"FAILED", "INCOMPLETE"}

    await until("the client asks", lambda: segment.counts()["no_tenure"] > 0)
    await until("and hears nothing", asked_in_vain)
    assert neighbour(segment.client, VIP)[0] == ""
