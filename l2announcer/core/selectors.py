"""Label selectors and interface patterns: checked and compiled once, matched many times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

import re2
from l2announcer.core.model import Labels, LabelSelector, Requirement, Service

# Only we may write these two into the set that a selector sees, so a user cannot pretend to
# another Service's name or namespace by a label.
NAME_LABEL = "io.kubernetes.service.name"
NAMESPACE_LABEL = "io.kubernetes.service.namespace"

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_DNS_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_SUBDOMAIN = re.compile(rf"{_DNS_LABEL}(\.{_DNS_LABEL})*")
_NAME_MAX = 63
_PREFIX_MAX = 253


class Operator(Enum):
    """The operators of a matchExpressions entry."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an object: the field below spec, and a sentence that says what to do."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"spec.{self.field}: {self.message}"


@dataclass(frozen=True, slots=True)
class _Test:
    """One requirement, ready to be asked. `absent_ok`: the answer when the key is missing."""

    key: str
    values: frozenset[str] | None
    within: bool
    absent_ok: bool


@dataclass(frozen=True, slots=True)
class Matcher:
    """A label selector that has been checked; all of its requirements must hold."""

    equal: tuple[tuple[str, str], ...] = ()
    tests: tuple[_Test, ...] = ()

    def matches(self, labels: Labels) -> bool:
        for key, wanted in self.equal:
            if labels.get(key) != wanted:
                return False
        for test in self.tests:
            value = labels.get(test.key)
            if value is None:
                if not test.absent_ok:
                    return False
            elif test.values is None:
                if not test.within:
                    return False
            elif (value in test.values) is not test.within:
                return False
        return True


@dataclass(frozen=True, slots=True)
class InterfacePatterns:
    """Interface patterns that have been checked; no pattern at all means every interface."""

    sources: tuple[str, ...] = ()
    compiled: tuple[re2.Regexp, ...] = field(default=(), compare=False, repr=False)

    def matches(self, interface: str) -> bool:
        return not self.compiled or any(p.search(interface) for p in self.compiled)


def service_labels(service: Service) -> Labels:
    """The labels that a service selector sees: the Service's own, and its name and namespace."""
    return {
        **service.labels,
        NAME_LABEL: service.key.name,
        NAMESPACE_LABEL: service.key.namespace,
    }


def compile_selector(selector: LabelSelector | None, where: str) -> Matcher | Problem:
    """Check and compile; None and an empty selector match everything.

    `where` is the selector's field name below spec. The rules are those of the API server for
    label selectors (apimachinery's validation of metav1.LabelSelector).
    """
    if selector is None:
        return Matcher()
    for key, value in selector.match_labels:
        place = f"{where}.matchLabels"
        for sentence in (*_key_faults(key), *_value_faults(key, value)):
            return Problem(place, sentence)
    tests = []
    for number, requirement in enumerate(selector.match_expressions):
        place = f"{where}.matchExpressions[{number}]"
        for sentence in _requirement_faults(requirement):
            return Problem(place, sentence)
        tests.append(_test(requirement))
    return Matcher(tuple(selector.match_labels), tuple(tests))


def compile_patterns(patterns: Iterable[str], where: str) -> InterfacePatterns | Problem:
    """Check and compile RE2 patterns: searched anywhere in a name, any one of them is enough.

    `where` is the list's field name below spec. RE2 is Go's syntax and takes linear time, so a
    pattern from a stranger's manifest can neither differ from Cilium's nor stall the daemon.
    """
    options = re2.Options()
    options.log_errors = False
    sources = tuple(patterns)
    compiled = []
    for number, source in enumerate(sources):
        try:
            compiled.append(re2.compile(source, options))
        except re2.error as why:
            reason = why.args[0].decode(errors="replace")
            return Problem(
                f"{where}[{number}]",
                f"{source!r} is not a regular expression in RE2 syntax ({reason}); correct it,"
                " for example ^eth[0-9]+$ (look-around and back-references do not exist in RE2)",
            )
    return InterfacePatterns(sources, tuple(compiled))


def _test(requirement: Requirement) -> _Test:
    values = frozenset(requirement.values)
    match Operator(requirement.operator):
        case Operator.IN:
            return _Test(requirement.key, values, within=True, absent_ok=False)
        case Operator.NOT_IN:
            return _Test(requirement.key, values, within=False, absent_ok=True)
        case Operator.EXISTS:
            return _Test(requirement.key, None, within=True, absent_ok=False)
        case Operator.DOES_NOT_EXIST:
            return _Test(requirement.key, None, within=False, absent_ok=True)


def _requirement_faults(requirement: Requirement) -> Iterator[str]:
    yield from _key_faults(requirement.key)
    names = [operator.value for operator in Operator]
    if requirement.operator not in names:
        yield f"operator {requirement.operator!r} does not exist; use one of {', '.join(names)}"
        return
    operator = Operator(requirement.operator)
    if operator in {Operator.IN, Operator.NOT_IN} and not requirement.values:
        yield f"operator {operator.value} needs at least one entry in values; add one"
    if operator in {Operator.EXISTS, Operator.DOES_NOT_EXIST} and requirement.values:
        yield f"operator {operator.value} takes no values; remove them, or use In or NotIn"
    for value in requirement.values:
        yield from _value_faults(requirement.key, value)


def _key_faults(key: str) -> Iterator[str]:
    prefix, slash, name = key.rpartition("/")
    if slash and not (len(prefix) <= _PREFIX_MAX and _DNS_SUBDOMAIN.fullmatch(prefix)):
        yield (
            f"label key {key!r} has a bad prefix; what stands before the slash must be a DNS name"
            f" in lower case of at most {_PREFIX_MAX} characters, such as example.com"
        )
    elif not (len(name) <= _NAME_MAX and _NAME.fullmatch(name)):
        yield (
            f"{key!r} is not a label key; use at most {_NAME_MAX} letters, digits, '-', '_' and"
            " '.', with a letter or digit at both ends"
        )


def _value_faults(key: str, value: str) -> Iterator[str]:
    if value and not (len(value) <= _NAME_MAX and _NAME.fullmatch(value)):
        yield (
            f"{value!r} is not a label value (of key {key}); leave it empty or use at most"
            f" {_NAME_MAX} letters, digits, '-', '_' and '.', with a letter or digit at both ends"
        )
