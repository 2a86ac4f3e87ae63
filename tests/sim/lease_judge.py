"""What must hold of every write of a Lease that the API server takes.

Rules of this file; a violation is a broken one:
- seconds: a renewal is later by whole seconds, since other clients compare no finer. Strangers
  don't care.
- too early: a Lease that names a holder is taken when it was left alone for its duration; one that
  vanished is made anew by a node that knew it, other than its holder, after the same time. Who was
  given it by its holder takes it at once.
- transitions: they grow by one with every change of holder, and at no other time. A heartbeat's
  grow by one or more when another fences it, and never go back.
What a heartbeat keeps is left alone as long as that is held under the number that it names, or has
an earlier one; a heartbeat that keeps nothing is its own node's at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

from l2announcer.core.heartbeat import HEARTBEAT_PREFIX, heartbeat_name
from l2announcer.core.lease import given_to, unix_microseconds
from l2announcer.core.model import LeaseRecord

CLOCK_ERROR = 0.001  # of two clocks, each 500 ppm off

STRANGER = "stranger"  # in place of a boot

Process = tuple[str, str, int]
Writer = Process | None


@dataclass(slots=True)
class LeaseState:
    """The last change of a Lease's spec: who made it, when, and what stands."""

    writer: Writer = None
    at: float = 0.0
    version: int = 0
    record: LeaseRecord | None = None
    cleared: int = 0  # the version at which a hand last took it from its holder
    vanished: LeaseRecord | None = None  # what was deleted, while nothing stands
    vanished_version: int = 0

    def is_of(self, process: Process, *, lenient: bool) -> bool:
        """Does it stand, and did a process write it, or, leniently, one before on its boot?"""
        if lenient and self.record is not None and self.writer is not None:
            return self.writer[:2] == process[:2]
        return self.record is not None and self.writer == process


class LeaseJudge:
    """Every Lease as it is stored; `breaks(rule, what)` is told of violations."""

    def __init__(self, breaks: Callable[[str, str], None]) -> None:
        self._breaks = breaks
        self._states: dict[str, LeaseState] = {}
        self._bases: dict[tuple[Writer, str], tuple[int, int]] = {}  # of writes

    def __getitem__(self, name: str) -> LeaseState:
        return self._states.get(name) or LeaseState()

    def beat_of(self, lease: LeaseState) -> LeaseState | None:
        """The heartbeat that keeps a Lease, if one does."""
        under = lease.record.under if lease.record is not None else None
        return self[heartbeat_name(under.node)] if under is not None else None

    def hands_out(self, process: Process, name: str, *, listed: int, processed: int) -> None:
        """Take in what a process knew of Leases when it began a write."""
        self._bases[process, name] = (listed, processed)

    def changed(
        self, name: str, after: LeaseRecord | None, *, writer: Writer, version: int, now: float
    ) -> bool:
        """Take in how a Lease is now; False if nothing of its spec changed."""
        known = self[name]
        before = known.record
        if before is not None and after is not None and before.spec == after.spec:
            return False
        state = LeaseState(writer, now, version, after, known.cleared)
        self._states[name] = state
        if writer is None:
            state.cleared = version
        if after is None:
            state.vanished = before
            state.writer, state.vanished_version = known.writer, known.version
        if after is not None and writer is not None:
            for rule, what in self._broken(name, known, after, writer, now):
                self._breaks(rule, what)
        return True

    def _broken(
        self, name: str, known: LeaseState, after: LeaseRecord, writer: Process, now: float
    ) -> Iterator[tuple[str, str]]:
        before = lost = known.record
        if before is None and self._knew(known, self._bases.get((writer, name))):
            lost = known.vanished
        if lost is None:
            return
        taken = known.writer is None or known.writer[:2] != writer[:2]
        waited = now - known.at
        lasts = self._lasts(lost, writer)
        if taken and waited < lasts and given_to(before) != writer[0]:
            yield "too early", f"{writer} wrote {name} {waited:.3f} s after {known.writer}"
        if before is None:
            return
        moments = [unix_microseconds(one.renew_time) // 1_000_000 for one in (before, after)]
        same = before.holder == after.holder and not taken and writer[1] != STRANGER
        if same and moments[0] >= moments[1]:
            yield "seconds", f"{writer} wrote {name}: {before.renew_time, after.renew_time}"
        if not after.holder:
            grown = 0
        elif before.holder:
            grown = int(before.holder != after.holder)
        else:
            grown = 1
        if taken and before.holder == after.holder:
            return
        beats = name.startswith(HEARTBEAT_PREFIX)
        if beats and (not before.holder or taken) and after.transitions > before.transitions:
            return
        if after.transitions != before.transitions + grown:
            was, became = f"{before.holder!r}/{before.transitions}", f"{after.holder!r}"
            yield "transitions", f"{name} went from {was} to {became}/{after.transitions}"

    def _lasts(self, lost: LeaseRecord, writer: Process) -> float:
        """How long others are to leave it alone."""
        if lost.under is not None:
            state = self[heartbeat_name(lost.under.node)]
            beat = state.record or state.vanished  # a write may have been under way
            released = beat is not None and beat.transitions == lost.under.number
            if beat is not None and beat.transitions > lost.under.number:
                return 0.0
            return inf if beat is None or beat.holder or not released else 0.0
        own = lost.name == heartbeat_name(writer[0])
        if not lost.holder or (own and lost.holding is not None and lost.holding.mode == "service"):
            return 0.0
        return lost.duration_seconds * (1 - CLOCK_ERROR)

    def _knew(self, gone: LeaseState, basis: tuple[int, int] | None) -> bool:
        """Had the process watched the Lease while it was there, when it handed its write out?"""
        if basis is None:
            return False
        listed, processed = basis
        return listed < gone.version and processed >= gone.vanished_version
