"""News of Leases: which of them are followed, and what each fact means to whom."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from l2announcer.core.coexistence import CILIUM_OPERATOR_LEASE, Operator
from l2announcer.core.contest import Contest
from l2announcer.core.effects import ReadLease
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import (
    Claimed,
    Gone,
    LeaseRead,
    LeaseRefused,
    LeaseWritten,
    Listed,
    Refusal,
)
from l2announcer.core.lease_news import LeaseNews
from l2announcer.core.model import Holding, Key, Kind, LeaseRecord
from l2announcer.core.terms import Terms

BLUE, RED = "cilium-l2announce-default-blue", "cilium-l2announce-default-red"
HEARTBEAT, CONTROLLER, OTHER = "l2announcer-node-a", "l2announcer-controller", "somebody-s"
TERMS = Terms(node="n", namespace="kube-system", holding=Holding(boot="b", netns=1))


def record(name: str, holder: str = "a", version: str = "1") -> LeaseRecord:
    return LeaseRecord(
        name=name, resource_version=version, holder=holder, duration_seconds=15, renew_time="t"
    )


class News(LeaseNews):
    """Keeps what was asked for."""

    def __init__(self) -> None:
        self.contests = {CONTROLLER: Contest(CONTROLLER, standing=True)}
        self.operator = Operator()
        super().__init__(self.contests, self.find, self.operator)

    def find(self, name: str) -> Elector:
        return self.contests.setdefault(name, Contest(name)).elector

    def holder(self, name: str) -> str | None:
        contest = self.contests.get(name)
        known = contest.elector.record if contest is not None else None
        return known.holder if known is not None else None


@pytest.mark.parametrize(
    ("name", "followed"),
    [(BLUE, True), (HEARTBEAT, True), (CONTROLLER, True), (OTHER, False)],
)
def test_which_are_followed(name: str, *, followed: bool) -> None:
    news = News()
    news.seen(record(name), 0.0)
    assert news.holder(name) == ("a" if followed else None)
    assert (name in news.contests) is followed
    news.take(Gone(Kind.LEASE, Key("kube-system", name), "2"), 1.0)
    assert news.holder(name) is None


def test_a_list_says_also_what_is_not_there() -> None:
    news = News()
    news.seen(record(BLUE), 0.0)
    assert not news.listed
    news.take(Listed(Kind.LEASE, (record(RED),), "5"), 1.0)
    assert news.listed
    assert (news.holder(BLUE), news.holder(RED)) == (None, "a")
    news.seen(record(BLUE, version="4"), 2.0)
    assert news.holder(RED) == "a"
    news.take(Listed(Kind.LEASE, (record(RED, "b", "3"),), "3", restored=True), 3.0)
    assert news.holder(RED) == "b", "the store went back"


def test_outcomes_come_to_their_elector() -> None:
    news = News()
    elector = news.find(BLUE)
    elector.want(Wish.HOLD)
    assert elector.poll(0.0, 0.0, TERMS) is not None
    news.take(LeaseRefused(BLUE, Refusal.CONFLICT), 0.1)
    assert elector.poll(0.2, 0.2, TERMS) == ReadLease(BLUE)
    news.take(LeaseRead(BLUE, record(BLUE, "b")), 0.3)
    assert news.holder(BLUE) == "b"
    news.take(LeaseWritten(record(BLUE, "c", "2")), 0.4)
    assert news.holder(BLUE) == "c"


def test_cilium_s_operator_has_its_own_place() -> None:
    news = News()
    news.seen(record(CILIUM_OPERATOR_LEASE), 0.0)
    assert news.operator.at_work(1.0)
    assert CILIUM_OPERATOR_LEASE not in news.contests
    news.take(Gone(Kind.LEASE, Key("kube-system", CILIUM_OPERATOR_LEASE), "2"), 1.0)
    assert not news.operator.at_work(1.0)
    news.seen(record(CILIUM_OPERATOR_LEASE, version="3"), 2.0)
    news.take(Listed(Kind.LEASE, (), "9"), 3.0)
    assert not news.operator.at_work(3.0)
    news.take(LeaseRead(CILIUM_OPERATOR_LEASE, record(CILIUM_OPERATOR_LEASE, version="10")), 4.0)
    assert news.operator.at_work(4.1)
    without = LeaseNews({}, news.find, None)
    without.seen(record(CILIUM_OPERATOR_LEASE), 0.0)
    without.take(LeaseRead(CILIUM_OPERATOR_LEASE, None), 1.0)


def test_the_macs_that_leases_name_are_known_while_the_leases_are_there() -> None:
    news, mac = News(), "02:00:00:00:00:01"
    claim = Claimed(ip_address("192.0.2.1"), bytes.fromhex(mac.replace(":", "")), "eth0")
    named = replace(record(BLUE), holding=Holding(boot="a", netns=1, macs=(mac,)))
    ways = (
        Listed(Kind.LEASE, (named,), "1"),
        LeaseWritten(named),
        LeaseRead(BLUE, named),
    )
    for fact in ways:
        news.take(fact, 0.0)
        assert news.macs.marked(claim).of_node
        news.take(Gone(Kind.LEASE, Key("kube-system", BLUE), "2"), 0.0)
        assert not news.macs.marked(claim).of_node
