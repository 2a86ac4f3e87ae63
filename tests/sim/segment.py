"""The segment that all nodes share: carries real frames, late, twice, or not at all."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from l2announcer.core.effects import Message
from l2announcer.core.model import IPAddress
from l2announcer.wire import arp
from l2announcer.wire.ethernet import BROADCAST
from tests.sim.plan import Plan
from tests.sim.timeline import Timeline


class Station(Protocol):
    """Who hears frames. `side` is where it stands while the segment is parted."""

    mac: bytes
    side: int
    link_up: bool

    def hear(self, frame: bytes) -> None: ...


class Segment:
    """Everybody hears everybody on the same side."""

    def __init__(self, timeline: Timeline, plan: Plan) -> None:
        self.stations: list[Station] = []
        self.calm = False
        self._timeline = timeline
        self._rng = plan.stream("segment")
        self._plan = plan

    def carry(self, sender: Station, frame: bytes) -> None:
        if not sender.link_up:
            return
        for station in self.stations:
            if station is sender or station.side != sender.side:
                continue
            if frame[:6] not in {BROADCAST, station.mac}:
                continue
            for _ in range(self._copies()):
                delay = self._rng.uniform(0.1, 1.0) * self._plan.frame_delay
                self._timeline.after(delay, partial(_arrive, station, frame))

    def _copies(self) -> int:
        if self.calm:
            return 1
        if self._plan.lost_frames and self._rng.random() < self._plan.lost_frames:
            return 0
        return 1 + (self._rng.random() < self._plan.doubled_frames)


def _arrive(station: Station, frame: bytes) -> None:
    if station.link_up:
        station.hear(frame)


def unasked(message: Message, mac: bytes, address: IPAddress) -> tuple[bytes, ...]:
    """The frames that a node sends by itself."""
    assert address.version == 4
    if message is Message.PROBE:
        return (arp.probe(mac=mac, address=address),)
    return (
        arp.announcement(mac=mac, address=address),
        arp.announcement_as_reply(mac=mac, address=address),
    )
