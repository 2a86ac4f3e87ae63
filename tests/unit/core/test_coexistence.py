"""Beside Cilium's operator: LB IPAM stands by while it is at work, and says so."""

from __future__ import annotations

import pytest

from l2announcer.core.coexistence import CILIUM_OPERATOR_LEASE, READ_RETRY_SECONDS
from l2announcer.core.effects import ReadLease, Transition
from l2announcer.core.facts import (
    HostsRead,
    Listed,
    Refusal,
)
from l2announcer.core.model import (
    Kind,
    LeaseRecord,
)
from tests.unit.core.controller_world import (
    BAD,
    NOW,
    World,
    given,
    world,
)

__all__ = ["world"]


def operator(number: int, holder: str = "control-plane-x") -> LeaseRecord:
    """The Lease of the operator's leader after so many renewals."""
    return LeaseRecord(
        name=CILIUM_OPERATOR_LEASE,
        resource_version=str(number),
        holder=holder,
        duration_seconds=15,
        renew_time=f"2025-11-24T16:00:{number:02}.000000Z",
    )


def confirm(world: World, now: float) -> None:
    """The operator's Lease seems to have run out, and a read says the same."""
    _, out = world.poll(now)
    assert out.calls == [ReadLease(CILIUM_OPERATOR_LEASE)]
    world.operator.read(operator(1), None, now)


def test_it_stands_by_while_ciliums_operator_is_at_work_and_says_so(world: World) -> None:
    world.operator.observe(operator(1), NOW)
    world.begin()
    _, out = world.poll()
    assert out.calls == []
    assert out.wake_at == NOW + 15
    why = world.controller.standing_by(NOW)
    assert "Cilium's operator (control-plane-x) renews the Lease" in why
    world.operator.observe(operator(2), NOW + 10)
    assert world.writes(NOW + 20) == []


def test_what_it_does_is_logged_once(world: World) -> None:
    world.operator.observe(operator(1), NOW)
    world.poll()
    world.controller.services_read(answered=True)
    _, out = world.poll()
    assert out.transitions == [Transition("LB IPAM stands by", world.controller.standing_by(NOW))]
    assert world.poll()[1].transitions == []
    confirm(world, NOW + 15)
    _, out = world.poll(NOW + 15)
    assert [each.what for each in out.transitions] == ["LB IPAM takes over"]


@pytest.mark.parametrize("end", ["expired", "released", "deleted"])
def test_it_takes_over_after_a_read_of_its_own(world: World, end: str) -> None:
    world.operator.observe(operator(1), NOW)
    world.begin()
    world.poll()
    now = NOW + (15 if end == "expired" else 1)
    if end == "released":
        world.operator.observe(operator(2, holder=""), now)
    elif end == "deleted":
        world.operator.observe(None, now)
    else:
        confirm(world, now)
    world.poll(now)
    owed, out = world.poll(now)
    assert owed
    assert out.calls == []
    world.controller.services_read(answered=True)
    world.poll(now)
    world.controller.hosts_read(HostsRead({}), now)
    assert given(world.writes(now)) == ["172.19.0.240"]


def test_policies_are_told_of_meanwhile(world: World) -> None:
    world.cluster.listed(Listed(Kind.POLICY, (BAD,), "5"))
    world.operator.observe(operator(1), NOW)
    world.poll()
    world.controller.services_read(answered=True)
    assert [write.kind for write in world.writes()] == [Kind.POLICY]


def test_a_lease_seen_again_unchanged_is_no_younger(world: World) -> None:
    world.operator.observe(operator(1), NOW)
    world.begin()
    world.operator.observe(operator(1), NOW + 14)
    assert world.controller.standing_by(NOW + 14.9)
    assert world.controller.standing_by(NOW + 15), "not believed before it is read"
    confirm(world, NOW + 15)
    assert not world.controller.standing_by(NOW + 15)


def test_a_watch_that_stands_still_is_not_taken_for_an_operator_that_does(world: World) -> None:
    world.operator.observe(operator(1), NOW)
    world.begin()
    _, out = world.poll(NOW + 15)
    assert out.calls == [ReadLease(CILIUM_OPERATOR_LEASE)]
    assert world.poll(NOW + 15)[1].calls == [], "asked once"
    world.operator.read(None, Refusal.UNAVAILABLE, NOW + 16)
    _, out = world.poll(NOW + 16)
    assert (out.calls, out.wake_at) == ([], NOW + 16 + READ_RETRY_SECONDS)
    _, out = world.poll(out.wake_at)
    assert out.calls == [ReadLease(CILIUM_OPERATOR_LEASE)]
    world.operator.read(operator(7), None, NOW + 19)
    assert world.controller.standing_by(NOW + 33.9)
    assert world.writes(NOW + 33.9) == []


def test_who_is_told_to_give_all_the_same_does(world: World) -> None:
    world.controller.operator = None
    world.begin()
    assert given(world.writes()) == ["172.19.0.240"]
