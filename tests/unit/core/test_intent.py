"""When one Lease is to be written, and what for, in a node whose heartbeat keeps it.

The rest is told by the histories of an Elector (test_election and its kin).
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from l2announcer.core.attempts import Attempts
from l2announcer.core.hand_outs import HandOuts, Purpose
from l2announcer.core.hold_over import HoldOver
from l2announcer.core.intent import Intent, Wish
from l2announcer.core.known_lease import KnownLease
from l2announcer.core.lease import ENDLESS_SECONDS
from l2announcer.core.model import LeaseRecord, Wanted
from l2announcer.core.node_right import NodeRight
from l2announcer.core.tenure import Tenure
from tests.unit.core.election_rig import HERE, TERMS, L, theirs

NEVER = -inf
RIGHT = NodeRight(3, Tenure(inf), HoldOver())
KEPT = replace(
    TERMS,
    node_leases=True,
    right=RIGHT,
    holding=replace(HERE, mode="node", heartbeat=3),
)


def ours(**fields: object) -> LeaseRecord:
    base = theirs(holder="a", holding=KEPT.holding, duration_seconds=ENDLESS_SECONDS)
    return replace(base, **fields)  # type: ignore[arg-type]


class Case:
    """One that wants a Lease since 0."""

    def __init__(self, record: LeaseRecord | None = None) -> None:
        self.known = KnownLease()
        if record is not None:
            self.known.seen(record, 0.0, restored=False)
        self.tenure = Tenure()
        self.intent = Intent(self.known, Attempts("lease"), self.tenure)
        self.intent.want(Wish.HOLD)
        self.intent.seen(0.0)

    def stand(self) -> None:
        """An accepted write stands behind it."""
        self.tenure.confirm(inf, RIGHT.tenure)

    def due_at(self, at: float = 1.0, terms: object = KEPT, last_at: float = NEVER) -> float:
        assert terms is KEPT or isinstance(terms, type(KEPT))
        hand_outs = HandOuts()
        hand_outs.last_at = last_at
        return self.intent.due_at(hand_outs, at, terms)


def test_what_stands_is_not_written_again() -> None:
    case = Case(ours())
    case.stand()
    assert case.due_at() == inf
    case.intent.hurried = True
    assert case.due_at(last_at=0.5) == 1.5


def test_what_no_write_of_this_process_stands_behind_is_written_at_once() -> None:
    case = Case(ours())
    assert case.due_at() == NEVER
    assert case.intent.purpose(1.0, KEPT) is Purpose.RENEW


def test_what_stood_under_another_number_is_written_again() -> None:
    case = Case(ours())
    case.tenure.confirm(inf, Tenure(inf))
    assert case.due_at() == NEVER


@pytest.mark.parametrize("right", [None, NodeRight(3, Tenure(0.5), HoldOver())])
def test_without_a_heartbeat_that_lasts_nothing_is_written(right: NodeRight | None) -> None:
    terms = replace(KEPT, right=right)
    assert Case(ours()).due_at(terms=terms) == Case().due_at(terms=terms) == inf


def test_that_it_leaves_and_whom_it_declines_is_written() -> None:
    case = Case(ours())
    case.stand()
    leaving = replace(KEPT, holding=replace(KEPT.holding, leaving=True))
    assert case.due_at(terms=leaving) == NEVER
    case = Case(ours(wanted=Wanted("c", 4)))
    case.stand()
    assert case.due_at() == inf
    case.intent.declined = Wanted("c", 4)
    assert case.due_at() == NEVER


def test_what_is_abandoned_is_released_after_its_duration_since_it_never_runs_out() -> None:
    case = Case(ours())
    case.intent.want(Wish.ABANDON)
    case.intent.seen(5.0)
    assert case.due_at(6.0) == 5.0 + L
    assert case.intent.purpose(5.0 + L, KEPT) is Purpose.RELEASE


def test_what_runs_out_by_itself_is_left_to() -> None:
    case = Case(ours(holding=HERE, duration_seconds=L))
    case.intent.want(Wish.ABANDON)
    case.intent.seen(5.0)
    assert case.due_at(6.0) == inf


def test_another_s_heartbeat_is_fenced_when_that_is_due() -> None:
    case = Case(theirs())
    case.intent.want(Wish.ABANDON)
    assert case.due_at() == inf
    case.intent.fence_at = 7.0
    assert case.due_at() == 7.0
    assert case.intent.purpose(7.0, TERMS) is Purpose.FENCE


def test_a_wish_is_known_as_new() -> None:
    case = Case()
    assert not case.intent.want(Wish.HOLD)
    assert case.intent.want(Wish.RELEASE)
