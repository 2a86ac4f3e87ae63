"""Why this node does not hold a Lease that it wants, in a sentence for people."""

from __future__ import annotations

from l2announcer.core import lease
from l2announcer.core.election import Elector
from l2announcer.core.terms import Terms


def why_not_held(elector: Elector, now: float, terms: Terms, *, leaving: bool) -> str:
    """Say what stands in the way, or what is under way. `leaving`: others are to go first."""
    record, name = elector.record, elector.name
    if elector.problem:
        return elector.problem
    if terms.node_leases and terms.right is None:
        return "this node's heartbeat, which keeps its Leases, is not held yet"
    if terms.holds_back:
        return terms.holds_back
    if not terms.may_take:
        return "this node holds as many Leases as k8sClientRateLimit.qps lets it renew"
    if leaving and elector.held_until <= now:
        return f"Lease {name} is free; this node is leaving, and takes it if no other does"
    if record is None or not record.holder:
        return f"Lease {name} is free; taking it"
    if elector.transferring and elector.ours(terms):
        return f"Lease {name} is being handed over"
    if lease.given_to(record) == terms.node:
        return f"Lease {name} was handed over to this node; taking it"
    if elector.held_until <= now or elector.ours(terms):
        return f"Lease {name} of {record.holder} ran out; taking it"
    if lease.wanted_by(record) == terms.node:
        return f"Lease {name} is held by {record.holder}; this node has asked for it"
    if lease.given_to(record):
        return f"Lease {name} was handed over to {record.holder}, which has not taken it yet"
    return f"Lease {name} is held by {record.holder}"
