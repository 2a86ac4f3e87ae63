"""Between winning a Lease and the first answer: is the address still ours to announce, and free?

Rules of this file (the reading of an answer to a probe, RFC 5227 section 2.1):
- A consistent read of the Service comes first: the watch may lag. Its probes run beside it, and
  both must be done. They begin with the write that takes the Lease; where that took longer than a
  moment, they are made again, since they tell what was before the tenure.
- Nobody answers: announce.
- The previous holder of a Lease of ours answers: it is holding over; announce. It gives way, and
  an answer of it that comes late is no reason for doubt, but for announcing once more. What may be
  an announcement is more: it may have the Lease again.
- The previous holder was a stranger: it may answer on for as long as its Lease was; probe until
  nobody answers, or until then.
- Who was heard once is believed to be silent after a few probes, not after one: a busy host may
  take longer than we wait, and it has many chances to while it's probed for seconds.
- Another node's MAC (core.node_macs): it holds over what is not its any more, or the address is
  its own. As with a foreign host, but it is probed again soon.
- Anyone else: a foreign host has the address. Stay silent, report it, and probe again later;
  where a setting says so, report it and announce all the same.
- A holder of ours handed the Lease over: it was silent before, and this node has read the Service
  before it asked. What it prepared for is clear at once; only what is new since is checked.
- An address that joins while the Lease is held goes through the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from math import inf

from l2announcer.core.facts import Claimed
from l2announcer.core.model import Announcement
from l2announcer.core.predecessor import NOBODY, Kind, Predecessor

PROBE_WAIT_SECONDS = 0.005
AHEAD_SECONDS = 0.25  # so much older than the tenure may be what was read and probed for it
STRANGER_REPROBE_SECONDS = 0.2
NODE_REPROBE_SECONDS = 0.5
FOREIGN_REPROBE_SECONDS = 5.0
GIVES_WAY_SECONDS = 0.5
SILENCES = 3  # of who was heard
SILENCE_APART_SECONDS = 0.02


class _Stage(Enum):
    PROBE_OWED = "probe owed"
    WAITING = "waiting for an answer"
    SILENT = "nobody answered"


@dataclass(slots=True)
class _Check:
    """What is known of one announcement. `next_at` ends the stage that it is in."""

    stage: _Stage = _Stage.PROBE_OWED
    next_at: float = -inf
    claimed_by: bytes | None = None
    by_node: bool = False
    foreign: bytes | None = None
    read_owed: bool = True
    silences_owed: int = 1


class FirstAnswer:
    """The checks of one Service's announcements during one tenure."""

    def __init__(
        self,
        *,
        since: float = -inf,
        lease_seconds: float = 0.0,
        predecessor: Predecessor = NOBODY,
        announce_in_use: bool = False,
        prepared: frozenset[Announcement] = frozenset(),
    ) -> None:
        self._announce_in_use = announce_in_use
        self._gives_way_until = since + GIVES_WAY_SECONDS
        self._stranger_until = -inf
        self._holding_over: frozenset[str] = frozenset()
        if predecessor.kind is Kind.STRANGER:
            self._stranger_until = since + lease_seconds
        elif predecessor.kind in {Kind.OURS, Kind.GIVER}:
            self._holding_over = predecessor.macs
        self._prepared = prepared if predecessor.kind is Kind.GIVER else frozenset()
        self._checks: dict[Announcement, _Check] = {}
        self._reading: tuple[_Check, ...] = ()

    def want(self, announcements: Iterable[Announcement]) -> None:
        """Set what is to be announced; a newcomer asks for a read and a probe of its own."""
        self._checks = {a: self._checks.get(a) or self._begin(a) for a in announcements}
        self._prepared = frozenset()

    def adopt(self, announcements: Iterable[Announcement]) -> None:
        """Take in that these are answered for already, while no read could be made."""
        for announcement in announcements:
            self._checks[announcement] = _Check(stage=_Stage.SILENT, next_at=inf, read_owed=False)

    def forget(self, announcements: Iterable[Announcement]) -> None:
        """Take in that these were interrupted: they go through everything again."""
        for announcement in self._checks.keys() & set(announcements):
            self._checks[announcement] = _Check()

    def gives_way(self, claim: Claimed, now: float) -> bool:
        """Is it the previous holder's answer to our probe, sent before it heard our announcement?

        By ARP such an answer comes to us alone. By Neighbour Discovery it goes to everybody (RFC
        4861 section 7.2.4), and cannot be told from an announcement.
        """
        may_be = claim.to_us or claim.address.version == 6
        previous = claim.mac.hex(":") in self._holding_over
        return may_be and previous and now < self._gives_way_until

    def claimed(self, claim: Claimed) -> None:
        """Take in that a station says it has the address; it counts until that's announced."""
        check = self._checks.get(Announcement(claim.address, claim.interface))
        if check is None or claim.mac.hex(":") in self._holding_over:
            return
        check.claimed_by, check.by_node = claim.mac, claim.of_node
        if check.stage is _Stage.SILENT:
            check.stage, check.next_at = _Stage.WAITING, -inf

    def read(self, *, answered: bool) -> None:
        """Take in the outcome of the read that take_read asked for."""
        for check in self._reading:
            check.read_owed = not answered
        self._reading = ()

    def take_read(self) -> bool:
        """Is the Service to be read? To be asked when no read of it is under way."""
        self._reading = tuple(check for check in self._checks.values() if check.read_owed)
        return bool(self._reading)

    def take_probes(self, now: float) -> list[Announcement]:
        """Judge what has waited long enough; the probes to send now."""
        due = []
        for announcement, check in self._checks.items():
            if check.stage is _Stage.WAITING and now >= check.next_at:
                self._judge(check, now)
            if check.stage is _Stage.PROBE_OWED and now >= check.next_at:
                check.stage, check.claimed_by = _Stage.WAITING, None
                check.next_at = now + PROBE_WAIT_SECONDS
                due.append(announcement)
        return due

    @property
    def clear(self) -> list[Announcement]:
        """What may be answered for."""
        return [
            announcement
            for announcement, check in self._checks.items()
            if check.stage is _Stage.SILENT and not check.read_owed
        ]

    @property
    def wanted(self) -> list[Announcement]:
        """What is to be announced."""
        return list(self._checks)

    @property
    def pending(self) -> list[Announcement]:
        """What is still being checked; claims count too while only the read is owed."""
        clear = set(self.clear)
        return [announcement for announcement in self._checks if announcement not in clear]

    @property
    def foreign(self) -> dict[Announcement, str]:
        """What a foreign host has, with its MAC."""
        return {a: check.foreign.hex(":") for a, check in self._checks.items() if check.foreign}

    @property
    def wake_at(self) -> float:
        """When a probe is due or has waited for long enough; of reads, the caller keeps time."""
        checks = self._checks.values()
        return min((c.next_at for c in checks if c.stage is not _Stage.SILENT), default=inf)

    def _begin(self, announcement: Announcement) -> _Check:
        if announcement in self._prepared:
            return _Check(stage=_Stage.SILENT, next_at=inf, read_owed=False)
        return _Check()

    def _judge(self, check: _Check, now: float) -> None:
        heard = check.claimed_by
        if heard is None and check.silences_owed > 1:
            check.silences_owed -= 1
            check.stage, check.next_at = _Stage.PROBE_OWED, now + SILENCE_APART_SECONDS
            return
        check.foreign = heard if now >= self._stranger_until else None
        if heard is None or (check.foreign and self._announce_in_use):
            check.stage, check.next_at = _Stage.SILENT, inf
            return
        check.silences_owed = SILENCES
        wait = FOREIGN_REPROBE_SECONDS if check.foreign else STRANGER_REPROBE_SECONDS
        if check.foreign and check.by_node:
            wait = NODE_REPROBE_SECONDS
        check.stage, check.next_at = _Stage.PROBE_OWED, now + wait
