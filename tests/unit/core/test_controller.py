"""The controller acts in its tenure and after its read only; conditions are written on change."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from l2announcer.core.controller import (
    SERVICES_RETRY_SECONDS,
)
from l2announcer.core.effects import Effects, StatusWrite
from l2announcer.core.facts import (
    Refusal,
    StatusRefused,
)
from l2announcer.core.model import (
    Condition,
    Kind,
)
from l2announcer.core.policy import BAD_INTERFACE_REGEX, BAD_NODE_SELECTOR
from l2announcer.core.status_writes import RETRY_SECONDS
from tests.unit.core.controller_world import (
    BAD,
    NOW,
    OTHERS,
    TIME,
    P,
    World,
    bad,
    conditions,
    told,
)

# When it acts


def test_nothing_without_the_tenure() -> None:
    world = World(BAD)
    world.elector.tenure.void()
    owed, out = world.poll()
    assert not owed
    assert out == Effects()


def test_first_a_read_asked_for_once_and_then_it_acts() -> None:
    world = World(BAD)
    assert world.poll() == (True, Effects())
    assert world.poll() == (False, Effects())
    world.controller.services_read(answered=True)
    assert len(world.writes()) == 1


def test_a_read_without_an_answer_is_asked_for_again_after_a_while() -> None:
    world = World(BAD)
    world.poll()
    world.controller.services_read(answered=False)
    world.controller.services_read(answered=True)  # somebody else's
    later = NOW + SERVICES_RETRY_SECONDS
    assert world.poll(NOW + 0.1) == (False, Effects(wake_at=later))
    assert world.poll(later) == (True, Effects())
    world.controller.services_read(answered=True)
    assert len(world.writes()) == 1


def test_a_read_that_nobody_asked_for_in_this_tenure_does_not_count() -> None:
    world = World(BAD)
    world.controller.services_read(answered=True)
    assert world.poll() == (True, Effects())


def test_every_tenure_begins_with_a_read_of_its_own() -> None:
    world = World(BAD)
    world.begin()
    world.elector.tenure.void()
    world.poll()
    world.elector.tenure.until = inf
    assert world.poll() == (True, Effects())


# Conditions


def test_a_problem_becomes_a_condition_and_an_event() -> None:
    world = World(bad(OTHERS))
    world.begin()
    _, out = world.poll()
    (write,) = out.calls
    assert isinstance(write, StatusWrite)
    assert (write.kind, write.key) == (Kind.POLICY, P)
    assert write.patch["metadata"] == {"resourceVersion": "5"}
    others, ours = conditions(write)
    assert others["type"] == "Other"
    message = ours.pop("message")
    assert message.startswith("spec.interfaces[0]: '(' is not a regular expression")
    assert ours == {
        "type": BAD_INTERFACE_REGEX,
        "status": "True",
        "observedGeneration": 3,
        "lastTransitionTime": TIME,
        "reason": "error",
    }
    (event,) = out.events
    assert (event.key, event.uid, event.reason, event.warning) == (P, "u-1", "BadPolicy", True)
    assert event.message == (
        f"{message}; nodes that know a good version of the policy keep to that, others leave it out"
    )


def test_a_good_policy_is_left_alone() -> None:
    world = World(replace(BAD, interfaces=(), conditions=(OTHERS,)))
    world.begin()
    assert world.writes() == []


def test_no_second_write_while_one_is_under_way_nor_after_it_stands() -> None:
    world = World(BAD)
    world.begin()
    assert len(world.writes()) == 1
    assert world.writes(NOW + 100) == []
    world.accept(told())
    assert world.writes(NOW + 200) == []


def test_a_refused_write_is_tried_again_later() -> None:
    world = World(BAD)
    world.begin()
    world.writes()
    world.controller.refused(StatusRefused(Kind.POLICY, P, Refusal.UNAVAILABLE), NOW)
    _, out = world.poll()
    assert out.calls == []
    assert out.wake_at == NOW + RETRY_SECONDS
    assert len(world.writes(NOW + RETRY_SECONDS)) == 1


def test_another_problem_is_written_again_on_the_newer_version() -> None:
    world = World(BAD)
    world.begin()
    world.writes()
    world.accept(told())
    world.see(replace(told(version=7), generation=4, interfaces=("[",)))
    (write,) = world.writes()
    assert write.patch["metadata"] == {"resourceVersion": "7"}
    (ours,) = conditions(write)
    assert ours["observedGeneration"] == 4
    assert "'['" in ours["message"]


def test_a_mended_one_turns_to_false_and_says_no_more() -> None:
    world = World(told())
    world.see(replace(told(version=7), interfaces=("eth0",), generation=4))
    world.begin()
    _, out = world.poll()
    (write,) = out.calls
    assert isinstance(write, StatusWrite)
    (ours,) = conditions(write)
    assert ours == {
        "type": BAD_INTERFACE_REGEX,
        "status": "False",
        "observedGeneration": 4,
        "lastTransitionTime": TIME,
        "reason": "error",
        "message": "",
    }
    assert out.events == []


def test_a_mended_one_is_written_once_whatever_its_later_generations() -> None:
    mended = Condition(
        type=BAD_NODE_SELECTOR,
        status="False",
        reason="error",
        observed_generation=4,
        last_transition_time=TIME,
    )
    good = replace(BAD, interfaces=(), generation=9, conditions=(mended, OTHERS))
    world = World(good)
    world.begin()
    assert world.writes() == []
