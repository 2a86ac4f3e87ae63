"""The Services under one Lease: what the node wants of it, and what is held through it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from l2announcer.core.contest import Contest
from l2announcer.core.effects import Effects, LeaseWrite
from l2announcer.core.election import Wish
from l2announcer.core.facts import Claimed
from l2announcer.core.lease import decode
from l2announcer.core.model import Announcement, Holding, Key, Service
from l2announcer.core.selection import Selection
from l2announcer.core.terms import Terms

TERMS = Terms(node="n", namespace="kube-system", holding=Holding(boot="b", netns=1))
A, B = Service(key=Key("foo", "bar-baz")), Service(key=Key("foo-bar", "baz"))
VIP = ip_address("192.0.2.1")
SELECTED = Selection((Announcement(VIP, "eth0"),))


def hold(contest: Contest, now: float = 0.0) -> list[Key]:
    """Take the Lease; the Services that are read meanwhile."""
    out = Effects()
    contest.elect(now, now, TERMS, out)
    read = contest.poll(now, TERMS, out)
    write = next(call for call in out.calls if isinstance(call, LeaseWrite))
    metadata = {**write.body["metadata"], "resourceVersion": "1"}
    contest.elector.written(decode({**write.body, "metadata": metadata}), now)
    return read


@pytest.mark.parametrize(
    ("selected", "known", "resigning", "wish"),
    [
        (True, True, False, Wish.HOLD),
        (True, True, True, Wish.RELEASE),
        (False, True, False, Wish.RELEASE),
        (False, False, False, Wish.ABANDON),
        (True, False, True, Wish.ABANDON),
    ],
)
def test_what_is_wanted(*, selected: bool, known: bool, resigning: bool, wish: Wish) -> None:
    contest = Contest("lease")
    contest.follow(A.key, A, SELECTED if selected else Selection())
    contest.wish(known=known, resigning=resigning)
    assert contest.elector.wish is wish


def test_a_standing_lease_is_wanted_without_any_service_and_given_back_at_the_end() -> None:
    contest = Contest("controller", standing=True)
    wishes = []
    for resigning in (False, True):
        contest.wish(known=False, resigning=resigning)
        wishes.append(contest.elector.wish)
    assert wishes == [Wish.HOLD, Wish.RELEASE]
    assert not contest.idle(0.0)


def test_services_of_one_lease_are_held_together() -> None:
    contest = Contest("lease")
    contest.follow(A.key, A, SELECTED)
    contest.follow(B.key, B, SELECTED)
    contest.wish(known=True, resigning=False)
    assert hold(contest) == [A.key, B.key]
    contest.poll(0.1, TERMS, Effects())
    assert contest.held == {A.key, B.key}
    contest.follow(B.key, None, Selection())
    contest.poll(0.2, TERMS, Effects())
    assert contest.held == {A.key}
    assert contest.wake_at(0.2, TERMS) <= 2.0


def test_a_claim_concerns_only_who_announces_the_address() -> None:
    contest = Contest("lease")
    contest.follow(A.key, A, SELECTED)
    assert contest.claimed(Claimed(VIP, bytes(6), "eth0"), 0.0)
    assert not contest.claimed(Claimed(VIP, bytes(6), "eth1"), 0.0)
    assert not contest.claimed(Claimed(ip_address("192.0.2.2"), bytes(6), "eth0"), 0.0)


def test_nothing_left_to_follow_is_idle_until_a_vanished_lease_may_count_again() -> None:
    contest = Contest("lease")
    assert contest.idle(0.0)
    metadata = {"name": "lease", "resourceVersion": "1"}
    spec = {"holderIdentity": "other", "leaseDurationSeconds": 15, "renewTime": "t"}
    contest.elector.observe(decode({"metadata": metadata, "spec": spec}), 0.0)
    contest.elector.observe(None, 1.0, version="2")
    assert not contest.idle(1.0)
    assert contest.wake_at(1.0, TERMS) == 16.0
    assert contest.idle(16.0)
