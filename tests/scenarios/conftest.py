"""The node that most histories begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.driver import NODE
from tests.scenarios.history import (
    HERE,
    Node,
    prepared,
)


@pytest.fixture
def node() -> Iterator[Node]:
    """A node that holds the Lease and announces."""
    held = prepared()
    held.settle()
    assert held.answered == HERE
    held.calls.clear()
    yield held
    for contest in held.announcer.contests.values():
        if contest.grants and contest.elector.tenure.valid(held.now):
            assert contest.elector.record is not None
            assert contest.elector.record.holder == NODE
