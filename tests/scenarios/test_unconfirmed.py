"""What is done when nothing shows that what is known of Services is how they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.effects import ReadService, ReadServices
from l2announcer.core.facts import Refusal, Seen, ServiceRead, Unconfirmed
from l2announcer.core.model import Kind
from tests.scenarios.history import (
    BLUE,
    HERE,
    LEASE,
    OTHER_MAC,
    OTHER_VIP,
    VIP,
    Node,
    prepared,
    service,
)


@pytest.fixture
def node() -> Node:
    found = prepared()
    found.settle(1.0)
    assert found.answered == HERE
    return found


def reads(node: Node, since: float) -> int:
    return sum(isinstance(call, ReadService) and at >= since for at, call in node.calls)


def test_it_is_silent_until_the_service_was_read_again(node: Node) -> None:
    began = node.now
    node.handle(Unconfirmed())
    effects = node.poll()
    assert node.answered == set()
    assert ReadService(BLUE) in effects.calls
    node.carry_out(effects)
    node.settle(0.1)
    assert node.answered == HERE
    assert reads(node, began) == 1


def test_what_is_another_s_by_now_is_not_answered_for_again(node: Node) -> None:
    node.hosts[VIP] = OTHER_MAC
    node.handle(Unconfirmed())
    node.settle(1.0)
    assert node.answered == set()


def test_what_changed_unheard_is_found(node: Node) -> None:
    moved = node.stamped(service(address=OTHER_VIP))
    node.handle(Unconfirmed())
    effects = node.poll()
    effects.calls.remove(ReadService(BLUE))
    node.handle(ServiceRead(BLUE, moved))
    node.carry_out(effects)
    node.settle(1.0)
    assert node.answered == {(OTHER_VIP, "eth0")}


def test_while_the_api_server_gives_no_answer_there_is_nobody_to_ask(node: Node) -> None:
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.settle(3.0)
    node.handle(Unconfirmed())
    node.poll()
    assert node.answered == HERE


def test_who_holds_nothing_does_nothing() -> None:
    node = Node()
    node.warm()
    node.handle(Unconfirmed())
    assert not any(isinstance(call, ReadService | ReadServices) for call in node.poll().calls)


def test_an_address_that_a_read_brings_waits_until_all_services_were_read(node: Node) -> None:
    """Another Service may have it too, of which our watch has not told yet."""
    more = replace(service(), external_ips=(VIP, OTHER_VIP), annotations={"a": "b"})
    node.handle(Unconfirmed())
    effects = node.poll()
    effects.calls.remove(ReadService(BLUE))
    node.carry_out(effects)
    node.handle(ServiceRead(BLUE, node.stamped(more)))
    asked = node.poll()
    assert ReadServices() in asked.calls
    assert node.answered == set()
    node.handle(Seen(Kind.SERVICE, node.stamped(service())))
    node.carry_out(asked)
    node.settle(1.0)
    assert node.answered == HERE
