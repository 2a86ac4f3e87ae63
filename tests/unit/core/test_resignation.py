"""A node that stops gives up the Leases of its Services first."""

from __future__ import annotations

from math import inf

from l2announcer.core.contest import Contest
from l2announcer.core.election import Wish
from l2announcer.core.model import Holding, LeaseRecord
from l2announcer.core.resignation import PAUSE_SECONDS, Resignation
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


def test_what_only_the_node_needs_follows_a_moment_after_the_others_are_gone() -> None:
    resignation, service, own = Resignation(), held("service"), held("own", standing=True)
    service.elector.want(Wish.RELEASE)
    assert resignation.gives_up(service, [service, own], TERMS, 1.0)
    assert not resignation.gives_up(own, [service, own], TERMS, 1.0)
    assert resignation.wake_at == inf
    released(service)
    assert not resignation.gives_up(own, [service, own], TERMS, 2.0)
    assert resignation.wake_at == 2.0 + PAUSE_SECONDS
    assert resignation.gives_up(own, [service, own], TERMS, 2.0 + PAUSE_SECONDS)
    assert resignation.wake_at == inf


def test_who_held_nothing_waits_for_nothing() -> None:
    own = held("own", standing=True)
    assert Resignation().gives_up(own, [own, Contest("other's")], TERMS, 1.0)


def test_it_is_over_when_nothing_is_held_or_owed() -> None:
    service, own = held("service"), held("own", standing=True)
    for contest in service, own:
        contest.elector.want(Wish.HOLD)
        assert not Resignation.over([contest], TERMS)
        contest.elector.want(Wish.RELEASE)
        assert not Resignation.over([contest], TERMS)
        released(contest)
        assert Resignation.over([contest], TERMS)
