"""Policies: all that is wrong with one is told by condition, and its last good version counts."""

from __future__ import annotations

from typing import Any

import pytest

from l2announcer.core.model import Key, LabelSelector, Policy, Requirement
from l2announcer.core.policy import (
    BAD_INTERFACE_REGEX,
    BAD_NODE_SELECTOR,
    BAD_SERVICE_SELECTOR,
    CONDITION_TYPES,
    CompiledPolicy,
    PolicyBook,
    compile_policy,
)

BAD = LabelSelector(match_expressions=(Requirement(key="zone", operator="in"),))
P, Q = Key("", "p"), Key("", "q")


def policy(key: Key = P, version: int = 1, **fields: Any) -> Policy:
    return Policy(key=key, resource_version=str(version), **fields)


def in_force(book: PolicyBook) -> list[tuple[str, tuple[str, ...]]]:
    return [(compiled.name, compiled.policy.interfaces) for compiled in book.in_force]


def test_a_good_one_can_be_asked() -> None:
    zone = LabelSelector(match_labels=(("zone", "a"),))
    compiled = compile_policy(policy(node_selector=zone, interfaces=("^eth",)))
    assert isinstance(compiled, CompiledPolicy)
    assert compiled.name == "p"
    assert compiled.nodes.matches({"zone": "a"})
    assert not compiled.nodes.matches({"zone": "b"})
    assert compiled.services.matches({})
    assert compiled.interfaces.matches("eth0")
    assert not compiled.interfaces.matches("bond0")


@pytest.mark.parametrize(
    ("fields", "type_", "where"),
    [
        ({"node_selector": BAD}, BAD_NODE_SELECTOR, "spec.nodeSelector.matchExpressions[0]: "),
        (
            {"service_selector": BAD},
            BAD_SERVICE_SELECTOR,
            "spec.serviceSelector.matchExpressions[0]: ",
        ),
        ({"interfaces": ("eth0", "(")}, BAD_INTERFACE_REGEX, "spec.interfaces[1]: '(' is not a "),
    ],
)
def test_each_problem_has_its_condition_and_its_place(
    fields: dict[str, Any], type_: str, where: str
) -> None:
    problems = compile_policy(policy(**fields))
    assert isinstance(problems, dict)
    assert problems.keys() == {type_}
    assert str(problems[type_]).startswith(where)


def test_all_problems_are_told_at_once() -> None:
    problems = compile_policy(policy(node_selector=BAD, service_selector=BAD, interfaces=("[",)))
    assert isinstance(problems, dict)
    assert problems.keys() == CONDITION_TYPES


def test_in_the_order_of_their_names() -> None:
    book = PolicyBook()
    book.replace([policy(Q), policy(P)], "1")
    assert in_force(book) == [("p", ()), ("q", ())]


def test_a_bad_edit_leaves_the_last_good_version_in_force_until_it_is_mended() -> None:
    book = PolicyBook()
    assert book.see(policy(version=1, interfaces=("eth0",)))
    assert book.see(policy(version=2, interfaces=("(",)))
    assert in_force(book) == [("p", ("eth0",))]
    assert book.problems[P].keys() == {BAD_INTERFACE_REGEX}
    assert book.see(policy(version=3, interfaces=("eth1",)))
    assert in_force(book) == [("p", ("eth1",))]
    assert book.problems == {}


def test_the_same_also_by_a_list() -> None:
    book = PolicyBook()
    book.replace([policy(version=1, interfaces=("eth0",))], "1")
    book.replace([policy(version=2, interfaces=("(",))], "2")
    assert in_force(book) == [("p", ("eth0",))]
    assert book.problems[P].keys() == {BAD_INTERFACE_REGEX}


def test_one_that_was_never_good_is_not_in_force_and_harms_only_itself() -> None:
    book = PolicyBook()
    book.replace([policy(P, interfaces=("(",)), policy(Q)], "1")
    assert in_force(book) == [("q", ())]


def test_an_old_view_changes_nothing() -> None:
    book = PolicyBook()
    book.see(policy(version=2, interfaces=("eth0",)))
    assert not book.see(policy(version=1, interfaces=("(",)))
    assert in_force(book) == [("p", ("eth0",))]
    assert book.problems == {}


def test_a_deleted_one_is_forgotten_with_its_problems_and_its_good_version() -> None:
    book = PolicyBook()
    book.see(policy(version=1, interfaces=("eth0",)))
    book.see(policy(version=2, interfaces=("(",)))
    assert not book.forget(P, "1")
    assert book.forget(P, "3")
    assert in_force(book) == []
    assert book.problems == {}
    book.see(policy(version=4, interfaces=("(",)))
    assert in_force(book) == []


def test_a_list_without_it_deletes_it() -> None:
    book = PolicyBook()
    book.replace([policy()], "1")
    book.replace([], "2")
    assert in_force(book) == []
