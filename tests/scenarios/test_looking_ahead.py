"""What is read and probed together with the write that takes a Lease, and when it is not."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from l2announcer.core.candidacy import State
from l2announcer.core.effects import LeaseWrite, Message, ReadLease, ReadService
from l2announcer.core.facts import Claimed, LeaseRead, Refusal, ServiceRead
from tests.scenarios.driver import NODE
from tests.scenarios.history import BLUE, HERE, LEASE, OTHER_MAC, VIP, Node, prepared, service


def test_what_it_needs_to_know_is_asked_for_with_the_write_that_takes_it() -> None:
    node = prepared()
    node.show(node.held_by_other())
    node.settle(1)
    node.frames.clear()
    node.show(node.held_by_other(holderIdentity=""))
    effects = node.poll()
    assert [type(call) for call in effects.calls] == [LeaseWrite, ReadService]
    assert [frame.message for frame in effects.frames] == [Message.PROBE]
    assert [str(each.address) for each in node.announcer.contests[LEASE].watched] == [VIP]
    node.now += 0.004
    node.carry_out(effects)
    node.poll()
    assert node.answered == set(), "the probe may still be answered"
    node.now += 0.001
    node.poll()
    assert node.answered == HERE


def test_it_listens_until_the_lease_is_won_also_when_nothing_is_left_to_ask() -> None:
    node = prepared()
    node.poll()
    node.handle(ServiceRead(BLUE, service()))
    node.now += 0.1
    node.poll()
    assert node.answered == set()
    assert [str(each.address) for each in node.announcer.contests[LEASE].watched] == [VIP]


def test_a_write_that_took_long_is_followed_by_another_read_and_probe() -> None:
    node = prepared()
    node.show(node.held_by_other())
    node.settle(1)
    node.show(node.held_by_other(holderIdentity=""))
    effects = node.poll()
    node.now += 0.3
    node.carry_out(effects)
    node.frames.clear()
    assert ReadService(BLUE) in node.poll().calls
    assert [frame.message for frame in node.frames] == [Message.PROBE]
    assert node.answered == set()


def test_who_answers_the_probe_before_the_lease_is_won_is_heard() -> None:
    node = prepared()
    node.show(node.held_by_other())
    node.settle(1)
    node.show(node.held_by_other(holderIdentity="", renewTime=""))
    effects = node.poll()
    node.handle(Claimed(ip_address(VIP), OTHER_MAC, "eth0"))
    node.carry_out(effects)
    node.settle(0.1)
    assert node.answered == set()
    assert node.state(BLUE)[0] is State.ADDRESS_IN_USE


@pytest.mark.parametrize("why", [Refusal.UNAVAILABLE, Refusal.DENIED])
def test_while_the_api_server_takes_no_write_nothing_is_asked_ahead_of_one(why: Refusal) -> None:
    node = prepared()
    node.refuse[LEASE] = why
    node.settle(0.1)
    assert [frame.message for frame in node.frames] == [Message.PROBE], "who hopes to win, asks"
    for _ in range(60):
        node.settle(10)
    assert len([call for _, call in node.about() if isinstance(call, LeaseWrite)]) > 50
    assert len(node.frames) == 1
    assert len([call for _, call in node.calls if isinstance(call, ReadService)]) == 1
    del node.refuse[LEASE]
    node.settle(10)
    assert node.answered == HERE


def test_who_could_not_take_it_looks_ahead_again_once_somebody_else_had_it() -> None:
    node = prepared()
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.settle(10)
    del node.refuse[LEASE]
    node.show(node.held_by_other())
    node.settle(1)
    node.frames.clear()
    node.show(node.held_by_other(holderIdentity=""))
    assert ReadService(BLUE) in node.poll().calls
    assert [frame.message for frame in node.frames] == [Message.PROBE]


def test_the_answer_to_a_read_for_an_earlier_attempt_does_not_begin_a_later_one(
    node: Node,
) -> None:
    node.show(node.held_by_other())
    node.settle(1)
    node.show(node.held_by_other(holderIdentity=""))
    take, read = node.poll().calls
    assert read == ReadService(BLUE)
    assert isinstance(take, LeaseWrite)
    won = node.held_by_other()  # while that read is under way
    node.handle(node._write(take))
    node.show(won)
    assert node.poll().calls == [ReadLease(LEASE, renewal=False)]
    node.handle(LeaseRead(LEASE, won))
    node.show(node.held_by_other(holderIdentity=""))
    node.frames.clear()
    node.settle(2)
    assert node.holder(BLUE) == NODE
    assert node.announced() == [], "still waiting for a read of its own"
    node.handle(ServiceRead(BLUE, service()))
    ahead = node.poll()
    assert ReadService(BLUE) in ahead.calls
    assert node.answered == set()
    node.carry_out(ahead)
    node.settle()
    assert node.answered == HERE
