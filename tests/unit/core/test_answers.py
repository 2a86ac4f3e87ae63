"""The answer table: which grants come to which place, whatever the protocol."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from l2announcer.core.answers import AnswerTable, Grant, Place, WireProtocol
from l2announcer.core.facts import Overheard
from l2announcer.core.model import Announcement, IPAddress, Link
from l2announcer.core.outcome import Outcome
from l2announcer.core.tenure import Joint, Tenure
from l2announcer.wire import arp, ndp
from l2announcer.wire.ethernet import UNSPECIFIED

NODE = bytes.fromhex("0242ac130003")
SECOND = bytes.fromhex("0242ac140003")
CLIENT = bytes.fromhex("0242ac130009")
CLIENT_IP, CLIENT_IP6 = IPv4Address("172.19.0.9"), IPv6Address("fd00::9")
VIP, SHARED, WATCHED = (IPv4Address(f"172.19.0.{number}") for number in (240, 241, 250))
VIP6, SHARED6, WATCHED6 = (IPv6Address(f"fd00::{number}") for number in (240, 241, 250))

LOOPBACK = Link(index=1, name="lo", mac=UNSPECIFIED, up=True, carrier=True, loopback=True)
ETH0 = Link(index=2, name="eth0", mac=NODE, up=True, carrier=True)
ETH1 = Link(index=3, name="eth1", mac=SECOND, up=True, carrier=True)
TUNNEL = Link(index=4, name="tun0", up=True, carrier=True, ethernet=False)
LINKS = (LOOPBACK, ETH0, ETH1, TUNNEL)

both_families = pytest.mark.parametrize("address", [VIP, VIP6], ids=["IPv4", "IPv6"])


def granted(address: IPAddress, interface: str) -> Grant:
    return Grant(Announcement(address, interface), Tenure(100.0))


def asking(target: IPAddress) -> bytes:
    if isinstance(target, IPv4Address):
        return arp.request(mac=CLIENT, sender=CLIENT_IP, target=target)
    return ndp.solicitation(mac=CLIENT, sender=CLIENT_IP6, target=target)


@pytest.mark.parametrize(
    ("protocol", "vip", "shared", "reply"),
    [
        (
            WireProtocol.ARP,
            VIP,
            SHARED,
            arp.reply(mac=SECOND, address=SHARED, to_mac=CLIENT, to_address=CLIENT_IP),
        ),
        (
            WireProtocol.ND,
            VIP6,
            SHARED6,
            ndp.reply(mac=SECOND, address=SHARED6, to_mac=CLIENT, to_address=CLIENT_IP6),
        ),
    ],
)
def test_each_interface_answers_for_its_own_grants_with_its_own_mac(
    protocol: WireProtocol, vip: IPAddress, shared: IPAddress, reply: bytes
) -> None:
    table = AnswerTable([granted(vip, "eth0"), granted(shared, "eth1")], [], LINKS)
    first, second = (table.places[Place(link.index, protocol)] for link in (ETH0, ETH1))

    assert (first.link, second.link) == (ETH0, ETH1)
    assert first.answer(asking(shared), 1.0) is Outcome.NOT_OURS
    assert second.answer(asking(shared), 1.0) == reply


def test_the_filters_get_granted_and_watched_addresses_of_their_place() -> None:
    table = AnswerTable(
        [granted(VIP, "eth0"), granted(SHARED, "eth1"), granted(VIP6, "eth0")],
        [Announcement(WATCHED, "eth0"), Announcement(WATCHED6, "eth0")],
        LINKS,
    )

    assert {place: answers.addresses for place, answers in table.places.items()} == {
        Place(ETH0.index, WireProtocol.ARP): {VIP.packed, WATCHED.packed},
        Place(ETH0.index, WireProtocol.ND): {VIP6.packed, WATCHED6.packed},
        Place(ETH1.index, WireProtocol.ARP): {SHARED.packed},
    }


@both_families
@pytest.mark.parametrize("interface", ["eth9", "tun0", "lo"])
def test_an_interface_that_cannot_answer_has_no_part_in_the_table(
    address: IPAddress, interface: str
) -> None:
    assert AnswerTable([granted(address, interface)], [], LINKS).places == {}


@pytest.mark.parametrize(
    ("eth2_is_up", "heard"),
    [(False, Overheard(sender="eth1", receiver="eth0")), (True, None)],
    ids=["a bridge and its port", "a card and its VLAN"],
)
def test_by_which_of_two_interfaces_with_one_mac_a_frame_left(
    eth2_is_up: bool, heard: Overheard | None
) -> None:
    eth2 = Link(index=5, name="eth2", mac=SECOND, up=eth2_is_up, carrier=True)
    table = AnswerTable([granted(VIP, "eth0")], [], (*LINKS, eth2))
    answers = table.places[Place(ETH0.index, WireProtocol.ARP)]
    assert answers.claim(arp.announcement(mac=SECOND, address=VIP)) == heard


def test_what_a_group_shares_is_answered_while_all_of_its_tenures_last() -> None:
    one, two = Tenure(20.0), Tenure(10.0)
    joint = Joint((one, two))
    grants = [Grant(Announcement(VIP, "eth0"), right) for right in (joint, joint)]
    answers = AnswerTable(grants, [], LINKS).places[Place(ETH0.index, WireProtocol.ARP)]
    assert isinstance(answers.answer(asking(VIP), 9.9), bytes)
    assert answers.answer(asking(VIP), 10.0) is Outcome.NO_TENURE
    two.until = 20.0
    one.void()
    assert answers.answer(asking(VIP), 10.0) is Outcome.NO_TENURE
