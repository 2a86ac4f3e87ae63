"""The responder on real links: who is answered, what stays in the kernel, what links do to it."""

from __future__ import annotations

import asyncio
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack, closing
from ipaddress import IPv4Address
from random import Random

import pytest

from l2announcer.core.answers import AnswerTable, Grant, WireProtocol
from l2announcer.core.effects import Gratuitous, Message
from l2announcer.core.facts import Claimed, Fact, Listens
from l2announcer.core.model import Announcement, Ear, Link
from l2announcer.core.tenure import Tenure
from l2announcer.lan import packets
from l2announcer.lan.packets import PacketSocket
from l2announcer.lan.responder import Responder
from l2announcer.wire import arp
from tests.lab.segment import (
    CLIENT,
    CLIENT_IP,
    FOREIGN,
    NODE,
    PATIENCE_SECONDS,
    SENTINEL,
    VIP,
    Segment,
    answer,
    joined,
    link_of,
    on_both_loops,
    raw_socket,
)

pytestmark = pytest.mark.lab

# linux/if_packet.h
SOL_PACKET = 263
PACKET_STATISTICS = 6


@on_both_loops
async def test_requests_and_probes_are_answered(segment: Segment) -> None:
    segment.ask(VIP)
    segment.client.send(arp.request(mac=CLIENT, sender=CLIENT_IP, target=VIP, to_mac=NODE))
    segment.client.send(arp.probe(mac=CLIENT, address=VIP))

    assert await segment.heard() == [answer(VIP), answer(VIP), answer(VIP, arp.ANY_ADDRESS)]
    assert segment.facts == [Claimed(VIP, CLIENT, "eth0", probe=True)]


@on_both_loops
async def test_claims_of_others_are_told_and_not_answered(segment: Segment) -> None:
    before = segment.counts()
    segment.client.send(arp.announcement(mac=CLIENT, address=VIP))
    segment.client.send(arp.announcement_as_reply(mac=CLIENT, address=VIP))

    assert await segment.heard() == []
    assert segment.facts == [Claimed(VIP, CLIENT, "eth0")]
    counted = segment.counts() - before
    assert counted == {
        "gratuitous": 1,
        "not_a_request": 1,
        "claimed": 1,
        "claim_repeated": 1,
        "answered": 1,
    }


@on_both_loops
async def test_a_tenure_that_is_voided_while_a_claim_is_told_silences_the_next_frame(
    segment: Segment,
) -> None:
    def yield_at_once(fact: Fact) -> None:
        segment.facts.append(fact)
        segment.tenure.void()

    segment.responder._post = yield_at_once
    segment.ask(VIP)
    segment.client.send(arp.announcement(mac=CLIENT, address=VIP))
    segment.ask(VIP)

    assert await segment.heard() == [answer(VIP)]


@on_both_loops
async def test_what_is_held_over_is_given_up_between_two_frames_but_not_to_a_probe(
    segment: Segment,
) -> None:
    segment.tenure.hold_over(100.0)
    segment.client.send(arp.probe(mac=CLIENT, address=VIP))
    segment.ask(VIP)
    segment.client.send(arp.announcement(mac=CLIENT, address=VIP))
    segment.ask(VIP)

    assert await segment.heard() == [answer(VIP, arp.ANY_ADDRESS), answer(VIP)]
    assert segment.facts == [Claimed(VIP, CLIENT, "eth0", probe=True), Claimed(VIP, CLIENT, "eth0")]
    assert segment.counts()["no_tenure"] == 1


@on_both_loops
async def test_nothing_is_answered_or_announced_once_the_tenure_has_run_out(
    segment: Segment,
) -> None:
    announce = Gratuitous(Announcement(VIP, "eth0"), Message.ANNOUNCE, segment.tenure)
    segment.time = 99.999
    segment.ask(VIP)
    assert await segment.heard() == [answer(VIP)]

    segment.time = 100.0
    segment.ask(VIP)
    segment.responder.send([announce])
    assert await segment.heard() == []
    assert segment.counts()["no_tenure"] == 3


@on_both_loops
async def test_a_probe_and_an_announcement_in_both_forms_are_sent(segment: Segment) -> None:
    announcement = Announcement(VIP, "eth0")
    segment.responder.send(
        [
            Gratuitous(announcement, Message.PROBE, Tenure()),
            Gratuitous(announcement, Message.ANNOUNCE, segment.tenure),
        ]
    )

    assert await segment.heard() == [
        arp.probe(mac=NODE, address=VIP),
        arp.announcement(mac=NODE, address=VIP),
        arp.announcement_as_reply(mac=NODE, address=VIP),
    ]
    counts = segment.counts()
    assert (counts["probed"], counts["announced"]) == (1, 2)


@on_both_loops
async def test_what_the_node_sends_is_never_heard_by_itself(segment: Segment) -> None:
    before = segment.counts()
    announcement = Announcement(VIP, "eth0")
    segment.responder.send([Gratuitous(announcement, Message.ANNOUNCE, segment.tenure)])
    with raw_socket(segment.node, "eth0") as neighbour:
        neighbour.send(arp.request(mac=NODE, sender=CLIENT_IP, target=VIP))
    await segment.heard()

    assert segment.counts() - before == {"announced": 2, "answered": 1}
    assert segment.facts == []


@on_both_loops
async def test_foreign_traffic_stays_in_the_kernel(segment: Segment) -> None:
    before = segment.counts()
    request = arp.request(mac=CLIENT, sender=CLIENT_IP, target=VIP)
    segment.ask(*[FOREIGN] * 100)
    segment.client.send(arp.reply(mac=CLIENT, address=FOREIGN, to_mac=NODE, to_address=VIP))
    segment.client.send(request[:12] + bytes.fromhex("81000064") + request[12:])

    assert await segment.heard() == []
    assert segment.counts() - before == {"answered": 1}


@on_both_loops
async def test_a_priority_tag_is_no_vlan(segment: Segment) -> None:
    request = arp.request(mac=CLIENT, sender=CLIENT_IP, target=VIP)
    segment.client.send(request[:12] + bytes.fromhex("8100e000") + request[12:])

    assert await segment.heard() == [answer(VIP)]


@on_both_loops
async def test_the_kernel_tells_scattered_addresses_from_their_neighbours(
    segment: Segment,
) -> None:
    numbers = Random(7).sample(range(1 << 31), 900)
    addresses = tuple(IPv4Address(2 * number) for number in numbers)
    segment.install(addresses=addresses)
    before = segment.counts()
    for address in addresses[::9]:
        segment.ask(address, address + 1)
        assert await segment.heard() == [answer(address)]
    assert segment.counts() - before == {"answered": 200}


@on_both_loops
async def test_a_kernel_with_little_room_takes_a_smaller_filter(segment: Segment) -> None:
    limit = "/proc/sys/net/core/optmem_max"
    if segment.node.run(["test", "-w", limit], check=False).returncode:
        pytest.skip(f"{limit} is not this namespace's own: needs Linux 6.7 or newer")
    segment.node.run(["sh", "-c", f"echo 20480 > {limit}"])
    addresses = tuple(IPv4Address("10.0.0.0") + 2 * number for number in range(900))
    segment.install(addresses=addresses)
    segment.ask(addresses[450])

    assert await segment.heard() == [answer(addresses[450])]
    assert segment.responder.troubles == {}


@on_both_loops
async def test_addresses_come_and_go(segment: Segment) -> None:
    segment.ask(FOREIGN)
    assert await segment.heard() == []

    segment.install(addresses=(FOREIGN,))
    segment.ask(FOREIGN, VIP)
    assert await segment.heard() == [answer(FOREIGN)]


@on_both_loops
async def test_an_interface_goes_down_and_up(segment: Segment) -> None:
    announce = Gratuitous(Announcement(VIP, "eth0"), Message.ANNOUNCE, segment.tenure)
    for _ in range(2):
        before = segment.counts()
        segment.node.run(["ip", "link", "set", "eth0", "down"])
        segment.responder.send([announce])
        await asyncio.sleep(0)
        segment.responder.send([announce])
        assert (segment.counts() - before)["send_down"] >= 3
        segment.node.run(["ip", "link", "set", "eth0", "up"])
        await segment.carrying()


@on_both_loops
async def test_an_error_that_the_loop_hears_of_first_does_not_stop_it(segment: Segment) -> None:
    before = segment.counts()
    segment.node.run(["ip", "link", "set", "eth0", "down"])
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (segment.counts() - before)["receive_down"]:  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.001)
    segment.node.run(["ip", "link", "set", "eth0", "up"])
    await segment.carrying()


@on_both_loops
async def test_an_interface_that_is_made_anew_is_answered_on_again(segment: Segment) -> None:
    segment.node.run(["ip", "link", "del", "eth0"])
    segment.lab.link(segment.node, "eth0", mac=NODE.hex(":"))
    segment.install()

    await segment.carrying()
    segment.ask(VIP)
    assert await segment.heard() == [answer(VIP)]


@on_both_loops
async def test_a_new_mac_is_in_the_next_reply(segment: Segment) -> None:
    changed = bytes.fromhex("0242ac1300aa")
    segment.sentinel.until = 1e9
    segment.node.run(["ip", "link", "set", "eth0", "address", changed.hex(":")])
    segment.install()
    segment.ask(VIP)

    assert await segment.next_frame() == arp.reply(
        mac=changed, address=VIP, to_mac=CLIENT, to_address=CLIENT_IP
    )


@on_both_loops
async def test_a_vanished_interface_or_a_wrong_index_does_not_stop_the_others(
    segment: Segment,
) -> None:
    wrong = Link(index=9999, name="eth9", mac=bytes.fromhex("0242ac130099"), up=True, carrier=True)
    segment.install(wrong, link_of(segment.node))
    segment.ask(VIP)

    assert await segment.heard() == [answer(VIP)]
    assert segment.responder.troubles == {
        "eth9": "interface eth9: cannot listen for ARP: No such device"
    }
    assert segment.counts("eth9") == {"open_failed": 1}
    here = Ear(link_of(segment.node).index, 4)
    why = "cannot listen for ARP: No such device"
    assert segment.listens[-1] == Listens(frozenset({here}), {Ear(9999, 4): why})
    told = len(segment.listens)
    segment.install()
    assert segment.responder.troubles == {}
    segment.install()
    assert segment.listens[told:] == [Listens(frozenset({here}), {})], "no news aren't told"


@on_both_loops
async def test_an_interface_with_the_index_of_a_vanished_one_gets_a_socket_of_its_own(
    segment: Segment,
) -> None:
    node = segment.node
    pair = ["ip", "link", "add", "lan0", "index", "77", "address", NODE.hex(":"), "type", "veth"]
    ends = ["lan0", "far0"]
    make = [[*pair, "peer", "name", "far0"], *(["ip", "link", "set", end, "up"] for end in ends)]
    for command in make:
        node.run(command)
    with joined(segment.lab, node, raw_socket(node, "far0")) as other:
        other.install(link_of(node, "lan0"))
        await other.carrying()
        for command in (["ip", "link", "del", "lan0"], *make):
            node.run(command)
        with other.client, raw_socket(node, "far0") as other.client:
            other.install(link_of(node, "lan0"))
            await other.carrying()


@on_both_loops
async def test_after_close_nothing_is_answered(segment: Segment) -> None:
    segment.responder.close()
    other = Responder(post=segment.post, now=lambda: segment.time)
    sentinel = Grant(Announcement(SENTINEL, "eth0"), segment.sentinel)
    with closing(other):
        with segment.node.in_namespace():
            other.install(AnswerTable([sentinel], [], [link_of(segment.node)]))
        segment.ask(VIP)
        assert await segment.heard() == []


@on_both_loops
async def test_nothing_waits_until_a_socket_is_closed(segment: Segment) -> None:
    may_close, close = threading.Event(), PacketSocket.close
    closed: list[PacketSocket] = []

    def slowly(opened: PacketSocket) -> None:
        may_close.wait(PATIENCE_SECONDS)
        closed.append(opened)
        close(opened)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PacketSocket, "close", slowly)
        patch.setattr(threading.Thread, "start", lambda _: pytest.fail("a thread is started"))
        segment.responder.install(AnswerTable([], [], []))
        assert closed == []
        segment.install()  # on the same interface, while the former socket is still there
        assert await segment.heard() == []
        may_close.set()
        segment.responder.close()
    assert len(closed) == 2


@on_both_loops
async def test_one_wake_up_takes_a_bounded_batch(segment: Segment) -> None:
    sent = 3 * packets.MOST_FRAMES_PER_WAKE_UP // 2
    with segment.node.in_namespace():
        opened = PacketSocket(
            index=link_of(segment.node).index,
            protocol=WireProtocol.ARP,
            admitted=frozenset({VIP.packed}),
            readable=lambda: None,
            counts=Counter(),
        )
    with ExitStack() as undo:
        undo.callback(opened.close)
        undo.callback(opened.stop)
        segment.ask(*[VIP] * sent)
        arrived = 0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while arrived < sent:
                arrived += statistics(opened._socket)
                await asyncio.sleep(0)
        batches = [len(list(opened.frames())) for _ in range(3)]
    assert batches == [packets.MOST_FRAMES_PER_WAKE_UP, packets.MOST_FRAMES_PER_WAKE_UP // 2, 0]


def statistics(opened: socket.socket) -> int:
    """How many frames have passed the filter since the last call (PACKET_STATISTICS)."""
    passed: int = struct.unpack("=II", opened.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[0]
    return passed


def test_without_the_right_there_is_one_sentence_with_the_cure() -> None:
    script = "from l2announcer.lan.packets import require_rights; require_rights()"
    prefix = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    tried = subprocess.run(
        [*prefix, sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert tried.returncode == 1
    assert "MissingRightError: cannot open a packet socket: the right CAP_NET_RAW" in tried.stderr
