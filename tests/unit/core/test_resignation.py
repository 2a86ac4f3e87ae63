"""A node that stops gives up the Leases of its Services first."""

from __future__ import annotations

from l2announcer.core.contest import Contest
from l2announcer.core.election import Wish
from l2announcer.core.model import Holding, LeaseRecord
from l2announcer.core.resignation import gives_up, over
from l2announcer.core.terms import Terms

TERMS = Terms(node="n", namespace="kube-system", holding=Holding(boot="b", netns=1))


def held(name: str, *, standing: bool = False) -> Contest:
    contest = Contest(name, standing=standing)
    record = LeaseRecord(name=name, resource_version="1", holder="n", holding=TERMS.holding)
    contest.elector.observe(record, 0.0)
    return contest


def released(contest: Contest) -> None:
    record = LeaseRecord(name=contest.elector.name, resource_version="2")
    contest.elector.observe(record, 1.0)


def test_what_only_the_node_needs_follows_when_the_others_are_gone() -> None:
    service, own = held("service"), held("own", standing=True)
    service.elector.want(Wish.RELEASE)
    assert gives_up(service, [service, own], TERMS)
    assert not gives_up(own, [service, own], TERMS)
    released(service)
    assert gives_up(own, [service, own], TERMS)


def test_it_is_over_when_nothing_is_owed() -> None:
    service = held("service")
    assert over([service], TERMS)
    service.elector.want(Wish.RELEASE)
    assert not over([service], TERMS)
    released(service)
    assert over([service], TERMS)
