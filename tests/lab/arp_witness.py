"""A station that asks for one address all the time and writes down who answers, in order.

Frames are built and read here by hand (RFC 826), not by the code under test.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Sequence
from ipaddress import IPv4Address
from itertools import groupby, pairwise
from types import TracebackType
from typing import NamedTuple, Self

from tests.lab.namespaces import Namespace

PAUSE_SECONDS = 0.01
MOST_SECONDS = 90
_ETHERTYPE_ARP = 0x0806
_ETHERNET = struct.Struct("!6s6sH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_BROADCAST = b"\xff" * 6


class Claim(NamedTuple):
    """One frame in which a station says that it has the address; `at` on CLOCK_MONOTONIC."""

    at: float
    mac: str


class ArpWitness:
    """Works in a thread within a `with` block; `claims` and `asked` may be read at any time.

    `asked` is when each request was sent, `replies` when an answer to one of them came.
    """

    def __init__(
        self, namespace: Namespace, own: str, address: str, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        """`own` is the IPv4 address that the requests come from."""
        self._pause_seconds = pause_seconds
        self.claims: list[Claim] = []
        self.asked: list[float] = []
        self.replies: list[float] = []
        self._address, self._own = IPv4Address(address).packed, IPv4Address(own).packed
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.bind(("eth0", _ETHERTYPE_ARP))
        self._mac = self._socket.getsockname()[4]
        ethernet = _ETHERNET.pack(_BROADCAST, self._mac, _ETHERTYPE_ARP)
        sender, target = (self._mac, self._own), (bytes(6), self._address)
        self._request = ethernet + _ARP.pack(1, 0x0800, 6, 4, 1, *sender, *target)
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"who has {address}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        self._thread.join()
        self._socket.close()

    def count(self, mac: str, since: float = 0.0) -> int:
        """How often a station has claimed the address since an instant."""
        return sum(claim.mac == mac and claim.at >= since for claim in list(self.claims))

    def unanswered(self, since: float, until: float) -> int:
        """How many of the requests sent within that time had no answer within it."""
        asked, replied = (
            sum(since <= at <= until for at in times) for times in (self.asked, self.replies)
        )
        return asked - replied

    def _run(self) -> None:
        deadline = time.monotonic() + MOST_SECONDS
        asked = 0.0
        while not self._enough.is_set() and (now := time.monotonic()) < deadline:
            if now - asked >= self._pause_seconds:
                asked = now
                self.asked.append(now)
                self._socket.send(self._request)
            if select.select([self._socket], [], [], self._pause_seconds)[0]:
                self._read(self._socket.recv(128))

    def _read(self, frame: bytes) -> None:
        *_, sender_mac, sender, _, target = _ARP.unpack_from(frame, _ETHERNET.size)
        if sender == self._address:
            now = time.monotonic()
            self.claims.append(Claim(now, sender_mac.hex(":")))
            if target == self._own:
                self.replies.append(now)


def runs(claims: Sequence[Claim]) -> list[tuple[str, int]]:
    """Who claimed, in order, and how many times in a row."""
    return [(mac, len(list(group))) for mac, group in groupby(claims, key=lambda claim: claim.mac)]


def longest_gap(claims: Sequence[Claim]) -> float:
    """The longest time without an answer, in seconds."""
    instants = [claim.at for claim in claims]
    return max(after - before for before, after in pairwise(instants))
