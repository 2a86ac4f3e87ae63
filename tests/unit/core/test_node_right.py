"""The right that a heartbeat carries, one for each of its numbers."""

from __future__ import annotations

from math import inf

from l2announcer.core.hold_over import HoldOver
from l2announcer.core.node_right import NodeRight
from l2announcer.core.tenure import Tenure


def test_two_of_one_number_are_not_the_same() -> None:
    one, other = (NodeRight(4, Tenure(inf), HoldOver()) for _ in range(2))
    assert one == one  # noqa: PLR0124 - by identity
    assert one != other
