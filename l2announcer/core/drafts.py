"""What a Lease is to become by a write of ours, for each purpose of a write.

Rules of this file:
- The count of transitions goes up when a Lease is taken, when it is given away, and when it is
  fenced; who takes what was given, renews or releases leaves it.
- A heartbeat's count never goes back, whatever was deleted: it begins past all that Leases name.
- A gift and a release count by themselves: no heartbeat keeps what is nobody's.
- A wish changes nothing that any client of the Lease compares.
- A renewal keeps the wish of a node that asks for the Lease, until that was declined or is stale;
  every other write ends it, but the gift itself: by it the other knows that it was asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from l2announcer.core import lease
from l2announcer.core.hand_outs import Purpose
from l2announcer.core.model import LeaseRecord, Wanted
from l2announcer.core.terms import Terms

RELEASED_SECONDS = 1


def draft(
    purpose: Purpose,
    known: LeaseRecord,
    terms: Terms,
    renew_time: str,
    *,
    give_to: str = "",
    declined: Wanted | None = None,
    floor: int = -1,
) -> LeaseRecord:
    """The record to write over `known`; `give_to`, `declined`, `floor` as the Elector has them."""
    count = max(known.transitions, floor) + 1
    alone = replace(terms.holding, heartbeat=None)
    ours = replace(
        known,
        holder=terms.node,
        duration_seconds=terms.written_seconds,
        renew_time=renew_time,
        holding=terms.holding,
        wanted=None,
    )
    released = replace(
        ours,
        holder="",
        duration_seconds=RELEASED_SECONDS,
        acquire_time=renew_time,
        holding=alone,
    )
    match purpose:
        case Purpose.WANT:
            return replace(known, wanted=Wanted(terms.node, known.transitions))
        case Purpose.TAKE:
            return replace(ours, acquire_time=renew_time, transitions=count)
        case Purpose.FENCE:
            return replace(released, holding=known.holding, transitions=count)
        case Purpose.RECEIVE:
            return replace(ours, acquire_time=renew_time)
        case Purpose.RENEW:
            heeded = lease.wanted_by(known) and known.wanted != declined
            return replace(ours, wanted=known.wanted) if heeded else ours
        case Purpose.TRANSFER:
            return replace(
                ours,
                holder=give_to,
                duration_seconds=lease.GIVEN_SECONDS,
                acquire_time=renew_time,
                transitions=known.transitions + 1,
                wanted=known.wanted,
                holding=alone,
            )
        case Purpose.RELEASE:
            return released
        case _:
            assert_never(purpose)
