"""What the kernels of other hosts make of the responder for IPv6."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from l2announcer.core.answers import AnswerTable, Grant
from l2announcer.core.effects import Gratuitous, Message
from l2announcer.core.facts import Claimed
from l2announcer.core.model import Announcement
from l2announcer.core.tenure import Tenure
from l2announcer.lan.responder import Responder
from l2announcer.wire import ndp
from l2announcer.wire.ndp import Kind
from tests.lab.segment import CLIENT, NODE, link_of
from tests.lab.segment_nd import (
    OTHER_NODE,
    VIP,
    Segment,
    neighbour,
    on_both_loops,
    raw_socket,
    send_to,
    until,
)

pytestmark = pytest.mark.lab

ON_ETH0 = Announcement(VIP, "eth0")


def knows(segment: Segment, mac: bytes, *states: str) -> bool:
    found, state = neighbour(segment.host, VIP)
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
    send_to(segment.host, VIP)

    await until("the client knows the node", lambda: knows(segment, NODE, "REACHABLE"))


@on_both_loops
async def test_a_neighbour_that_wonders_whether_it_is_still_there_hears_it(
    segment: Segment,
) -> None:
    """RFC 4861 section 7.3.3: in state PROBE the questions go to the cached address alone."""
    entry = [str(VIP), "lladdr", NODE.hex(":"), "dev", "eth0", "nud", "probe"]
    with raw_socket(segment.node, "eth0") as heard:
        segment.host.run(["ip", "neigh", "replace", *entry])
        await until("it is confirmed", lambda: knows(segment, NODE, "REACHABLE"))
        questions = [message for message in read(heard) if message.target == VIP]

    (question,) = questions
    assert question.kind is Kind.SOLICITATION
    assert (question.destination, question.receiver) == (NODE, VIP)


@on_both_loops
async def test_another_host_cannot_take_the_address(segment: Segment) -> None:
    """RFC 4862 section 5.4: the kernel asks first, and never uses an address that is in use."""
    segment.host.run(["ip", "addr", "add", f"{VIP}/64", "dev", "eth0"])

    def failed() -> bool:
        shown = segment.host.run(["ip", "-6", "-o", "addr", "show", "dev", "eth0"]).stdout
        return bool(re.search(rf"{VIP}/64 .*\bdadfailed\b", shown))

    await until("duplicate address detection fails", failed)
    assert Claimed(VIP, CLIENT, "eth0", probe=True) in segment.facts


@on_both_loops
async def test_after_the_tenure_another_host_can_take_the_address(segment: Segment) -> None:
    segment.tenure.void()
    segment.host.run(["ip", "addr", "add", f"{VIP}/64", "dev", "eth0"])

    def taken() -> bool:
        shown = segment.host.run(["ip", "-6", "-o", "addr", "show", "dev", "eth0"]).stdout
        return f"{VIP}/64" in shown and "tentative" not in shown and "dadfailed" not in shown

    await until("the address is used", taken)


@on_both_loops
async def test_an_announcement_moves_what_a_neighbour_knows(segment: Segment) -> None:
    send_to(segment.host, VIP)
    await until("the client knows the node", lambda: knows(segment, NODE))
    second = segment.lab.host("second", mac=OTHER_NODE.hex(":"))
    other = Responder(post=segment.post, now=lambda: segment.time)
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
    send_to(segment.host, VIP)

    def asked_in_vain() -> bool:
        return neighbour(segment.host, VIP)[1] in {"FAILED", "INCOMPLETE"}

    await until("the client asks", lambda: segment.counts()["no_tenure"] > 0)
    await until("and hears nothing", asked_in_vain)
    assert neighbour(segment.host, VIP)[0] == ""
