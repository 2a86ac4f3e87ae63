"""An interface that can't be opened counts like one that is down, until it can."""

from __future__ import annotations

from l2announcer.core import lease
from l2announcer.core.candidacy import State
from l2announcer.core.effects import LeaseWrite
from l2announcer.core.facts import Links, Listens
from l2announcer.core.listening import FIRST_SECONDS
from l2announcer.core.model import Ear
from tests.scenarios.driver import NODE, link
from tests.scenarios.history import BLUE, HEARTBEAT, HERE, LEASE, VIP, Node, prepared

ARP = Ear(2, 4)
WHY = "cannot listen for ARP: Too many open files"
FAILED = Listens(frozenset(), {ARP: WHY})
OPENED = Listens(frozenset({ARP}), {})


def test_who_cannot_listen_gives_the_lease_back_and_says_why() -> None:
    node = prepared()
    node.settle()
    node.handle(FAILED)
    node.settle()
    assert node.answered == set()
    assert node.holder(BLUE) == ""
    state, why = node.state(BLUE)
    assert state is State.NOT_SELECTED
    assert f"interface eth0: {WHY}" in why


def test_it_tries_again_after_a_while_and_stays_when_that_works(node: Node) -> None:
    node.handle(FAILED)
    node.settle(FIRST_SECONDS - 0.1)
    assert node.holder(BLUE) == ""
    node.settle(0.2)
    assert node.answered == HERE
    node.handle(FAILED)
    node.settle(FIRST_SECONDS + 0.2)
    assert node.holder(BLUE) == "", "it rests for longer each time"
    node.settle(FIRST_SECONDS)
    node.handle(OPENED)
    node.settle(1)
    assert node.answered == HERE


def test_another_takes_what_it_gave_back_and_keeps_it(node: Node) -> None:
    node.handle(FAILED)
    node.settle()
    node.show(node.held_by_other())
    node.calls.clear()
    node.settle(14)
    writes = [call for _, call in node.about() if isinstance(call, LeaseWrite)]
    assert writes == []


def test_the_other_interface_goes_on_and_the_node_is_degraded() -> None:
    node = prepared()
    node.handle(Links((link(), link("eth1", 3))))
    node.settle()
    node.handle(FAILED)
    node.settle()
    assert node.answered == {(VIP, "eth1")}
    assert node.holder(BLUE) == NODE


def test_its_heartbeat_says_degraded_until_it_works() -> None:
    def degraded() -> bool:
        said = lease.decode(node.leases[HEARTBEAT]).holding
        assert said is not None
        return said.degraded

    node = prepared(interfaces=("^eth",))
    node.handle(Links((link(), link("eth1", 3))))
    node.settle(2)
    assert not degraded()
    node.handle(FAILED)
    node.settle(1.5)
    assert degraded()
    node.settle(FIRST_SECONDS)
    assert degraded(), "it was not opened yet"
    node.handle(OPENED)
    node.settle(2)
    assert not degraded()
    assert LEASE in node.leases
