"""Whoever may answer does: soon after a start, and soon after everything has healed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.sim.node import Node
from tests.sim.plan import OF_ADDRESSES, OF_LOCAL, OF_SHARERS, Fault, draw
from tests.sim.timeline import Timeline
from tests.sim.world import World

START_SECONDS = 3.0  # the nodes start within this time
FIRST_ANSWER_SECONDS = 3.0


def quiet(seed: int) -> World:
    """A world of our nodes alone, in which nothing goes wrong."""
    world = World(replace(draw(seed), strangers=0))
    world.calm_network()
    world.chaos.populate()
    return world


def run(world: World, seconds: float) -> None:
    timeline: Timeline = world.timeline
    timeline.run(timeline.now + seconds, halted=lambda: False)
    assert not world.judge.violations


@pytest.mark.parametrize("seed", range(8))
def test_every_address_is_answered_soon_after_the_start(seed: int) -> None:
    world = quiet(seed)
    run(world, START_SECONDS + FIRST_ANSWER_SECONDS)
    assert len(world.judge.services) == world.plan.services
    for address in world.judge.services:
        assert len(world.judge.answering(address)) == 1


def test_another_node_takes_over_at_once_from_one_without_a_link() -> None:
    world = quiet(3)
    run(world, START_SECONDS + FIRST_ANSWER_SECONDS)
    (address, *_) = world.judge.services
    (holder,) = world.judge.answering(address)
    assert isinstance(holder, Node)
    holder.set_link(up=False)
    run(world, 1.0)
    (successor,) = world.judge.answering(address)
    assert successor is not holder


def test_the_faults_of_these_seeds_are_many() -> None:
    """The seeds of test_safety would show little if they drew little."""
    drawn = {fault for seed in range(80) for fault in draw(seed).faults}
    assert drawn == set(Fault) - OF_ADDRESSES - OF_SHARERS - OF_LOCAL
