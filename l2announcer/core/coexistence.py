"""Is Cilium's operator at work? Its LB IPAM and ours write the same fields: one must stand by.

Rules of this file:
1. The operator's leader renews a Lease. Its age counts from the last change that we saw, on our own
   clock: what the Lease says of times is by another machine's.
2. It is at work until the Lease has run out or was released; a Lease of unknown age is fresh.
"""

from __future__ import annotations

from math import inf

from l2announcer.core.model import LeaseRecord

CILIUM_OPERATOR_LEASE = "cilium-operator-resource-lock"


class Operator:
    """What is known of Cilium's operator, from the Lease of its leader."""

    def __init__(self) -> None:
        self.until = -inf  # when it has been silent for too long
        self._record: LeaseRecord | None = None

    def observe(self, record: LeaseRecord | None, now: float) -> None:
        """Take in the Lease as it is now; None when there is none."""
        known, self._record = self._record, record
        if record is None or not record.holder:
            self.until = -inf
        elif known is None or known.spec != record.spec:
            self.until = now + record.duration_seconds

    def at_work(self, now: float) -> str:
        """Say that it is at work, and who; "" when it isn't."""
        if self._record is None or now >= self.until:
            return ""
        return (
            f"Cilium's operator ({self._record.holder}) renews the Lease {CILIUM_OPERATOR_LEASE}"
            " and gives addresses itself; LB IPAM here stands by until it stops"
        )
