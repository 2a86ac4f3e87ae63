"""The Services under one Lease: what the node wants of it, and what is held through it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from l2announcer.core.effects import Effects, LeaseWrite
from l2announcer.core.election import Wish
from l2announcer.core.facts import Claimed
from l2announcer.core.group import Group
from l2announcer.core.lease import decode
from l2announcer.core.model import Announcement, Holding, Key, Service
from l2announcer.core.selection import Selection
from l2announcer.core.terms import Terms

TERMS = Terms(node="n", namespace="kube-system", holding=Holding(boot="b", netns=1))
A, B = Service(key=Key("foo", "bar-baz")), Service(key=Key("foo-bar", "baz"))
VIP = ip_address("192.0.2.1")
SELECTED = Selection((Announcement(VIP, "eth0"),))


def hold(group: Group, now: float = 0.0) -> None:
    """Take the Lease."""
    out = Effects()
    group.poll(now, now, TERMS, out)
    write = next(call for call in out.calls if isinstance(call, LeaseWrite))
    metadata = {**write.body["metadata"], "resourceVersion": "1"}
    group.elector.written(decode({**write.body, "metadata": metadata}), now)


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
    group = Group("lease")
    group.follow(A.key, A, SELECTED if selected else Selection())
    group.wish(known=known, resigning=resigning)
    assert group.elector.wish is wish


def test_a_standing_lease_is_wanted_without_any_service_and_given_back_at_the_end() -> None:
    group = Group("controller", standing=True)
    wishes = []
    for resigning in (False, True):
        group.wish(known=False, resigning=resigning)
        wishes.append(group.elector.wish)
    assert wishes == [Wish.HOLD, Wish.RELEASE]
    assert not group.idle(0.0)


def test_services_of_one_lease_are_held_together() -> None:
    group = Group("lease")
    group.follow(A.key, A, SELECTED)
    group.follow(B.key, B, SELECTED)
    group.wish(known=True, resigning=False)
    hold(group)
    out = Effects()
    assert group.poll(0.1, 0.1, TERMS, out) == [A.key, B.key]
    assert group.held == {A.key, B.key}
    group.follow(B.key, None, Selection())
    group.poll(0.2, 0.2, TERMS, out)
    assert group.held == {A.key}
    assert group.wake_at <= 2.0


def test_a_claim_concerns_only_who_announces_the_address() -> None:
    group = Group("lease")
    group.follow(A.key, A, SELECTED)
    assert group.claimed(Claimed(VIP, bytes(6), "eth0"), 0.0)
    assert not group.claimed(Claimed(VIP, bytes(6), "eth1"), 0.0)
    assert not group.claimed(Claimed(ip_address("192.0.2.2"), bytes(6), "eth0"), 0.0)


def test_nothing_left_to_follow_is_idle_until_a_vanished_lease_may_count_again() -> None:
    group = Group("lease")
    assert group.idle(0.0)
    metadata = {"name": "lease", "resourceVersion": "1"}
    spec = {"holderIdentity": "other", "leaseDurationSeconds": 15, "renewTime": "t"}
    group.elector.observe(decode({"metadata": metadata, "spec": spec}), 0.0)
    group.elector.observe(None, 1.0, version="2")
    group.poll(1.0, 1.0, TERMS, Effects())
    assert not group.idle(1.0)
    assert group.wake_at == 16.0
    assert group.idle(16.0)
