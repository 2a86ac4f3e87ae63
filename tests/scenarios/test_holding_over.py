"""The API server gives no answer: who goes on answering, until what."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.candidacy import State
from l2announcer.core.effects import Message
from l2announcer.core.facts import Claimed, Links, Refusal
from tests.scenarios.driver import link
from tests.scenarios.history import BLUE, HERE, LEASE, OTHER_MAC, TENURE, VIP, Node, prepared

CLAIM = Claimed(ip_address(VIP), OTHER_MAC, "eth0")


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Node:
    """One that has held over for a while."""
    init = Announcer.__init__

    def segment(self: Announcer, config: Config) -> None:
        init(self, replace(config, terms=replace(config.terms, holds_over=True)))

    monkeypatch.setattr(Announcer, "__init__", segment)
    held = prepared()
    held.settle()
    held.refuse[LEASE] = Refusal.UNAVAILABLE
    for _ in range(10 * int(TENURE + 20)):
        held.settle(0.1)
        assert held.answered == HERE
    held.frames.clear()
    assert held.state(BLUE)[0] is State.HOLDING_OVER
    return held


def give_way(node: Node) -> None:
    node.announcer.contests[LEASE].elector.tenure.give_way()
    node.handle(CLAIM)


def test_a_write_of_the_first_moment_is_known_again_after_a_long_outage(node: Node) -> None:
    del node.refuse[LEASE]
    node.settle(5)
    node.lost.add(LEASE)  # carried out, and not answered
    node.settle(3)
    node.lost.clear()
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    for _ in range(60):
        node.settle(10)
        assert node.answered == HERE
    del node.refuse[LEASE]
    for _ in range(30):
        node.settle(0.1)
        assert node.answered == HERE
    assert node.state(BLUE)[0] is State.ANNOUNCING


def test_it_probes_and_announces_nothing(node: Node) -> None:
    node.settle(10)
    assert {frame.message for frame in node.frames} == {Message.PROBE}
    assert 8 <= len(node.frames) <= 11


def test_an_answer_ends_it_without_a_gap_or_a_storm(node: Node) -> None:
    del node.refuse[LEASE]
    for _ in range(30):
        node.settle(0.1)
        assert node.answered == HERE
    assert node.state(BLUE)[0] is State.ANNOUNCING
    assert node.announced() == []
    assert "HeldOver" in [event.reason for event in node.events]


def test_it_gives_way_and_comes_back_when_nobody_answers(node: Node) -> None:
    give_way(node)
    node.settle(0.1)
    assert node.answered == set()
    assert node.state(BLUE)[0] is State.RETURNING
    node.hosts[VIP] = OTHER_MAC
    node.settle(60)
    assert node.answered == set()
    node.hosts.clear()
    node.settle(120)
    assert node.answered == HERE
    assert node.announced() == []


def test_a_missed_step_is_silence_until_it_comes_back(node: Node) -> None:
    node.now += 2
    node.poll()
    assert node.answered == set()
    node.settle(10)
    assert node.answered == HERE


def test_a_lost_carrier_is_silence_until_it_comes_back(node: Node) -> None:
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.handle(Links((link(carrier=False),)), Links((link(),)))
    node.settle(0.1)
    assert node.answered == set()
    node.settle(10)
    assert node.answered == HERE


def test_another_holder_ends_it(node: Node) -> None:
    node.show(node.held_by_other())
    node.settle(10)
    assert node.answered == set()
