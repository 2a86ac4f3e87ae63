"""What this process has written to one Lease: how it knows its own writes again.

A write whose answer was lost may still show up in the watch. It is known by its exact spec and
holding; renewTimes never repeat, so no two writes of one process are alike.

Of a long run of unanswered writes at most one was carried out, since all name one version. That is
one of the first, when answers ceased, or of the last, when they begin again: the middle is
forgotten, however long the run.
"""

from __future__ import annotations

from enum import Enum
from itertools import islice
from math import inf
from typing import NamedTuple

from l2announcer.core import lease
from l2announcer.core.model import Holding, LeaseRecord
from l2announcer.core.tenure import Tenure

REMEMBERED = 64

Spec = tuple[str, int, str, str, int]
Signature = tuple[Spec, Holding | None]


class Purpose(Enum):
    """What a write is for."""

    TAKE = "take"
    RENEW = "renew"
    RELEASE = "release"
    WANT = "want"  # asks the holder for it; no change to any other client
    TRANSFER = "transfer"  # gives it to who asked
    RECEIVE = "receive"  # takes what was given
    FENCE = "fence"  # ends what a silent node's heartbeat keeps


class HandOut(NamedTuple):
    """One write.

    `voids` is how often the tenure had been voided when it was handed out, `under` what it is to
    stand on.
    """

    purpose: Purpose
    signature: Signature
    handed_out_at: float
    voids: int
    in_tenure: bool
    under: Tenure | None = None


def signature(record: LeaseRecord) -> Signature:
    """What tells our own write from anybody else's."""
    return record.spec, record.holding


class HandOuts:
    """The writes since the last confirmed one. `under_way` has no outcome yet."""

    def __init__(self) -> None:
        self.under_way: HandOut | None = None
        self.last_at = -inf  # of what changed the Lease for others, or may have
        self.last_take_at = -inf
        self.transferring = False  # was the last such write a transfer?
        self._last_but_one_at = -inf
        self._by_signature: dict[Signature, HandOut] = {}
        self._renewed_microseconds = 0

    def __len__(self) -> int:
        return len(self._by_signature)

    def note(self, hand_out: HandOut) -> None:
        """Take in that a write is handed out; only what keeps the Lease is to be known again."""
        self.under_way = hand_out
        if hand_out.purpose is Purpose.WANT:
            return
        self._last_but_one_at, self.last_at = self.last_at, hand_out.handed_out_at
        self.transferring = hand_out.purpose is Purpose.TRANSFER
        if hand_out.purpose is Purpose.TAKE:
            self.last_take_at = hand_out.handed_out_at
        if hand_out.purpose in {Purpose.RELEASE, Purpose.TRANSFER, Purpose.FENCE}:
            return
        self._by_signature[hand_out.signature] = hand_out
        if len(self._by_signature) > REMEMBERED:
            del self._by_signature[next(islice(self._by_signature, REMEMBERED // 2, None))]

    def of(self, record: LeaseRecord) -> HandOut | None:
        """The write of ours that made the Lease what it is, if it was one."""
        return self._by_signature.get(signature(record))

    def done(self) -> HandOut | None:
        """Take in that the write under way has its outcome; which it was."""
        hand_out, self.under_way = self.under_way, None
        return hand_out

    def forget(self, hand_out: HandOut) -> None:
        """Take in that the last write was not carried out, nor ever will be.

        It delays no other, then: the tenure may depend on the next.
        """
        if hand_out.purpose is not Purpose.WANT:
            self.last_at = self._last_but_one_at
        if hand_out.purpose is Purpose.TAKE:
            self.last_take_at = -inf
        self._by_signature.pop(hand_out.signature, None)

    def confirm(self, own: HandOut) -> None:
        """Take in that `own` stands: what was handed out before it never will."""
        self._by_signature = {
            key: each
            for key, each in self._by_signature.items()
            if each.handed_out_at >= own.handed_out_at
        }

    def renew_time(self, wall: float, known: LeaseRecord, node: str) -> str:
        """The next renewTime: now, but at least one second past our last one. `wall` in seconds."""
        last = self._renewed_microseconds
        if known.holder == node:
            last = max(last, lease.unix_microseconds(known.renew_time))
        microseconds = max(int(wall * lease.MICROSECONDS), last + lease.MICROSECONDS)
        self._renewed_microseconds = microseconds
        return lease.micro_time(microseconds)
