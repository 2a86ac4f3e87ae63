"""What one answer costs, beside one that reads the frame into an object first.

Run by `python -m tests.bench.answers`. Both answer the same requests, in turn, in one run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from random import Random

from l2announcer.core.answers import AnswerTable, Grant, Place, WireProtocol
from l2announcer.core.model import Announcement, Link
from l2announcer.core.tenure import Tenure
from l2announcer.wire import arp
from tests.bench.report import Row, publish

NODE = bytes.fromhex("0242ac130003")
CLIENT = bytes.fromhex("0242ac130009")
CLIENT_IP = IPv4Address("172.19.0.9")
FIRST = IPv4Address("10.0.0.0")
ETH0 = Link(index=2, name="eth0", mac=NODE, up=True, carrier=True)

ADDRESSES = (1, 100, 1_000, 10_000)
ROUNDS = 25
CALLS = 4_000

Answer = Callable[[bytes, float], object]


def ours(grants: Sequence[Grant]) -> Answer:
    return AnswerTable(grants, [], [ETH0]).places[Place(ETH0.index, WireProtocol.ARP)].answer


def through_an_object(grants: Sequence[Grant]) -> Answer:
    """The plain way: read the frame, look the address up, write the reply."""
    tenures = {grant.announcement.address: grant.tenure for grant in grants}

    def answer(frame: bytes, now: float) -> bytes | None:
        packet = arp.parse(frame)
        if packet is None or packet.operation is not arp.Operation.REQUEST:
            return None
        tenure = tenures.get(packet.target_address)
        if tenure is None or not tenure.valid(now):
            return None
        return arp.reply(
            mac=NODE,
            address=packet.target_address,
            to_mac=packet.sender_mac,
            to_address=packet.sender_address,
        )

    return answer


RESPONDERS = {"ours": ours, "through an object": through_an_object}


def requests(addresses: int) -> list[bytes]:
    """As many requests as a round has calls, for addresses drawn at random."""
    draw = Random(addresses)
    return [
        arp.request(mac=CLIENT, sender=CLIENT_IP, target=FIRST + draw.randrange(addresses))
        for _ in range(CALLS)
    ]


def nanoseconds(answer: Answer, frames: Sequence[bytes]) -> float:
    """The mean of one round, the loop around the calls included."""
    start = time.perf_counter_ns()
    for frame in frames:
        answer(frame, 1.0)
    return (time.perf_counter_ns() - start) / len(frames)


def measured(addresses: int) -> list[Row]:
    grants = [Grant(Announcement(FIRST + i, "eth0"), Tenure(2.0)) for i in range(addresses)]
    frames = requests(addresses)
    answers = {name: build(grants) for name, build in RESPONDERS.items()}
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
            labels={"responder": name, "addresses": addresses},
        )
        for name, found in samples.items()
    ]


def main() -> None:
    publish("answers", [row for addresses in ADDRESSES for row in measured(addresses)])


if __name__ == "__main__":
    main()
