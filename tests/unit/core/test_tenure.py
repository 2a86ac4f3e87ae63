"""A tenure is a deadline: valid before it, not at it, and never after it was voided."""

from __future__ import annotations

from l2announcer.core.tenure import Joint, Tenure


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


def test_a_joint_one_lasts_while_all_of_its_parts_do() -> None:
    one, two = Tenure(100.0), Tenure(50.0)
    joint = Joint((one, two))
    assert joint.valid(49.0)
    assert joint.announces(49.0)
    assert not joint.valid(50.0)
    two.hold_over(60.0)
    assert joint.holding_over
    assert joint.valid(50.0)
    assert not joint.announces(50.0)
    two.give_way()
    assert not joint.valid(50.0)
    assert one.valid(50.0)
    assert joint == Joint((one, two))
    assert Tenure(1.0).parts != Tenure(1.0).parts, "each is itself alone"
