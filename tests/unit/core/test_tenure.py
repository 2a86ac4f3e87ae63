"""A tenure is a deadline: valid before it, not at it, and never after it was voided."""

from __future__ import annotations

from l2announcer.core.tenure import Tenure


def test_a_fresh_one_is_no_right_to_anything() -> None:
    assert not Tenure().valid(-1e300)


def test_it_ends_at_its_deadline() -> None:
    tenure = Tenure(100.0)
    assert tenure.valid(99.999)
    assert not tenure.valid(100.0)


def test_a_void_one_is_over_and_can_be_moved_again() -> None:
    tenure = Tenure(100.0)
    tenure.void()
    assert not tenure.valid(0.0)
    tenure.until = 200.0
    assert tenure.valid(100.0)
