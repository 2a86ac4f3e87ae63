"""Some of the damaged frames of tests.bench.fuzz: none raises, and all depths are reached."""

from __future__ import annotations

from l2announcer.core.outcome import Outcome
from tests.bench.fuzz import fuzzed

FRAMES = 10_000


def test_damaged_frames_are_refused_or_answered_and_never_raise() -> None:
    outcomes = fuzzed(seed=2, count=FRAMES)

    reached = {outcome.value for outcome in Outcome} - {Outcome.NO_TENURE.value, Outcome.OWN.value}
    assert reached | {"answered", "claimed"} <= outcomes.keys()
