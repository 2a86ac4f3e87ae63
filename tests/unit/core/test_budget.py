"""How many Leases a node may hold."""

from __future__ import annotations

from dataclasses import replace

from l2announcer.core.budget import LONGER, PERIODS, Budget
from l2announcer.core.election import Elector, Wish
from l2announcer.core.model import Holding, LeaseRecord
from l2announcer.core.terms import Terms

TERMS = Terms(node="a", namespace="kube-system", holding=Holding(boot="boot", netns=1))


def taking(name: str) -> Elector:
    """An Elector whose write that takes the Lease is under way."""
    elector = Elector(name)
    elector.want(Wish.HOLD)
    assert elector.poll(0.0, 0.0, TERMS) is not None
    return elector


def held_by(node: str, holding: Holding, name: str) -> LeaseRecord:
    return LeaseRecord(
        name=name, resource_version="1", holder=node, duration_seconds=15, holding=holding
    )


def test_renewals_become_rarer_with_more_leases() -> None:
    budget = Budget(qps=1.0)
    assert budget.paced(TERMS).renew_seconds == TERMS.renew_seconds
    for name in "abc":
        budget.count(taking(name), TERMS)
    paced = budget.paced(TERMS)
    assert (paced.renew_seconds, paced.may_take) == (3.0, True)
    budget.count(taking("d"), TERMS)
    assert not budget.paced(TERMS).may_take


def test_leases_that_were_taken_together_do_not_stay_together() -> None:
    budget, holding = Budget(qps=1000.0), TERMS.holding
    intervals = set()
    for number in range(200):
        elector = taking(str(number))
        elector.written(held_by(TERMS.node, holding, elector.name), 0.0)
        intervals.add(budget.terms_for(elector, TERMS).renew_seconds)
    assert len(intervals) == PERIODS
    assert min(intervals) == TERMS.renew_seconds
    assert max(intervals) < TERMS.renew_seconds * (1 + LONGER)


def test_none_is_renewed_more_rarely_than_two_may_fail() -> None:
    budget, rarest = Budget(qps=1.0), replace(TERMS, renew_seconds=4.5)
    for number in range(50):
        elector = taking(str(number))
        elector.written(held_by(TERMS.node, TERMS.holding, elector.name), 0.0)
        assert budget.terms_for(elector, rarest).renew_seconds == 4.5


def test_one_too_many_in_one_poll_is_passed_over_until_there_is_room() -> None:
    budget = Budget(qps=1.0)
    for name in "abcd":
        budget.count(taking(name), TERMS)
    assert not budget.terms_for(Elector("e"), TERMS).may_take
    assert budget.take_passed_over() == {"e"}
    assert budget.take_passed_over() == set()
    budget.count(Elector("a"), TERMS)
    assert budget.terms_for(Elector("e"), TERMS).may_take


def test_a_group_without_room_is_looked_at_again_when_the_node_has_fewer() -> None:
    budget = Budget(qps=1.0)
    for name in "abc":
        budget.count(taking(name), TERMS)
    assert budget.has_room(0, TERMS)
    assert budget.has_room(1, TERMS)
    assert not budget.has_room(2, TERMS)
    budget.pass_over("group")
    assert budget.take_passed_over() == set()
    budget.count(Elector("a"), TERMS)
    assert budget.has_room(2, TERMS)
    assert budget.take_passed_over() == {"group"}
    assert budget.take_passed_over() == set()
