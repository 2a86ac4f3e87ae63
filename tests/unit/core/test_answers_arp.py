"""Answers by ARP: what is answered, to whom and how long, and what counts as a claim."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2announcer.core.answers import AnswerTable, Grant, Place, PlaceAnswers, WireProtocol
from l2announcer.core.facts import Claimed, Overheard
from l2announcer.core.model import Announcement, Link
from l2announcer.core.outcome import Outcome
from l2announcer.core.tenure import Tenure
from l2announcer.wire import arp
from l2announcer.wire.arp import Operation, Packet
from l2announcer.wire.ethernet import BROADCAST, UNSPECIFIED

NODE = bytes.fromhex("0242ac130003")
OVERHEARD = Overheard(sender="eth1", receiver="eth0")
SECOND = bytes.fromhex("0242ac140003")
CLIENT = bytes.fromhex("0242ac130009")
CLIENT_IP = IPv4Address("172.19.0.9")
VIP = IPv4Address("172.19.0.240")
SHARED = IPv4Address("172.19.0.241")
WATCHED = IPv4Address("172.19.0.250")
FOREIGN = IPv4Address("172.19.0.77")

ETH0 = Link(index=2, name="eth0", mac=NODE, up=True, carrier=True)
ETH1 = Link(index=3, name="eth1", mac=SECOND, up=True, carrier=True)
LINKS = (ETH0, ETH1)

ASKED = arp.request(mac=CLIENT, sender=CLIENT_IP, target=VIP)


def granted(address: IPv4Address, interface: str, until: float = 100.0) -> Grant:
    return Grant(Announcement(address, interface), Tenure(until))


def eth0(*grants: Grant, watched: tuple[IPv4Address, ...] = (WATCHED,)) -> PlaceAnswers:
    announcements = [Announcement(address, "eth0") for address in watched]
    return AnswerTable(grants, announcements, LINKS).places[Place(ETH0.index, WireProtocol.ARP)]


ANSWERS = eth0(granted(VIP, "eth0"), granted(SHARED, "eth0"))


def test_a_request_is_answered_to_the_asker() -> None:
    assert ANSWERS.answer(ASKED, 1.0) == arp.reply(
        mac=NODE, address=VIP, to_mac=CLIENT, to_address=CLIENT_IP
    )


def test_a_request_to_this_interface_alone_is_answered() -> None:
    frame = arp.request(mac=CLIENT, sender=CLIENT_IP, target=VIP, to_mac=NODE)

    assert ANSWERS.answer(frame, 1.0) == ANSWERS.answer(ASKED, 1.0)


def test_a_probe_is_answered() -> None:
    frame = arp.probe(mac=CLIENT, address=VIP)

    assert ANSWERS.answer(frame, 1.0) == arp.reply(mac=NODE, address=VIP, to_mac=CLIENT)


def test_the_reply_goes_to_the_senders_hardware_address_not_to_the_relay() -> None:
    frame = ASKED[:6] + bytes.fromhex("0242ac1300aa") + ASKED[12:]

    assert ANSWERS.answer(frame, 1.0) == ANSWERS.answer(ASKED, 1.0)


@pytest.mark.parametrize("length", [42, 60, 1514])
def test_a_request_of_any_length_is_answered_alike(length: int) -> None:
    frame = ASKED[:42].ljust(length, b"\xaa")

    assert ANSWERS.answer(frame, 1.0) == ANSWERS.answer(ASKED, 1.0)


@pytest.mark.parametrize(
    ("frame", "outcome"),
    [
        (b"", Outcome.MALFORMED),
        (ASKED[:41], Outcome.MALFORMED),
        (ASKED[:14] + b"\x00\x06" + ASKED[16:], Outcome.MALFORMED),
        (ASKED[:12] + b"\x81\x00\x00\x64" + ASKED[12:], Outcome.MALFORMED),
        (ASKED[:22] + BROADCAST + ASKED[28:], Outcome.MALFORMED),
        (ASKED[:22] + UNSPECIFIED + ASKED[28:], Outcome.MALFORMED),
        (
            arp.reply(mac=CLIENT, address=CLIENT_IP, to_mac=NODE, to_address=VIP),
            Outcome.NOT_A_REQUEST,
        ),
        (arp.announcement_as_reply(mac=CLIENT, address=VIP), Outcome.NOT_A_REQUEST),
        (arp.announcement(mac=CLIENT, address=VIP), Outcome.GRATUITOUS),
        (arp.announcement(mac=CLIENT, address=WATCHED), Outcome.GRATUITOUS),
        (arp.request(mac=CLIENT, sender=CLIENT_IP, target=FOREIGN), Outcome.NOT_OURS),
        (arp.request(mac=CLIENT, sender=CLIENT_IP, target=WATCHED), Outcome.NOT_OURS),
        (
            arp.request(mac=CLIENT, sender=CLIENT_IP, target=VIP, to_mac=SECOND),
            Outcome.NOT_TO_US,
        ),
        (arp.request(mac=NODE, sender=CLIENT_IP, target=VIP), Outcome.OWN),
        (arp.request(mac=SECOND, sender=CLIENT_IP, target=VIP), Outcome.OWN),
        (arp.request(mac=SECOND, sender=CLIENT_IP, target=FOREIGN), Outcome.OWN),
    ],
)
def test_what_is_not_answered_has_its_reason(frame: bytes, outcome: Outcome) -> None:
    assert ANSWERS.answer(frame, 1.0) is outcome


def test_the_tenure_is_compared_with_the_clock_each_time() -> None:
    tenure = Tenure()
    answers = eth0(Grant(Announcement(VIP, "eth0"), tenure))

    assert answers.answer(ASKED, 1.0) is Outcome.NO_TENURE
    tenure.until = 2.0
    assert isinstance(answers.answer(ASKED, 1.999), bytes)
    assert answers.answer(ASKED, 2.0) is Outcome.NO_TENURE
    tenure.until = 3.0
    assert isinstance(answers.answer(ASKED, 2.0), bytes)
    tenure.void()
    assert answers.answer(ASKED, 2.0) is Outcome.NO_TENURE


@pytest.mark.parametrize("expired", [0, 1, 2])
def test_a_shared_address_is_answered_only_while_all_tenures_are_valid(expired: int) -> None:
    tenures = [Tenure(10.0), Tenure(10.0), Tenure(10.0)]
    answers = eth0(*(Grant(Announcement(VIP, "eth0"), tenure) for tenure in tenures))

    assert isinstance(answers.answer(ASKED, 5.0), bytes)
    tenures[expired].until = 5.0
    assert answers.answer(ASKED, 5.0) is Outcome.NO_TENURE


@pytest.mark.parametrize(
    ("frame", "claimed"),
    [
        (arp.announcement(mac=CLIENT, address=VIP), Claimed(VIP, CLIENT, "eth0")),
        (arp.announcement_as_reply(mac=CLIENT, address=VIP), Claimed(VIP, CLIENT, "eth0")),
        (arp.announcement(mac=CLIENT, address=WATCHED), Claimed(WATCHED, CLIENT, "eth0")),
        (
            arp.reply(mac=CLIENT, address=VIP, to_mac=NODE, to_address=CLIENT_IP),
            Claimed(VIP, CLIENT, "eth0", to_us=True),
        ),
        (
            arp.request(mac=CLIENT, sender=VIP, target=FOREIGN),
            Claimed(VIP, CLIENT, "eth0"),
        ),
        (
            arp.request(mac=CLIENT, sender=SHARED, target=VIP),
            Claimed(SHARED, CLIENT, "eth0"),
        ),
        (arp.probe(mac=CLIENT, address=VIP), Claimed(VIP, CLIENT, "eth0", probe=True)),
        (arp.probe(mac=CLIENT, address=WATCHED), Claimed(WATCHED, CLIENT, "eth0", probe=True)),
        (arp.probe(mac=CLIENT, address=FOREIGN), None),
        (arp.announcement(mac=CLIENT, address=FOREIGN), None),
        (arp.announcement(mac=NODE, address=VIP), None),
        (arp.announcement_as_reply(mac=SECOND, address=VIP), OVERHEARD),
        (arp.probe(mac=SECOND, address=VIP), OVERHEARD),
        (arp.announcement(mac=BROADCAST, address=VIP), None),
        (arp.announcement(mac=CLIENT, address=VIP)[:41], None),
        (
            arp.reply(mac=CLIENT, address=arp.ANY_ADDRESS, to_mac=NODE, to_address=VIP),
            None,
        ),
        (ASKED, None),
        (b"", None),
    ],
)
def test_a_claim_is_what_another_station_says_of_our_addresses(
    frame: bytes, claimed: Claimed | Overheard | None
) -> None:
    assert ANSWERS.claim(frame) == claimed


parts = st.sampled_from([VIP, SHARED, WATCHED, FOREIGN, CLIENT_IP, arp.ANY_ADDRESS])
macs = st.sampled_from([NODE, SECOND, CLIENT, BROADCAST, UNSPECIFIED, b"\x01" * 6])
likely = st.builds(
    Packet,
    destination=macs,
    source=macs,
    operation=st.sampled_from(Operation),
    sender_mac=macs,
    sender_address=parts,
    target_mac=macs,
    target_address=parts,
)


@given(likely)
def test_the_answer_follows_from_the_packet_as_read(packet: Packet) -> None:
    read = arp.parse(packet.frame())
    expected = (
        read is not None
        and read.operation is Operation.REQUEST
        and read.target_address in {VIP, SHARED}
        and read.sender_address != read.target_address
        and read.sender_mac not in {NODE, SECOND}
        and read.destination in {BROADCAST, NODE}
    )
    answer = ANSWERS.answer(packet.frame(), 1.0)

    assert isinstance(answer, bytes) is expected
    if isinstance(answer, bytes) and read is not None:
        assert arp.parse(answer) == Packet(
            destination=read.sender_mac,
            source=NODE,
            operation=Operation.REPLY,
            sender_mac=NODE,
            sender_address=read.target_address,
            target_mac=read.sender_mac,
            target_address=read.sender_address,
        )


@given(likely, st.integers(0, 70), st.binary(max_size=80))
def test_no_bytes_raise(packet: Packet, at: int, damage: bytes) -> None:
    frame = packet.frame()
    for damaged in (damage, frame[:at], frame[:at] + damage + frame[at + len(damage) :]):
        ANSWERS.answer(damaged, 1.0)
        ANSWERS.claim(damaged)
