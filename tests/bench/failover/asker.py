"""A station that asks for addresses all the time, each request from a sender of its own.

    python -m tests.bench.failover.asker INTERFACE SECONDS ADDRESS...

A request every SECONDS, for one address after the other. What is sent and heard goes to standard
output as records (`Record`). Frames are built and read here by hand (RFC 826), not by the code
under test. Times are CLOCK_MONOTONIC's, of frames that came in the kernel's own: how long this
process had to wait for its turn is no part of them.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from enum import IntEnum
from ipaddress import IPv4Address
from itertools import count
from typing import NamedTuple, Self

SENDERS = int(IPv4Address("172.19.128.0"))
NUMBERS = 1 << 14
"""So many requests are told apart: the sender's address says which one a reply is for."""

_ETHERTYPE_ARP = 0x0806
_ETHERNET = struct.Struct("!6s6sH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_RECORD = struct.Struct("=BBIQ6s")
_TIMESPEC = struct.Struct("@qq")
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h
_BROADCAST = b"\xff" * 6
_REPLY = 2


class Kind(IntEnum):
    ASKED = 1
    ANSWERED = 2
    ANNOUNCED = 3


class Record(NamedTuple):
    """One frame that was sent or heard; `at` in seconds, `number` of the request it belongs to.

    Of an announcement, which nobody has asked for, the number says nothing.
    """

    kind: Kind
    address: int
    number: int
    at: float
    mac: str

    @classmethod
    def read(cls, raw: bytes) -> Iterator[Self]:
        """All records of whole records' bytes."""
        for kind, address, number, at, mac in _RECORD.iter_unpack(raw):
            yield cls(Kind(kind), address, number, at / 1e9, mac.hex(":"))


RECORD_BYTES = _RECORD.size


class Asker:
    """The station; runs until it is ended."""

    def __init__(self, interface: str, seconds: float, addresses: Sequence[IPv4Address]) -> None:
        self._every = round(seconds * 1e9)
        self._addresses = [address.packed for address in addresses]
        self._indices = {packed: index for index, packed in enumerate(self._addresses)}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.setblocking(False)
        self._socket.bind((interface, _ETHERTYPE_ARP))
        self._mac = self._socket.getsockname()[4]

    def run(self) -> None:
        """Never returns. What the pipe does not take at once is waited for: nothing is lost."""
        ethernet = _ETHERNET.pack(_BROADCAST, self._mac, _ETHERTYPE_ARP)
        due = time.monotonic_ns()
        for number in count():
            index = number % len(self._addresses)
            sender = (SENDERS + number % NUMBERS).to_bytes(4, "big")
            ends = (self._mac, sender, bytes(6), self._addresses[index])
            request = ethernet + _ARP.pack(1, 0x0800, 6, 4, 1, *ends)
            at = time.monotonic_ns()
            self._socket.send(request)
            told = [_RECORD.pack(Kind.ASKED, index, number % NUMBERS, at, self._mac)]
            # one that was late does not make the next ones come in a crowd
            due = max(due + self._every, time.monotonic_ns())
            while (left := due - time.monotonic_ns()) > 0:
                if select.select([self._socket], [], [], left / 1e9)[0]:
                    told += self._heard()
            os.write(1, b"".join(told))

    def _heard(self) -> Iterator[bytes]:
        while True:
            try:
                frame, (stamp, *_), _, _ = self._socket.recvmsg(128, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = _TIMESPEC.unpack_from(stamp[2])
            ago = time.time_ns() - (seconds * 10**9 + nanoseconds)
            at = time.monotonic_ns() - ago
            fields = _ARP.unpack_from(frame, _ETHERNET.size)
            operation, mac, sender, _, target = fields[4:]
            if (index := self._indices.get(sender)) is None or mac == self._mac:
                continue
            number = int.from_bytes(target, "big") - SENDERS
            if operation == _REPLY and 0 <= number < NUMBERS:
                yield _RECORD.pack(Kind.ANSWERED, index, number, at, mac)
            elif sender == target:
                yield _RECORD.pack(Kind.ANNOUNCED, index, 0, at, mac)


def main() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    interface, seconds, *addresses = sys.argv[1:]
    Asker(interface, float(seconds), [IPv4Address(address) for address in addresses]).run()


if __name__ == "__main__":
    main()
