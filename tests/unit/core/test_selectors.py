"""Selectors and interface patterns: what they match, and what they refuse with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2announcer.core.model import Key, Labels, LabelSelector, Requirement, Service
from l2announcer.core.selectors import (
    InterfacePatterns,
    Matcher,
    Problem,
    compile_patterns,
    compile_selector,
    service_labels,
)

KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["", "1", "2"])


def matcher(selector: LabelSelector | None) -> Matcher:
    result = compile_selector(selector, "serviceSelector")
    assert isinstance(result, Matcher), result
    return result


def selector_problem(selector: LabelSelector) -> str:
    result = compile_selector(selector, "serviceSelector")
    assert isinstance(result, Problem)
    return str(result)


def one(operator: str, *values: str, key: str = "a") -> LabelSelector:
    return LabelSelector(
        match_expressions=(Requirement(key=key, operator=operator, values=values),)
    )


def patterns(*sources: str) -> InterfacePatterns:
    result = compile_patterns(sources, "interfaces")
    assert isinstance(result, InterfacePatterns), result
    return result


def holds(requirement: Requirement, labels: Labels) -> bool:
    """The rule as the documentation of label selectors words it."""
    key, values = requirement.key, requirement.values
    return {
        "In": key in labels and labels[key] in values,
        "NotIn": key not in labels or labels[key] not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[requirement.operator]


SETS = st.builds(
    Requirement,
    key=KEYS,
    operator=st.sampled_from(["In", "NotIn"]),
    values=st.lists(VALUES, min_size=1).map(tuple),
)
PRESENCE = st.builds(Requirement, key=KEYS, operator=st.sampled_from(["Exists", "DoesNotExist"]))


@given(
    equal=st.dictionaries(KEYS, VALUES),
    expressions=st.lists(SETS | PRESENCE, max_size=4),
    labels=st.dictionaries(KEYS, VALUES),
)
def test_agrees_with_the_plain_reading(
    equal: dict[str, str], expressions: list[Requirement], labels: dict[str, str]
) -> None:
    selector = LabelSelector(
        match_labels=tuple(equal.items()), match_expressions=tuple(expressions)
    )
    expected = all(labels.get(k) == v for k, v in equal.items()) and all(
        holds(requirement, labels) for requirement in expressions
    )
    assert matcher(selector).matches(labels) is expected


@pytest.mark.parametrize("selector", [None, LabelSelector()])
def test_nothing_selects_everything(selector: LabelSelector | None) -> None:
    assert matcher(selector).matches({})
    assert matcher(selector).matches({"a": "1"})


def test_a_service_cannot_pretend_to_another_name_or_namespace() -> None:
    service = Service(
        key=Key("blue", "web"),
        labels={
            "app": "x",
            "io.kubernetes.service.namespace": "red",
            "io.kubernetes.service.name": "other",
        },
    )
    assert service_labels(service) == {
        "app": "x",
        "io.kubernetes.service.namespace": "blue",
        "io.kubernetes.service.name": "web",
    }


@pytest.mark.parametrize("key", ["a", "A.b_c-1", "example.com/name", "a" * 63, "a.b/" + "c" * 63])
def test_good_keys(key: str) -> None:
    assert matcher(one("Exists", key=key)).matches({key: ""})


@pytest.mark.parametrize(
    "key",
    [
        "",
        "-a",
        "a-",
        "a b",
        "ä",
        "a\n",
        "a" * 64,
        "/a",
        "a/",
        "a/b/c",
        "UPPER/a",
        "a..b/c",
        "a" * 254 + "/b",
    ],
)
def test_bad_keys_are_named(key: str) -> None:
    problem = selector_problem(one("Exists", key=key))
    assert problem.startswith("spec.serviceSelector.matchExpressions[0]: ")
    assert repr(key) in problem
    assert str(compile_selector(LabelSelector(match_labels=((key, "x"),)), "nodeSelector")) == (
        problem.replace("serviceSelector.matchExpressions[0]", "nodeSelector.matchLabels")
    )


@pytest.mark.parametrize("value", ["-a", "a.", "a b", "ä", "x\n", "v" * 64, "a/b"])
def test_bad_values_are_named(value: str) -> None:
    for selector in (
        LabelSelector(match_labels=(("good", value),)),
        one("In", "ok", value, key="good"),
        one("NotIn", value, key="good"),
    ):
        problem = selector_problem(selector)
        assert repr(value) in problem
        assert "good" in problem


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        (one("In"), "operator In needs at least one entry in values"),
        (one("NotIn"), "operator NotIn needs at least one entry in values"),
        (one("Exists", "x"), "operator Exists takes no values"),
        (one("DoesNotExist", "x"), "operator DoesNotExist takes no values"),
        (one("Gt", "1"), "operator 'Gt' does not exist; use one of In, NotIn, Exists,"),
        (one("in", "1"), "operator 'in' does not exist"),
    ],
)
def test_operator_rules(selector: LabelSelector, words: str) -> None:
    assert words in selector_problem(selector)


def test_the_second_expression_is_named_by_its_place() -> None:
    selector = LabelSelector(
        match_expressions=(
            Requirement(key="a", operator="Exists"),
            Requirement(key="b", operator="In"),
        )
    )
    assert selector_problem(selector).startswith("spec.serviceSelector.matchExpressions[1]: ")


def test_no_pattern_is_every_interface() -> None:
    assert patterns().matches("eth0")


@pytest.mark.parametrize(
    ("sources", "name", "expected"),
    [
        (["eth0"], "veth01", True),
        (["^eth0$"], "veth01", False),
        (["^eth0$"], "eth0", True),
        (["^wl", "^en"], "enp3s0", True),
        (["^wl", "^en"], "eth0", False),
        (["^(?i)ETH[[:digit:]]+$"], "eth12", True),
        ([r"^\Qa.b\E\z"], "a.b", True),
        ([r"^\Qa.b\E\z"], "axb", False),
        ([""], "anything", True),
    ],
)
def test_patterns(sources: list[str], name: str, expected: bool) -> None:
    assert patterns(*sources).matches(name) is expected


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("[", "missing ]"),
        ("eth(?=0)", "(?="),
        (r"(a)\1", r"\1"),
        ("a{1001}", "repetition"),
        ("*", "repetition"),
    ],
)
def test_a_bad_pattern_is_named_and_quiet(
    source: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    problem = compile_patterns(["good", source], "interfaces")
    assert isinstance(problem, Problem)
    assert str(problem).startswith(f"spec.interfaces[1]: {source!r} is not a regular expression")
    assert why in problem.message
    assert capfd.readouterr().err == ""


def test_equal_patterns_are_equal() -> None:
    assert patterns("a") == patterns("a")
    assert patterns("a") != patterns("b")
