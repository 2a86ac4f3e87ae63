"""Conditions: others' stay as they are, ours move their time only when their status changes."""

from __future__ import annotations

from dataclasses import replace

from l2announcer.core.conditions import as_json, merged
from l2announcer.core.model import Condition

WALL = 1_764_000_000.7
NOW = "2025-11-24T16:00:00Z"
BEFORE = "2020-01-01T00:00:00Z"
OTHERS = Condition(type="Other", status="True", reason="r", last_transition_time=BEFORE)
OURS = Condition(type="Ours", status="True", reason="error", message="bad")


def test_a_new_one_begins_now_in_whole_seconds() -> None:
    assert merged((), [OURS], WALL) == (replace(OURS, last_transition_time=NOW),)


def test_others_are_kept_in_their_place() -> None:
    assert merged((OTHERS,), [OURS], WALL) == (OTHERS, replace(OURS, last_transition_time=NOW))


def test_nothing_new_is_equal_to_what_stands() -> None:
    standing = (OTHERS, replace(OURS, last_transition_time=BEFORE))
    assert merged(standing, [OURS], WALL) == standing


def test_another_message_keeps_the_time_and_another_status_does_not() -> None:
    standing = (replace(OURS, last_transition_time=BEFORE),)
    said = replace(OURS, message="worse", observed_generation=2)
    assert merged(standing, [said], WALL) == (replace(said, last_transition_time=BEFORE),)
    mended = replace(OURS, status="False", message="")
    assert merged(standing, [mended], WALL) == (replace(mended, last_transition_time=NOW),)


def test_nothing_wanted_changes_nothing() -> None:
    assert merged((OTHERS,), [], WALL) == (OTHERS,)


def test_as_the_api_takes_them() -> None:
    assert as_json([replace(OURS, last_transition_time=NOW, observed_generation=3)]) == [
        {
            "type": "Ours",
            "status": "True",
            "observedGeneration": 3,
            "lastTransitionTime": NOW,
            "reason": "error",
            "message": "bad",
        }
    ]
