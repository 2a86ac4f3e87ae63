"""An elector as client-go has it (k8s.io/client-go/tools/leaderelection), for one Lease.

Rules of this file, which are that library's and not ours:
- Two records are the same to it if they are in whole seconds; a Lease is over when its record did
  not change for its duration, by the own clock, whatever the times in it say.
- An attempt: a holder writes at once by the version that it knows; everybody else, and a holder
  that was refused, reads first. A failed one is repeated after the retry period, with a jitter
  while the Lease is not held; a holder gives up when a round of renewals took the renew deadline.
- Who gives up, or is told to stop, releases first, and says only then that it leads no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Protocol

from l2announcer.core.effects import Call, LeaseWrite, ReadLease
from l2announcer.core.facts import Fact, LeaseRead, LeaseWritten, Refusal
from l2announcer.core.lease import MICROSECONDS, micro_time, unix_microseconds
from l2announcer.core.model import LeaseRecord
from tests.sim.objects import LEASE_NAMESPACE
from tests.sim.timeline import Action, Timeline

JITTER = 1.2
Done = Callable[[bool], None]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    duration: int
    renew_deadline: float
    retry_period: float


class Outside(Protocol):
    """The process of an elector. `later` and the outcomes of calls wait while it is frozen."""

    name: str

    def wall(self) -> float: ...
    def later(self, seconds: float, action: Action) -> None: ...
    def call(self, call: Call, deliver: Callable[[Fact], None]) -> None: ...


class LeaderElector:
    """Runs until `cancel`, or until it has lost what it led; then `stopped` is called once."""

    def __init__(
        self,
        lease: str,
        outside: Outside,
        timing: Timing,
        timeline: Timeline,
        rng: Random,
        *,
        started: Action,
        stopped: Action,
    ) -> None:
        self.lease = lease
        self._outside = outside
        self._timing = timing
        self._timeline = timeline
        self._rng = rng
        self._started = started
        self._stopped = stopped
        self._observed: LeaseRecord | None = None
        self._observed_at = 0.0
        self._cancelled = False
        self._leads = False
        self._attempt = 0

    def run(self) -> None:
        self._try(self._acquired)

    def cancel(self) -> None:
        """Stop, and release what is held."""
        if not self._cancelled:
            self._cancelled = True
            self._attempt += 1  # what is under way is of no interest any more
            self._end()

    # The two loops

    def _acquired(self, done: bool) -> None:
        if self._cancelled:
            return
        if not done:
            wait = self._timing.retry_period * (1.0 + self._rng.random() * JITTER)
            self._outside.later(wait, partial(self._unless_cancelled, self.run))
            return
        self._leads = True
        self._outside.later(0.0, self._started)
        self._outside.later(self._timing.retry_period, self._begin_round)

    def _begin_round(self) -> None:
        if not self._cancelled:
            self._renew(self._timeline.now + self._timing.renew_deadline)

    def _renew(self, deadline: float) -> None:
        if self._cancelled:
            return
        if self._timeline.now >= deadline:
            self._cancelled = True
            self._end()
            return
        self._try(partial(self._renewed, deadline), within=deadline - self._timeline.now)

    def _renewed(self, deadline: float, done: bool) -> None:
        if self._cancelled:
            return
        period = self._timing.retry_period
        if done:
            self._outside.later(period, self._begin_round)
        else:
            wait = min(period, max(deadline - self._timeline.now, 0.0))
            self._outside.later(wait, partial(self._renew, deadline))

    def _end(self) -> None:
        if not self._leads or self._observed is None or not self._is_mine(self._observed):
            self._stopped()
            return
        released = self._record(self._observed, holder="", duration=1)
        self._call(
            self._write(released, self._observed), lambda _: self._stopped(), self._deadline()
        )

    # One attempt

    def _try(self, done: Done, *, within: float | None = None) -> None:
        self._attempt += 1
        within = self._deadline() if within is None else within
        known = self._observed
        if known is not None and self._is_mine(known) and self._valid(known):
            write = self._write(self._record(known), known)
            self._call(write, partial(self._fast_outcome, done, self._attempt, within), within)
        else:
            self._read(done, self._attempt, within)

    def _fast_outcome(self, done: Done, attempt: int, within: float, fact: Fact) -> None:
        if attempt != self._attempt:
            return
        if isinstance(fact, LeaseWritten):
            self._observe(fact.record)
            done(True)
        else:
            self._read(done, attempt, within)

    def _read(self, done: Done, attempt: int, within: float) -> None:
        then = partial(self._read_outcome, done, attempt, within)
        self._call(ReadLease(self.lease), then, within)

    def _read_outcome(self, done: Done, attempt: int, within: float, fact: Fact) -> None:
        if attempt != self._attempt:
            return
        if not isinstance(fact, LeaseRead) or fact.why is not None:
            done(False)
            return
        found = fact.record
        if found is None:
            new = self._record(None)
        else:
            if self._observed is None or _whole(found) != _whole(self._observed):
                self._observe(found)
            self._observed = found
            if found.holder and not self._is_mine(found) and self._valid(found):
                done(False)
                return
            new = self._record(found)
        self._call(self._write(new, found), partial(self._outcome, done, attempt), within)

    def _outcome(self, done: Done, attempt: int, fact: Fact) -> None:
        if attempt != self._attempt:
            return
        if isinstance(fact, LeaseWritten):
            self._observe(fact.record)
        done(isinstance(fact, LeaseWritten))

    # Records

    def _observe(self, record: LeaseRecord) -> None:
        self._observed, self._observed_at = record, self._timeline.now

    def _is_mine(self, record: LeaseRecord) -> bool:
        return record.holder == self._outside.name

    def _valid(self, record: LeaseRecord) -> bool:
        return self._observed_at + record.duration_seconds > self._timeline.now

    def _record(
        self, known: LeaseRecord | None, *, holder: str | None = None, duration: int | None = None
    ) -> Mapping[str, Any]:
        now = micro_time(int(self._outside.wall() * MICROSECONDS))
        spec = {
            "holderIdentity": self._outside.name if holder is None else holder,
            "leaseDurationSeconds": duration or self._timing.duration,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": known.transitions if known else 0,
        }
        if known is not None and holder is None:
            if self._is_mine(known):
                spec["acquireTime"] = known.acquire_time
            else:
                spec["leaseTransitions"] = known.transitions + 1
        return spec

    def _write(self, spec: Mapping[str, Any], known: LeaseRecord | None) -> LeaseWrite:
        raw: Mapping[str, Any] = known.raw if known is not None else {}
        metadata = {"name": self.lease, "namespace": LEASE_NAMESPACE} | raw.get("metadata", {})
        spec = {**raw.get("spec", {}), **spec}
        body = {
            **raw,
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": spec,
        }
        return LeaseWrite(name=self.lease, body=body, create=known is None, renewal=False)

    # The process

    def _unless_cancelled(self, action: Action) -> None:
        if not self._cancelled:
            action()

    def _deadline(self) -> float:
        return self._timing.renew_deadline

    def _call(self, call: Call, then: Callable[[Fact], None], within: float) -> None:
        """Make a call that counts as failed after so long."""
        given = False

        def deliver(fact: Fact) -> None:
            nonlocal given
            if not given:
                given = True
                then(fact)

        unanswered = LeaseRead(self.lease, None, Refusal.UNAVAILABLE)
        self._outside.call(call, deliver)
        self._outside.later(max(within, 0.0), partial(deliver, unanswered))


def _whole(record: LeaseRecord) -> tuple[str, int, int, int, int]:
    """What is compared: times in whole seconds."""
    acquired, renewed = (
        unix_microseconds(text) // MICROSECONDS for text in (record.acquire_time, record.renew_time)
    )
    return (record.holder, record.duration_seconds, acquired, renewed, record.transitions)
