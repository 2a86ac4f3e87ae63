"""Views believe the newest of what reaches them by different ways, in whatever order it comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from l2announcer.core.model import Key, Node
from l2announcer.core.views import DELETED_LIMIT, View

A, B = Key("", "a"), Key("", "b")


def node(key: Key, version: int, mark: str = "") -> Node:
    return Node(key=key, resource_version=str(version), labels={"mark": mark} if mark else {})


def listed(*nodes: Node, version: int) -> View[Node]:
    view: View[Node] = View()
    view.replace(nodes, str(version))
    return view


def test_nothing_is_known_before_the_first_list() -> None:
    view: View[Node] = View()
    assert not view.listed
    assert view.see(node(A, 1))
    assert not view.listed
    assert view.replace([], "5") == {A}
    assert view.listed
    assert len(view) == 0


def test_an_older_or_equal_event_changes_nothing() -> None:
    view = listed(node(A, 5, "new"), version=5)
    assert not view.see(node(A, 4, "old"))
    assert not view.see(node(A, 5, "same version"))
    assert view.get(A) == node(A, 5, "new")
    assert view.see(node(A, 6, "newer"))
    assert view.get(A) == node(A, 6, "newer")


def test_an_older_list_does_not_undo_what_is_newer() -> None:
    view = listed(node(A, 5), version=5)
    assert view.see(node(A, 9, "ours"))
    assert view.replace([node(A, 5)], "7") == set()
    assert view.get(A) == node(A, 9, "ours")


def test_an_older_list_does_not_remove_what_was_created_since() -> None:
    view = listed(version=5)
    assert view.see(node(B, 9))
    assert view.replace([node(A, 6)], "7") == {A}
    assert set(view) == {A, B}


def test_a_list_removes_what_it_does_not_name() -> None:
    view = listed(node(A, 3), node(B, 4), version=5)
    assert view.replace([node(A, 3)], "7") == {B}
    assert set(view) == {A}
    assert list(view.values()) == [node(A, 3)]


def test_a_list_names_what_it_changed_and_nothing_else() -> None:
    view = listed(node(A, 3), node(B, 4), version=5)
    assert view.replace([node(A, 3), node(B, 6, "changed")], "7") == {B}
    assert view.replace([node(A, 3), node(B, 6, "changed")], "8") == set()


def test_a_restored_store_is_believed_though_its_versions_went_back() -> None:
    view = listed(node(A, 500), node(B, 400, "before"), version=500)
    # The restored store has gone on past the old versions of its list.
    assert view.replace([node(B, 100, "restored")], "600") == {A, B}
    assert view.get(B) == node(B, 100, "restored")
    assert view.get(A) is None


def test_nothing_newer_than_a_restored_store_stays() -> None:
    view = listed(node(A, 500), node(B, 80), version=500)
    assert view.replace([node(B, 80)], "100", restored=True) == {A}
    assert set(view) == {B}
    assert view.see(node(A, 101, "made again"))


def test_an_old_deletion_does_not_remove_what_was_created_again() -> None:
    view = listed(node(A, 9), version=9)
    assert not view.forget(A, "7")
    assert view.get(A) is not None
    assert view.forget(A, "10")
    assert view.get(A) is None
    assert not view.forget(A, "11")


def test_a_deletion_without_a_version_is_believed() -> None:
    view = listed(node(A, 9), version=9)
    assert view.forget(A, "")


def test_a_late_answer_does_not_bring_back_what_was_deleted() -> None:
    view = listed(node(A, 5), version=5)
    assert view.forget(A, "7")
    assert not view.see(node(A, 6, "read before the deletion"))
    assert view.get(A) is None
    assert view.see(node(A, 8, "created again"))
    assert view.see(node(A, 9))


def test_a_late_answer_does_not_bring_back_what_a_list_no_longer_names() -> None:
    view = listed(node(A, 5), version=5)
    view.replace([], "7")
    assert not view.see(node(A, 6))
    assert view.see(node(A, 8))


def test_a_deletion_before_a_restored_store_is_forgotten_with_the_list() -> None:
    view = listed(node(A, 500), version=500)
    view.forget(A, "501")
    view.replace([], "100")
    assert view.see(node(A, 101))


def test_only_so_many_deletions_are_remembered() -> None:
    view = listed(*(node(Key("", str(n)), 1) for n in range(DELETED_LIMIT + 1)), version=1)
    for number in range(DELETED_LIMIT + 1):
        view.forget(Key("", str(number)), "5")
    assert view.see(node(Key("", "0"), 2))
    assert not view.see(node(Key("", "1"), 2))


@given(st.permutations(range(1, 7)))
def test_events_in_any_order_lead_to_the_newest(order: list[int]) -> None:
    view = listed(version=0)
    for version in order:
        view.see(node(A, version, f"v{version}"))
    assert view.get(A) == node(A, 6, "v6")
