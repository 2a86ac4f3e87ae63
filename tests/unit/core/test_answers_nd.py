"""Answers by Neighbour Discovery: what, to whom and how long, and what counts as a claim."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2announcer.core.answers import AnswerTable, Grant, Place, PlaceAnswers, WireProtocol
from l2announcer.core.facts import Claimed, Overheard
from l2announcer.core.model import Announcement, Link
from l2announcer.core.outcome import Outcome
from l2announcer.core.tenure import Tenure
from l2announcer.wire import ipv6, ndp
from l2announcer.wire.ethernet import BROADCAST, UNSPECIFIED
from l2announcer.wire.ndp import OVERRIDE, SOLICITED, Kind, Message

NODE = bytes.fromhex("0242ac130003")
OVERHEARD = Overheard(sender="eth1", receiver="eth0")
SECOND = bytes.fromhex("0242ac140003")
CLIENT = bytes.fromhex("0242ac130009")
CLIENT_IP = IPv6Address("fe80::42:acff:fe13:9")
VIP = IPv6Address("fd00::240")
SHARED = IPv6Address("2001:db8::1:241")
WATCHED = IPv6Address("fd00::250")
FOREIGN = IPv6Address("fd00::77")
ALL_NODES = IPv6Address("ff02::1")

ETH0 = Link(index=2, name="eth0", mac=NODE, up=True, carrier=True)
ETH1 = Link(index=3, name="eth1", mac=SECOND, up=True, carrier=True)

ASKED = ndp.solicitation(mac=CLIENT, sender=CLIENT_IP, target=VIP)
SENDER_OPTION = "0101 0242ac130009"
REPLY = ndp.reply(mac=NODE, address=VIP, to_mac=CLIENT, to_address=CLIENT_IP)


def granted(address: IPv6Address, until: float = 100.0) -> Grant:
    return Grant(Announcement(address, "eth0"), Tenure(until))


def eth0(*grants: Grant) -> PlaceAnswers:
    table = AnswerTable(grants, [Announcement(WATCHED, "eth0")], [ETH0, ETH1])
    return table.places[Place(ETH0.index, WireProtocol.ND)]


ANSWERS = eth0(granted(VIP), granted(SHARED))


def message(**changes: object) -> Message:
    """The usual solicitation, but for what is changed."""
    group = ipv6.solicited_node_group(VIP.packed)
    usual: dict[str, object] = {
        "destination": ipv6.group_mac(group),
        "source": CLIENT,
        "sender": CLIENT_IP,
        "receiver": IPv6Address(group),
        "kind": Kind.SOLICITATION,
        "target": VIP,
        "link_mac": CLIENT,
    }
    return Message(**{**usual, **changes})  # type: ignore[arg-type]


def with_options(*options: str, kind: bytes = b"\x87\x00") -> bytes:
    """The usual solicitation with other options, or of another kind."""
    frame = ASKED[:54] + kind + ASKED[56:78] + b"".join(map(bytes.fromhex, options))
    payload = frame[54:56] + bytes(2) + frame[58:]
    checksum = ipv6.checksum(
        source=frame[22:38], destination=frame[38:54], next_header=58, payload=payload
    )
    return (
        frame[:18]
        + len(payload).to_bytes(2, "big")
        + frame[20:56]
        + checksum.to_bytes(2, "big")
        + frame[58:]
    )


def test_a_solicitation_is_answered_to_the_asker() -> None:
    assert message().frame() == ASKED
    assert ANSWERS.answer(ASKED, 1.0) == REPLY
    read = ndp.parse(REPLY)
    assert read is not None
    assert (read.destination, read.receiver) == (CLIENT, CLIENT_IP)
    assert (read.sender, read.target, read.link_mac) == (VIP, VIP, NODE)
    assert read.flags == SOLICITED | OVERRIDE


@pytest.mark.parametrize("address", [VIP, SHARED, IPv6Address("fe80::1"), IPv6Address("::5")])
@pytest.mark.parametrize("sender", [CLIENT_IP, IPv6Address("2001:db8::9"), IPv6Address("::1:9")])
def test_any_address_is_answered_to_any_sender(address: IPv6Address, sender: IPv6Address) -> None:
    frame = ndp.solicitation(mac=CLIENT, sender=sender, target=address)

    assert eth0(granted(address)).answer(frame, 1.0) == ndp.reply(
        mac=NODE, address=address, to_mac=CLIENT, to_address=sender
    )


def test_whether_it_is_still_there_is_answered() -> None:
    """RFC 4861 section 7.3.3: the question goes to this station alone."""
    frame = ndp.solicitation(mac=CLIENT, sender=CLIENT_IP, target=VIP, to_mac=NODE)

    assert ANSWERS.answer(frame, 1.0) == REPLY
    assert ANSWERS.answer(message(destination=NODE, link_mac=None).frame(), 1.0) == REPLY


def test_a_group_that_an_access_point_turned_into_one_station_is_answered() -> None:
    assert ANSWERS.answer(message(destination=NODE).frame(), 1.0) == REPLY


def test_a_probe_is_answered_to_all_nodes() -> None:
    frame = ndp.probe(mac=CLIENT, address=VIP)
    answer = ANSWERS.answer(frame, 1.0)

    assert answer == ndp.announcement(mac=NODE, address=VIP)
    assert isinstance(answer, bytes)
    read = ndp.parse(answer)
    assert read is not None
    assert (read.receiver, read.flags) == (ALL_NODES, OVERRIDE)
    assert read.destination.hex(":") == "33:33:00:00:00:01"


def test_the_reply_goes_where_the_option_says_not_to_the_relay() -> None:
    relayed = message(source=bytes.fromhex("0242ac1300aa"))

    assert ANSWERS.answer(relayed.frame(), 1.0) == REPLY


@pytest.mark.parametrize(
    "frame",
    [
        ASKED + bytes(20),
        with_options(SENDER_OPTION, "0e01 020304050607"),
        with_options("0e01 020304050607", SENDER_OPTION),
        with_options("0e01 020304050607"),
        with_options(),
        ASKED[:14] + bytes.fromhex("6c012345") + ASKED[18:],
    ],
    ids=["padding", "nonce behind", "nonce before", "only a nonce", "no option", "traffic class"],
)
def test_a_solicitation_of_any_form_is_answered_alike(frame: bytes) -> None:
    assert ANSWERS.answer(frame, 1.0) == REPLY


@pytest.mark.parametrize(
    ("frame", "outcome"),
    [
        (b"", Outcome.MALFORMED),
        (ASKED[:-1], Outcome.MALFORMED),
        (ASKED[:-1] + b"\x08", Outcome.MALFORMED),
        (ASKED[:21] + b"\x40" + ASKED[22:], Outcome.MALFORMED),
        (message(link_mac=BROADCAST).frame(), Outcome.MALFORMED),
        (message(link_mac=UNSPECIFIED).frame(), Outcome.MALFORMED),
        (message(sender=ALL_NODES).frame(), Outcome.MALFORMED),
        (message(sender=ndp.ANY_ADDRESS).frame(), Outcome.MALFORMED),
        (
            message(sender=ndp.ANY_ADDRESS, link_mac=None, receiver=VIP).frame(),
            Outcome.MALFORMED,
        ),
        (
            ndp.reply(mac=CLIENT, address=VIP, to_mac=NODE, to_address=CLIENT_IP),
            Outcome.NOT_A_REQUEST,
        ),
        (ndp.announcement(mac=CLIENT, address=VIP), Outcome.NOT_A_REQUEST),
        (with_options(SENDER_OPTION, kind=b"\x88\x00"), Outcome.NOT_A_REQUEST),
        (with_options(SENDER_OPTION, kind=b"\x87\x01"), Outcome.MALFORMED),
        (message(sender=VIP).frame(), Outcome.GRATUITOUS),
        (message(target=FOREIGN).frame(), Outcome.NOT_OURS),
        (message(target=WATCHED).frame(), Outcome.NOT_OURS),
        (message(destination=SECOND).frame(), Outcome.NOT_TO_US),
        (message(destination=BROADCAST).frame(), Outcome.NOT_TO_US),
        (message(destination=SECOND, link_mac=None).frame(), Outcome.NOT_TO_US),
        (message(link_mac=NODE).frame(), Outcome.OWN),
        (message(link_mac=SECOND).frame(), Outcome.OWN),
        (ndp.probe(mac=SECOND, address=VIP), Outcome.OWN),
    ],
)
def test_what_is_not_answered_has_its_reason(frame: bytes, outcome: Outcome) -> None:
    assert ANSWERS.answer(frame, 1.0) is outcome


@pytest.mark.parametrize("frame", [ASKED, ndp.probe(mac=CLIENT, address=VIP)])
def test_the_tenure_is_compared_with_the_clock_each_time(frame: bytes) -> None:
    tenure = Tenure()
    answers = eth0(Grant(Announcement(VIP, "eth0"), tenure))

    assert answers.answer(frame, 1.0) is Outcome.NO_TENURE
    tenure.until = 2.0
    assert isinstance(answers.answer(frame, 1.999), bytes)
    assert answers.answer(frame, 2.0) is Outcome.NO_TENURE
    tenure.until = 3.0
    assert isinstance(answers.answer(frame, 2.0), bytes)
    tenure.void()
    assert answers.answer(frame, 2.0) is Outcome.NO_TENURE


@pytest.mark.parametrize("frame", [ASKED, ndp.probe(mac=CLIENT, address=VIP)])
@pytest.mark.parametrize("expired", [0, 1, 2])
def test_a_shared_address_is_answered_only_while_all_tenures_are_valid(
    frame: bytes, expired: int
) -> None:
    tenures = [Tenure(10.0), Tenure(10.0), Tenure(10.0)]
    answers = eth0(*(Grant(Announcement(VIP, "eth0"), tenure) for tenure in tenures))

    assert isinstance(answers.answer(frame, 5.0), bytes)
    tenures[expired].until = 5.0
    assert answers.answer(frame, 5.0) is Outcome.NO_TENURE


def advertised(**changes: object) -> bytes:
    return message(**{"kind": Kind.ADVERTISEMENT, "receiver": CLIENT_IP, **changes}).frame()


@pytest.mark.parametrize(
    ("frame", "claimed"),
    [
        (ndp.announcement(mac=CLIENT, address=VIP), Claimed(VIP, CLIENT, "eth0")),
        (ndp.announcement(mac=CLIENT, address=WATCHED), Claimed(WATCHED, CLIENT, "eth0")),
        (
            ndp.reply(mac=CLIENT, address=VIP, to_mac=NODE, to_address=CLIENT_IP),
            Claimed(VIP, CLIENT, "eth0"),
        ),
        (advertised(link_mac=None), Claimed(VIP, CLIENT, "eth0")),
        (advertised(sender=FOREIGN, source=NODE), Claimed(VIP, CLIENT, "eth0")),
        (
            ndp.solicitation(mac=CLIENT, sender=VIP, target=FOREIGN),
            Claimed(VIP, CLIENT, "eth0"),
        ),
        (
            ndp.solicitation(mac=CLIENT, sender=SHARED, target=VIP),
            Claimed(SHARED, CLIENT, "eth0"),
        ),
        (message(sender=VIP, link_mac=None).frame(), Claimed(VIP, CLIENT, "eth0")),
        (ndp.probe(mac=CLIENT, address=VIP), Claimed(VIP, CLIENT, "eth0", probe=True)),
        (ndp.probe(mac=CLIENT, address=WATCHED), Claimed(WATCHED, CLIENT, "eth0", probe=True)),
        (ndp.probe(mac=CLIENT, address=FOREIGN), None),
        (ndp.announcement(mac=CLIENT, address=FOREIGN), None),
        (ndp.reply(mac=CLIENT, address=FOREIGN, to_mac=NODE, to_address=VIP), None),
        (advertised(sender=VIP, target=FOREIGN), None),
        (ndp.announcement(mac=NODE, address=VIP), None),
        (ndp.announcement(mac=SECOND, address=VIP), OVERHEARD),
        (ndp.probe(mac=SECOND, address=VIP), OVERHEARD),
        (ndp.announcement(mac=BROADCAST, address=VIP), None),
        (ndp.announcement(mac=CLIENT, address=VIP)[:-1], None),
        (ASKED, None),
        (b"", None),
    ],
)
def test_a_claim_is_what_another_station_says_of_our_addresses(
    frame: bytes, claimed: Claimed | Overheard | None
) -> None:
    assert ANSWERS.claim(frame) == claimed


addresses = st.sampled_from([VIP, SHARED, WATCHED, FOREIGN, CLIENT_IP, ndp.ANY_ADDRESS])
macs = st.sampled_from([NODE, SECOND, CLIENT, BROADCAST, UNSPECIFIED, b"\x02" * 6])
group_macs = st.sampled_from(
    [ipv6.group_mac(ipv6.solicited_node_group(each.packed)) for each in (VIP, SHARED, FOREIGN)]
)
groups = addresses.map(lambda each: IPv6Address(ipv6.solicited_node_group(each.packed)))
likely = st.builds(
    Message,
    destination=st.one_of(macs, group_macs, group_macs),
    source=macs,
    sender=st.one_of(addresses, addresses, groups),
    receiver=st.one_of(addresses, groups, groups, st.just(ALL_NODES)),
    kind=st.sampled_from([Kind.SOLICITATION, Kind.SOLICITATION, Kind.ADVERTISEMENT]),
    target=st.one_of(addresses, addresses, groups),
    link_mac=st.one_of(st.none(), macs, macs),
)


@given(likely)
def test_the_answer_follows_from_the_message_as_read(sent: Message) -> None:
    read = ndp.parse(sent.frame())
    expected: bytes | None = None
    if (
        read is not None
        and read.kind is Kind.SOLICITATION
        and read.target in {VIP, SHARED}
        and read.sender != read.target
        and read.station not in {NODE, SECOND}
        and read.destination
        in {NODE, ipv6.group_mac(ipv6.solicited_node_group(read.target.packed))}
    ):
        expected = ndp.reply(
            mac=NODE,
            address=read.target,
            to_mac=read.station,
            to_address=read.sender,
        )
    answer = ANSWERS.answer(sent.frame(), 1.0)

    assert (answer if isinstance(answer, bytes) else None) == expected
    assert (answer is Outcome.MALFORMED) is (read is None)


@given(likely, st.integers(0, 90), st.binary(max_size=100))
def test_no_bytes_raise(sent: Message, at: int, damage: bytes) -> None:
    frame = sent.frame()
    for damaged in (damage, frame[:at], frame[:at] + damage + frame[at + len(damage) :]):
        ANSWERS.answer(damaged, 1.0)
        ANSWERS.claim(damaged)
