"""What one answer costs, beside one that reads the frame into an object first.

Run by `python -m tests.bench.answers`. Both answer the same questions, in turn, in one run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from random import Random

from l2announcer.core.answers import AnswerTable, Grant, Place, WireProtocol
from l2announcer.core.model import Announcement, IPAddress, Link
from l2announcer.core.tenure import Tenure
from l2announcer.wire import arp, ndp
from tests.bench.report import Row, publish

NODE = bytes.fromhex("0242ac130003")
CLIENT = bytes.fromhex("0242ac130009")
CLIENT_IP, CLIENT_IP6 = IPv4Address("172.19.0.9"), IPv6Address("fd00::9")
FIRST: Mapping[WireProtocol, IPAddress] = {
    WireProtocol.ARP: IPv4Address("10.0.0.0"),
    WireProtocol.ND: IPv6Address("fd00::1:0"),
}
ETH0 = Link(index=2, name="eth0", mac=NODE, up=True, carrier=True)

ADDRESSES = (1, 100, 1_000, 10_000)
ROUNDS = 25
CALLS = 4_000

Answer = Callable[[bytes, float], object]


def ours(protocol: WireProtocol, grants: Sequence[Grant]) -> Answer:
    return AnswerTable(grants, [], [ETH0]).places[Place(ETH0.index, protocol)].answer


def through_an_object(protocol: WireProtocol, grants: Sequence[Grant]) -> Answer:
    """The plain way: read the frame, look the address up, write the reply."""
    tenures = {grant.announcement.address: grant.tenure for grant in grants}

    def valid(address: IPAddress, now: float) -> bool:
        tenure = tenures.get(address)
        return tenure is not None and tenure.valid(now)

    def by_arp(frame: bytes, now: float) -> bytes | None:
        packet = arp.parse(frame)
        if packet is None or packet.operation is not arp.Operation.REQUEST:
            return None
        if not valid(packet.target_address, now):
            return None
        return arp.reply(
            mac=NODE,
            address=packet.target_address,
            to_mac=packet.sender_mac,
            to_address=packet.sender_address,
        )

    def by_nd(frame: bytes, now: float) -> bytes | None:
        message = ndp.parse(frame)
        if message is None or message.kind is not ndp.Kind.SOLICITATION:
            return None
        if not valid(message.target, now):
            return None
        to_mac = message.station
        return ndp.reply(mac=NODE, address=message.target, to_mac=to_mac, to_address=message.sender)

    return by_arp if protocol is WireProtocol.ARP else by_nd


RESPONDERS = {"ours": ours, "through an object": through_an_object}


def questions(protocol: WireProtocol, addresses: int) -> list[bytes]:
    """As many questions as a round has calls, for addresses drawn at random."""
    draw = Random(addresses)
    targets = (FIRST[protocol] + draw.randrange(addresses) for _ in range(CALLS))
    return [
        arp.request(mac=CLIENT, sender=CLIENT_IP, target=target)
        if isinstance(target, IPv4Address)
        else ndp.solicitation(mac=CLIENT, sender=CLIENT_IP6, target=target)
        for target in targets
    ]


def nanoseconds(answer: Answer, frames: Sequence[bytes]) -> float:
    """The mean of one round, the loop around the calls included."""
    start = time.perf_counter_ns()
    for frame in frames:
        answer(frame, 1.0)
    return (time.perf_counter_ns() - start) / len(frames)


def measured(protocol: WireProtocol, addresses: int) -> list[Row]:
    first = FIRST[protocol]
    grants = [Grant(Announcement(first + i, "eth0"), Tenure(2.0)) for i in range(addresses)]
    frames = questions(protocol, addresses)
    answers = {name: build(protocol, grants) for name, build in RESPONDERS.items()}
    if len({answer(frames[0], 1.0) for answer in answers.values()}) != 1:
        raise SystemExit("the responders disagree: nothing to compare")
    samples: dict[str, list[float]] = {name: [] for name in answers}
    for _ in range(ROUNDS):
        for name, answer in answers.items():
            samples[name].append(nanoseconds(answer, frames))
    return [
        Row(
            what="ns per answer",
            samples=found,
            labels={"protocol": protocol.value, "responder": name, "addresses": addresses},
        )
        for name, found in samples.items()
    ]


def main() -> None:
    rows = [
        row
        for protocol in WireProtocol
        for addresses in ADDRESSES
        for row in measured(protocol, addresses)
    ]
    publish("answers", rows)


if __name__ == "__main__":
    main()
