"""A host on the segment that knows nothing of clusters: it takes an address, or asks for it."""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from math import inf
from random import Random

from l2announcer.wire import arp
from tests.sim.segment import Segment
from tests.sim.timeline import Timeline

PROBES = 3
PROBE_SECONDS = 1.0  # between two of them (RFC 5227 section 1.1)


class Host:
    """Answers for one address between `come` and `leave`."""

    def __init__(
        self, number: int, address: str, segment: Segment, timeline: Timeline, rng: Random
    ) -> None:
        self.mac = bytes((2, 0, 0, 0, 1, number % 256))
        self.side = rng.choice((0, 0, 1))
        self.link_up = True
        self.address = IPv4Address(address)
        self._segment = segment
        self._timeline = timeline
        self.answers_since = inf
        self.disturbed_at = -inf  # it never moves
        self._refused = False

    def __repr__(self) -> str:
        return f"host {self.mac.hex(':')} with {self.address}"

    def come(self, *, polite: bool) -> None:
        """Take the address; a polite host probes first, and gives up if anybody answers."""
        self._segment.stations.append(self)
        if not polite:
            self._take()
            return
        self.probe(PROBES)
        self._timeline.after(PROBES * PROBE_SECONDS, self._take_if_free)

    def leave(self) -> None:
        """Be gone."""
        self.answers_since = inf
        if self in self._segment.stations:
            self._segment.stations.remove(self)

    def probe(self, times: int) -> None:
        """Ask whether the address is free, without saying that it is ours."""
        frame = arp.probe(mac=self.mac, address=self.address)
        for number in range(times):
            carry = partial(self._segment.carry, self, frame)
            self._timeline.after(number * PROBE_SECONDS, carry)

    @property
    def _answers(self) -> bool:
        return self.answers_since < inf

    def hear(self, frame: bytes) -> None:
        packet = arp.parse(frame)
        if packet is None:
            return
        if packet.sender_address == self.address:
            self._refused = True
        elif self._answers and packet.target_address == self.address:
            self._segment.carry(self, self._reply(packet))

    def _reply(self, asked: arp.Packet) -> bytes:
        return arp.reply(
            mac=self.mac,
            address=self.address,
            to_mac=asked.sender_mac,
            to_address=asked.sender_address,
        )

    def _take_if_free(self) -> None:
        if not self._refused:
            self._take()

    def _take(self) -> None:
        if self not in self._segment.stations:
            return
        self.answers_since = self._timeline.now
        self._segment.carry(self, arp.announcement(mac=self.mac, address=self.address))
