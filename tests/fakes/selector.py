"""Label and field selectors in the text form of a request's query, as compiled predicates.

Grammar: the API conventions of Kubernetes ("Labels and Selectors", "Field Selectors").
"""

import re
from collections.abc import Callable, Collection
from typing import Any

Predicate = Callable[[dict[str, Any]], bool]

_SET = re.compile(r"^\s*(\S+)\s+(in|notin)\s*\(([^()]*)\)\s*$")
_PAIR = re.compile(r"^\s*([^\s=!]+)\s*(==|=|!=)\s*(\S*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s=!(),]+)\s*$")
_COMMA_OUTSIDE = re.compile(r",(?![^(]*\))")
_KEY = re.compile(r"^([a-z0-9A-Z.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")
_VALUE = re.compile(r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$")


class SelectorError(ValueError):
    """The text is no selector; the sentence says why."""


def label_selector(text: str) -> Predicate | None:
    """Compile a labelSelector; None where it selects everything."""
    if not text.strip():
        return None
    tests = [_requirement(part) for part in _COMMA_OUTSIDE.split(text)]
    if len(tests) == 1:
        return tests[0]
    return lambda obj: all(test(obj) for test in tests)


def field_selector(text: str, known: Collection[str]) -> Predicate | None:
    """Compile a fieldSelector over the `known` paths; None where it selects everything."""
    if not text.strip():
        return None
    tests = [_field(part, known) for part in text.split(",")]
    return lambda obj: all(test(obj) for test in tests)


def both(first: Predicate | None, second: Predicate | None) -> Predicate | None:
    if first is None or second is None:
        return first or second
    return lambda obj: first(obj) and second(obj)


def _labels(obj: dict[str, Any]) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def _requirement(text: str) -> Predicate:
    if match := _SET.match(text):
        key, operator, listed = match.groups()
        values = frozenset(value.strip() for value in listed.split(","))
        _check(key, *values)
        if operator == "in":
            return lambda obj: _labels(obj).get(key) in values
        return lambda obj: _labels(obj).get(key) not in values
    if match := _PAIR.match(text):
        key, operator, value = match.groups()
        _check(key, value)
        if operator == "!=":
            return lambda obj: _labels(obj).get(key) != value
        return lambda obj: _labels(obj).get(key) == value
    if match := _EXISTS.match(text):
        absent, key = match.groups()
        _check(key)
        return lambda obj: (key in _labels(obj)) != bool(absent)
    raise SelectorError(f"unable to parse requirement: {text.strip()!r} is no requirement")


def _check(key: str, *values: str) -> None:
    if not _KEY.match(key):
        raise SelectorError(f"unable to parse requirement: invalid label key {key!r}")
    for value in values:
        if not _VALUE.match(value):
            raise SelectorError(f"unable to parse requirement: invalid label value {value!r}")


def _field(text: str, known: Collection[str]) -> Predicate:
    match = _PAIR.match(text)
    if not match:
        raise SelectorError(f"invalid selector: {text!r}; can't understand {text!r}")
    path, operator, value = match.groups()
    if path not in known:
        raise SelectorError(f"field label not supported: {path}")
    keys = path.split(".")
    wanted = operator != "!="
    return lambda obj: (_text_at(obj, keys) == value) == wanted


def _text_at(obj: dict[str, Any], keys: list[str]) -> str:
    here: Any = obj
    for key in keys:
        here = here.get(key) if isinstance(here, dict) else None
    match here:
        case None:
            return ""
        case bool():
            return "true" if here else "false"
        case _:
            return str(here)
