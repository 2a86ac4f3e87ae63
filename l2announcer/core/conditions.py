"""Conditions of objects: others' are kept as they are, ours change only when they say more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from l2announcer.core.model import Condition


def merged(
    standing: tuple[Condition, ...], wanted: Iterable[Condition], wall: float
) -> tuple[Condition, ...]:
    """`standing` with each of `wanted` put in; equal to `standing` when nothing changes.

    lastTransitionTime is `wall` (Unix seconds) where the status changes, and kept where it doesn't.
    """
    result = {condition.type: condition for condition in standing}
    for condition in wanted:
        known = result.get(condition.type)
        if known is not None and known.status == condition.status:
            since = known.last_transition_time
        else:
            since = datetime.fromtimestamp(int(wall), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        result[condition.type] = replace(condition, last_transition_time=since)
    return tuple(result.values())


def as_json(conditions: Iterable[Condition]) -> list[dict[str, Any]]:
    """metav1.Condition objects as the API takes them."""
    return [
        {
            "type": condition.type,
            "status": condition.status,
            "observedGeneration": condition.observed_generation,
            "lastTransitionTime": condition.last_transition_time,
            "reason": condition.reason,
            "message": condition.message,
        }
        for condition in conditions
    ]
