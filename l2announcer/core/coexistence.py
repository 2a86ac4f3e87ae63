"""Is Cilium's operator at work? Its LB IPAM and ours write the same fields: one must stand by.

Rules of this file:
1. The operator's leader renews a Lease. Its age counts from the last change that we saw, on our own
   clock: what the Lease says of times is by another machine's.
2. It is at work until the Lease has run out or was released; a Lease of unknown age is fresh.
3. That it ran out is believed only after a consistent read: our watch may be what stands still.
"""

from __future__ import annotations

from math import inf

from l2announcer.core.facts import Refusal
from l2announcer.core.model import LeaseRecord

CILIUM_OPERATOR_LEASE = "cilium-operator-resource-lock"
READ_RETRY_SECONDS = 2.0


class Operator:
    """What is known of Cilium's operator, from the Lease of its leader."""

    def __init__(self) -> None:
        self.until = -inf  # when it has been silent for too long
        self._record: LeaseRecord | None = None
        self._confirmed = False
        self._reading = False
        self._read_at = -inf

    def observe(self, record: LeaseRecord | None, now: float) -> None:
        """Take in the Lease as it is now; None when there is none."""
        known, self._record = self._record, record
        if record is None or not record.holder:
            self.until = -inf
        elif known is None or known.spec != record.spec:
            self.until = now + record.duration_seconds
            self._confirmed = False

    def take_read(self, now: float) -> bool:
        """Is its Lease to be read now, since it seems to have run out?"""
        seems_over = self.until > -inf and now >= self.until and not self._confirmed
        if not seems_over or self._reading or now < self._read_at:
            return False
        self._reading = True
        return True

    def read(self, record: LeaseRecord | None, why: Refusal | None, now: float) -> None:
        """Take in the outcome of that read."""
        self._reading = False
        if why is not None:
            self._read_at = now + READ_RETRY_SECONDS
            return
        known = self._record
        self.observe(record, now)
        self._confirmed = known is not None and record is not None and known.spec == record.spec

    @property
    def wake_at(self) -> float:
        """When its Lease runs out, or is to be read again."""
        return inf if self._reading or self.until == -inf else max(self.until, self._read_at)

    def at_work(self, now: float) -> str:
        """Say that it is at work, and who; "" when it isn't."""
        if self._record is None or self.until == -inf or (now >= self.until and self._confirmed):
            return ""
        return (
            f"Cilium's operator ({self._record.holder}) renews the Lease {CILIUM_OPERATOR_LEASE}"
            " and gives addresses itself; LB IPAM here stands by until it stops"
        )
