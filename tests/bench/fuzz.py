"""Damaged frames of both protocols, through everything that reads frames: nothing may raise.

Run by `python -m tests.bench.fuzz [FRAMES]`, a million if not said, always the same ones. Half of
the damaged messages of Neighbour Discovery get a right checksum again: who damages on purpose
reckons it too, and only so is anything behind it reached.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from random import Random

from l2announcer.core.answers import AnswerTable, Grant, Place, PlaceAnswers, WireProtocol
from l2announcer.core.facts import Claimed
from l2announcer.core.model import Announcement, Link
from l2announcer.core.tenure import Tenure
from l2announcer.wire import arp, ipv6, ndp
from tests.bench.report import Row, publish

FRAMES = 1_000_000
MOST_BYTES = 1600

NODE = bytes.fromhex("0242ac130003")
CLIENT = bytes.fromhex("0242ac130009")
CLIENT_IP, CLIENT_IP6 = IPv4Address("172.19.0.9"), IPv6Address("fd00::9")
VIP, VIP6 = IPv4Address("172.19.0.240"), IPv6Address("fd00::240")
WATCHED, WATCHED6 = IPv4Address("172.19.0.250"), IPv6Address("fd00::250")
ETH0 = Link(index=2, name="eth0", mac=NODE, up=True, carrier=True)

SOUND = (
    arp.request(mac=CLIENT, sender=CLIENT_IP, target=VIP),
    arp.request(mac=CLIENT, sender=CLIENT_IP, target=VIP, to_mac=NODE),
    arp.probe(mac=CLIENT, address=WATCHED),
    arp.announcement(mac=CLIENT, address=VIP),
    arp.reply(mac=CLIENT, address=WATCHED, to_mac=NODE, to_address=CLIENT_IP),
    ndp.solicitation(mac=CLIENT, sender=CLIENT_IP6, target=VIP6),
    ndp.solicitation(mac=CLIENT, sender=CLIENT_IP6, target=VIP6, to_mac=NODE),
    ndp.probe(mac=CLIENT, address=VIP6),
    ndp.announcement(mac=CLIENT, address=WATCHED6),
    ndp.reply(mac=CLIENT, address=VIP6, to_mac=NODE, to_address=CLIENT_IP6),
)


def damaged(draw: Random, count: int) -> Iterator[bytes]:
    """So many frames that were sound once, and some that never were."""
    for _ in range(count):
        frame = bytearray(draw.choice(SOUND))
        for _ in range(draw.randrange(4)):
            _damage(frame, draw)
        if frame[12:14] == b"\x86\xdd" and draw.random() < 0.5:
            _sum_up(frame)
        yield bytes(frame)


def _damage(frame: bytearray, draw: Random) -> None:
    at = draw.randrange(len(frame) + 1)
    match draw.randrange(6):
        case 0:
            del frame[at:]
        case 1:
            frame[at:at] = draw.randbytes(draw.choice((1, 2, 4, 8, 16)))
        case 2:
            frame += draw.randbytes(draw.randrange(MOST_BYTES))
        case 3:
            frame[at : at + draw.randrange(20)] = draw.choice(SOUND)[at : at + draw.randrange(20)]
        case 4:  # an option more, sound or not
            frame += bytes((draw.choice((1, 2, 14, 31)), draw.choice((0, 1, 1, 1, 2, 255))))
            frame += draw.randbytes(6)
        case _:
            frame[at : at + 1] = draw.choice((b"\x00", b"\xff", draw.randbytes(1)))


def _sum_up(frame: bytearray) -> None:
    """Set length and checksum to what the frame has become."""
    length = (len(frame) - 54) // 8 * 8
    if length < ndp.MESSAGE_BYTES:
        return
    frame[18:20] = length.to_bytes(2, "big")
    frame[56:58] = bytes(2)
    checksum = ipv6.checksum(
        source=bytes(frame[22:38]),
        destination=bytes(frame[38:54]),
        next_header=ndp.NEXT_HEADER,
        payload=bytes(frame[54 : 54 + length]),
    )
    frame[56:58] = checksum.to_bytes(2, "big")


def places() -> tuple[PlaceAnswers, PlaceAnswers]:
    grants = [Grant(Announcement(address, "eth0"), Tenure(2.0)) for address in (VIP, VIP6)]
    watched = [Announcement(address, "eth0") for address in (WATCHED, WATCHED6)]
    table = AnswerTable(grants, watched, [ETH0])
    first, second = (table.places[Place(ETH0.index, protocol)] for protocol in WireProtocol)
    return first, second


def fuzzed(seed: int, count: int) -> Counter[str]:
    """Have every frame read, answered and taken for a claim; how often each outcome came."""
    outcomes: Counter[str] = Counter()
    both = places()
    for frame in damaged(Random(seed), count):
        read = arp.parse(frame), ndp.parse(frame)
        for answers, packet in zip(both, read, strict=True):
            answer = answers.answer(frame, 1.0)
            claimed = answers.claim(frame)
            if isinstance(answer, bytes):
                outcomes["answered"] += 1
                _require(packet is not None and answer[6:12] == NODE, frame)
            else:
                outcomes[answer.value] += 1
            if claimed is not None:
                outcomes["claimed"] += 1
                _require(packet is not None and isinstance(claimed, Claimed), frame)
    return outcomes


def _require(so: bool, frame: bytes) -> None:
    if not so:
        raise AssertionError(f"answered or believed, though not sound: {frame.hex()}")


def main() -> None:
    count = int(sys.argv[1]) if sys.argv[1:] else FRAMES
    start = time.perf_counter()
    outcomes = fuzzed(1, count)
    seconds = time.perf_counter() - start
    rows = [
        Row(what="frames", samples=[times], labels={"outcome": outcome})
        for outcome, times in outcomes.most_common()
    ]
    publish("fuzz", [*rows, Row(what="frames/s", samples=[count / seconds])])


if __name__ == "__main__":
    main()
