"""Which news of a Lease call for nothing here: that another node, which has it anyway, renewed it.

With many Services that is most of what a node hears. Such a renewal only puts off the instant at
which the Lease may be taken: who looks at it at the instant that was known before looks too early,
which does no harm. Heartbeats, which others' rights hang on, are looked at each time. And what a
holder hears of its own renewals it knew from the answers to them.
"""

from __future__ import annotations

from collections.abc import Mapping

from l2announcer.core.contest import Contest
from l2announcer.core.election import Elector
from l2announcer.core.facts import Fact, Seen
from l2announcer.core.heartbeat import HEARTBEAT_PREFIX
from l2announcer.core.model import LeaseRecord


def took(fact: Fact, contests: Mapping[str, Contest], node: str, now: float) -> bool:
    """Take in a fact that calls for nothing, so that not even a poll is due; is it one?"""
    found = fact.object if isinstance(fact, Seen) else None
    if not isinstance(found, LeaseRecord) or found.name not in contests:
        return False
    elector = contests[found.name].elector
    known = elector.record
    if known is not None and found.resource_version == known.resource_version:
        return True
    if not uneventful(found, elector, node, now):
        return False
    elector.observe(found, now)
    return True


def uneventful(found: LeaseRecord, elector: Elector, node: str, now: float) -> bool:
    """Has another than `node` renewed its Lease in time, and changed nothing else of it?"""
    known = elector.record
    return (
        known is not None
        and found.holder not in {"", node}
        and found.holder == known.holder
        and found.transitions == known.transitions
        and found.duration_seconds == known.duration_seconds
        and found.holding == known.holding
        and found.wanted == known.wanted
        and found.acquire_time == known.acquire_time
        and elector.known.under is None
        and not found.name.startswith(HEARTBEAT_PREFIX)
        and now < elector.held_until
    )
