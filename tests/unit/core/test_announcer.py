"""The announcer composes: in whatever order facts come, what is decided in the end is the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from l2announcer.core.answers import AnswerTable
from l2announcer.core.candidacy import lease_name
from l2announcer.core.effects import Effects, LeaseWrite, ReadLease, ReadServices
from l2announcer.core.facts import (
    Fact,
    Gone,
    LeaseRead,
    LeaseRefused,
    Links,
    Listed,
    Refusal,
    Resign,
    Seen,
)
from l2announcer.core.model import Key, Kind, LabelSelector, Node, Policy, Service
from l2announcer.core.selection import Selection
from tests.scenarios.driver import NODE, Driver, link

HERE, ELSEWHERE, UNWANTED, DELETED = (Key("default", f"app{number}") for number in range(4))
POLICY = Policy(
    key=Key("", "policy"),
    resource_version="20",
    service_selector=LabelSelector(match_labels=(("announce", "yes"),)),
    node_selector=LabelSelector(match_labels=(("role", "worker"),)),
    external_ips=True,
)


def service(key: Key, version: int, **labels: str) -> Service:
    address = f"172.19.0.{240 + int(key.name[-1])}"
    return Service(key=key, resource_version=str(version), labels=labels, external_ips=(address,))


class _Recorder(Driver):
    """Keeps the last answer table."""

    table: AnswerTable

    def poll(self) -> Effects:
        effects = super().poll()
        if effects.answers is not None:
            self.table = effects.answers
        return effects


@dataclass(frozen=True)
class _Outcome:
    """All that was decided in the end."""

    selections: dict[Key, Selection]
    answered: set[tuple[str, str]]
    table: dict[str, frozenset[object]]
    holders: dict[Key, str | None]


def outcome(facts: list[Fact], polled: list[bool]) -> _Outcome:
    """What one order of facts leads to, with polls in between where `polled` says so."""
    driver = _Recorder()
    driver.put_lease(
        lease_name(ELSEWHERE),
        holderIdentity="other",
        leaseDurationSeconds=15,
        renewTime="2023-11-14T22:13:20.000000Z",
    )
    for fact, poll in zip(facts, polled, strict=True):
        driver.handle(fact)
        if poll:
            driver.settle(0.05)
    driver.settle(5.0)
    return _Outcome(
        selections=driver.announcer.selections.by_service,
        answered=driver.answered,
        table={one.link.name: one.addresses for one in driver.table.places.values()},
        holders={key: driver.holder(key) for key in (HERE, ELSEWHERE, UNWANTED, DELETED)},
    )


def facts() -> list[Fact]:
    """Lists as of version 10, and what changed since; the lease is as the driver has it."""
    standing = Driver()
    elsewhere = standing.put_lease(
        lease_name(ELSEWHERE),
        holderIdentity="other",
        leaseDurationSeconds=15,
        renewTime="2023-11-14T22:13:20.000000Z",
    )
    node = Node(key=Key("", NODE), resource_version="5", labels={"role": "worker"})
    return [
        *(Listed(kind, (), "10") for kind in (Kind.SERVICE, Kind.POLICY, Kind.POOL, Kind.LEASE)),
        Listed(Kind.NODE, (node,), "10"),
        Links((link("eth0", 2), link("eth1", 3, bytes.fromhex("0242ac130103"), carrier=False))),
        Seen(Kind.POLICY, POLICY),
        Seen(Kind.POLICY, replace(POLICY, resource_version="19", external_ips=False)),
        Seen(Kind.SERVICE, service(HERE, 21, announce="no")),
        Seen(Kind.SERVICE, service(HERE, 22, announce="yes")),
        Seen(Kind.SERVICE, service(ELSEWHERE, 23, announce="yes")),
        Seen(Kind.SERVICE, service(UNWANTED, 24, announce="no")),
        Seen(Kind.SERVICE, service(DELETED, 25, announce="no")),
        Gone(Kind.SERVICE, DELETED, "26"),
        Seen(Kind.LEASE, elsewhere),
    ]


IN_ORDER = facts()


def possible(order: list[Fact]) -> list[Fact]:
    """The order in which one watch tells of one object: a deletion comes after what is deleted."""
    seen, gone = (order.index(IN_ORDER[number]) for number in (-3, -2))
    if gone < seen:
        order[seen], order[gone] = order[gone], order[seen]
    return order


@settings(max_examples=150, deadline=None)
@given(
    order=st.permutations(IN_ORDER),
    polled=st.lists(st.booleans(), min_size=len(IN_ORDER), max_size=len(IN_ORDER)),
)
def test_facts_about_different_objects_commute(order: list[Fact], polled: list[bool]) -> None:
    expected = outcome(IN_ORDER, [False] * len(IN_ORDER))
    assert expected.answered == {("172.19.0.240", "eth0")}
    assert expected.holders == {HERE: NODE, ELSEWHERE: "other", UNWANTED: None, DELETED: None}
    assert outcome(possible(order), polled) == expected


@settings(deadline=None)
@given(again=st.lists(st.sampled_from(IN_ORDER), max_size=10))
def test_a_repeated_fact_changes_nothing(again: list[Fact]) -> None:
    seen_again = [fact for fact in again if isinstance(fact, Seen | Gone | Links)]
    order = [*IN_ORDER, *seen_again]
    assert outcome(order, [True] * len(order)) == outcome(IN_ORDER, [True] * len(IN_ORDER))


def warm() -> Driver:
    """A node with a Service to announce; nothing is settled yet."""
    driver = Driver()
    driver.warm(labels={"role": "worker"})
    driver.handle(Seen(Kind.POLICY, POLICY), Seen(Kind.SERVICE, service(HERE, 22, announce="yes")))
    return driver


def test_nothing_is_asked_for_before_everything_was_listed() -> None:
    for missing in range(6):
        driver = Driver()
        driver.handle(*(fact for number, fact in enumerate(IN_ORDER) if number != missing))
        effects = driver.poll()
        assert (effects.calls, effects.answers, effects.frames) == ([], None, [])
        assert len(driver.announcer.unlisted) == 1


def test_many_services_are_read_by_one_list() -> None:
    driver = warm()
    for number in range(10, 20):
        driver.handle(
            Seen(
                Kind.SERVICE,
                replace(
                    service(HERE, 30, announce="yes"),
                    key=Key("default", f"app{number}"),
                    external_ips=(f"172.19.1.{number}",),
                ),
            )
        )
    calls = driver.poll().calls
    assert [call for call in calls if not isinstance(call, LeaseWrite)] == [ReadServices()]
    assert len(calls) > 10


def test_a_lease_that_nobody_wants_any_more_may_still_be_unread() -> None:
    driver = warm()
    effects = driver.poll()
    name = lease_name(HERE)
    assert name in [call.name for call in effects.calls if isinstance(call, LeaseWrite)]
    driver.handle(LeaseRefused(name, Refusal.CONFLICT))
    assert ReadLease(name) in driver.poll().calls
    driver.handle(
        Seen(Kind.SERVICE, service(HERE, 40, announce="no")),
        LeaseRead(name, None, Refusal.UNAVAILABLE),
    )
    driver.poll()
    driver.now += 10.0
    driver.poll()
    assert name not in driver.announcer.contests


def test_released_after_resign_when_nothing_is_owed() -> None:
    driver = warm()
    driver.settle()
    assert driver.answered
    driver.handle(Resign())
    effects = driver.poll()
    assert not driver.answered
    assert not driver.announcer.released
    driver.carry_out(effects)
    assert driver.holder(HERE) == ""
    driver.settle(0.2)
    assert driver.announcer.released
