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


def test_one_that_stands_on_another_lasts_no_longer() -> None:
    beat = Tenure(100.0)
    tenure = Tenure(200.0, under=Tenure(300.0, under=beat))
    assert tenure.valid(99.0)
    assert not tenure.valid(100.0)
    assert tenure.ends_at == 100.0
    beat.void()
    assert not tenure.valid(50.0)
    beat.until = 400.0
    assert tenure.valid(150.0)


def test_it_is_held_over_as_what_it_stands_on_and_gives_way_by_itself() -> None:
    beat = Tenure(10.0)
    one, other = Tenure(200.0, under=beat), Tenure(200.0, under=beat)
    one.give_way()
    assert one.announces(1.0)
    beat.hold_over(20.0)
    assert one.valid(15.0)
    assert one.holding_over
    assert not one.announces(15.0)
    one.give_way()
    assert not one.valid(15.0)
    assert other.valid(15.0)


def test_a_strict_one_does_not_stand_on_what_is_held_over() -> None:
    beat = Tenure(10.0)
    tenure = Tenure(200.0, under=beat)
    tenure.strict = True
    assert tenure.valid(5.0)
    beat.hold_over(20.0)
    assert not tenure.valid(5.0)


def test_a_write_moves_it_to_what_it_stands_on_from_then_on() -> None:
    old, new = Tenure(), Tenure(100.0)
    tenure = Tenure(200.0, under=old)
    tenure.confirm(150.0, new)
    assert tenure.valid(50.0)
    assert tenure.under is new
