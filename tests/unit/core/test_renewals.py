"""Others' renewals call for nothing, and everything else that a Lease can say still counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from l2announcer.core.candidacy import lease_name
from l2announcer.core.facts import Seen
from l2announcer.core.lease import decode, micro_time
from l2announcer.core.model import Key, Kind, LabelSelector, Policy, Service, Wanted
from l2announcer.core.renewals import took, uneventful
from tests.scenarios.driver import NODE, Driver
from tests.unit.core.election_rig import BOOT, THERE, L, Rig, theirs

APP = Key("default", "app1")
POLICY = Policy(
    key=Key("", "policy"),
    service_selector=LabelSelector(match_labels=(("app", "app1"),)),
    external_ips=True,
)
SERVICE = Service(key=APP, labels={"app": "app1"}, external_ips=("172.19.0.240",))


def renew(driver: Driver, number: int) -> None:
    """Another node, which has the Lease, renews it once more."""
    record = driver.put_lease(
        lease_name(APP),
        holderIdentity="other",
        leaseDurationSeconds=15,
        acquireTime=micro_time(0),
        renewTime=micro_time(2_000_000 * number),
    )
    driver.handle(Seen(Kind.LEASE, record))
    driver.settle()


def test_a_renewal_in_time_calls_for_nothing() -> None:
    rig = Rig()
    known = rig.see(theirs(), 0)
    again = replace(known, renew_time=theirs(2).renew_time, resource_version="99")
    assert uneventful(again, rig.elector, "a", BOOT + 2)
    assert not uneventful(again, rig.elector, "b", BOOT + 2)  # our own
    assert not uneventful(again, rig.elector, "a", BOOT + L)  # too late
    assert not uneventful(again, Rig().elector, "a", BOOT + 2)  # nothing was known


@pytest.mark.parametrize(
    "change",
    [
        {"holder": "c"},
        {"holder": ""},
        {"duration_seconds": 1},
        {"transitions": 5},
        {"acquire_time": "2026-03-01T10:00:00.000001Z"},
        {"holding": None},
        {"holding": replace(THERE, leaving=True)},
        {"wanted": Wanted("a", 4)},
    ],
    ids=str,
)
def test_anything_else_does(change: dict[str, Any]) -> None:
    rig = Rig()
    known = rig.see(theirs(), 0)
    again = replace(known, renew_time=theirs(2).renew_time, resource_version="99", **change)
    assert not uneventful(again, rig.elector, "a", BOOT + 2)


def test_what_the_answer_to_the_own_renewal_said_is_no_news() -> None:
    driver = Driver()
    driver.warm()
    driver.see(POLICY)
    driver.see(SERVICE)
    driver.settle()
    record = decode(driver.leases[lease_name(APP)])
    contests, now = driver.announcer.contests, driver.now
    assert took(Seen(Kind.LEASE, record), contests, NODE, now)
    assert not took(Seen(Kind.LEASE, driver.stamped(record)), contests, NODE, now)


def test_what_is_renewed_is_taken_when_it_runs_out_and_not_looked_at_before() -> None:
    """Renewed every 2 s for 12 s, then not: the instant at which it's looked at was the first."""
    driver = Driver()
    driver.warm()
    driver.see(POLICY)
    renew(driver, 0)
    driver.see(SERVICE)
    contest = driver.announcer.contests[lease_name(APP)]
    first = contest.wake_at
    for number in range(1, 7):
        driver.settle(2)
        renew(driver, number)
        assert contest.wake_at == first
    driver.settle(14.8)
    assert driver.holder(APP) == "other"
    driver.settle(0.3)
    assert driver.holder(APP) == NODE
