"""What flags, environment and file say, as text with its origin; nothing is understood yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

import yaml

from l2announcer.settings.options import OPTIONS

CONFIG_VARIABLE = "L2ANNOUNCER_CONFIG"

_BY_KEY = {option.key: option for option in OPTIONS}
_SECTIONS = {key.rpartition(".")[0] for key in _BY_KEY} - {""}
_VARIABLES = {CONFIG_VARIABLE} | {option.variable for option in OPTIONS}
# Kubernetes puts these into every container for a Service that is called l2announcer.
_SERVICE_LINK = re.compile(r"L2ANNOUNCER_(?:.*_)?(?:SERVICE_HOST|SERVICE_PORT.*|PORT(?:_.*)?)")
_NULL = "tag:yaml.org,2002:null"


class File(NamedTuple):
    """A settings file that was read: its name for messages, and what it says."""

    name: str
    text: str


class Given(NamedTuple):
    """A setting's value as text, and where it stands."""

    text: str
    origin: str


class Source(NamedTuple):
    """What one source gives, by field of Settings, and what is wrong with it in itself."""

    given: Mapping[str, Given]
    problems: tuple[str, ...]


def from_flags(flags: Mapping[str, str]) -> Source:
    """`flags` are those that were on the command line, by field of Settings."""
    return Source(
        {
            option.name: Given(flags[option.name], option.flag)
            for option in OPTIONS
            if flags.get(option.name)
        },
        (),
    )


def from_environ(environ: Mapping[str, str]) -> Source:
    given = {}
    for option in OPTIONS:
        for variable in option.variables:
            if environ.get(variable):
                given[option.name] = Given(environ[variable], variable)
                break
    problems = []
    for name in sorted(environ):
        if not name.startswith("L2ANNOUNCER_") or name in _VARIABLES or _SERVICE_LINK.match(name):
            continue
        # Somebody else's variable may begin like ours; one that nearly is ours is a slip.
        if near := suggestion(name, _VARIABLES, cutoff=0.85):
            problems.append(f"{name}: there is no such setting{near}")
    return Source(given, tuple(problems))


def from_file(file: File) -> Source:
    try:
        root = yaml.compose(file.text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        return Source({}, (f"{file.name}{line}: this is not YAML: {error.problem}",))
    except yaml.YAMLError as error:
        return Source({}, (f"{file.name}: this is not YAML: {error}",))
    if root is None:
        return Source({}, ())
    if not isinstance(root, yaml.MappingNode):
        return Source({}, (f"{file.name}: expected lines of the form 'leaseDuration: 15s'",))
    given: dict[str, Given] = {}
    problems: list[str] = []
    for entry in _entries(root, "", ""):
        origin = f"{file.name}:{entry.line}: {entry.key}"
        problem = _problem(entry, given)
        if problem:
            problems.append(f"{origin}: {problem}")
        elif isinstance(entry.value, yaml.ScalarNode) and not _is_empty(entry.value):
            given[_BY_KEY[entry.key].name] = Given(entry.value.value, origin)
    return Source(given, tuple(problems))


class _Entry(NamedTuple):
    key: str
    line: int
    value: yaml.Node


def _entries(node: yaml.MappingNode, prefix: str, section: str) -> Iterator[_Entry]:
    """All `key: value` of the file, those of our sections with a dotted key."""
    for key_node, value in node.value:
        key = prefix + (key_node.value if isinstance(key_node, yaml.ScalarNode) else "?")
        if not section and key in _SECTIONS and isinstance(value, yaml.MappingNode):
            yield from _entries(value, f"{key}.", key)
        else:
            yield _Entry(key, key_node.start_mark.line + 1, value)


def _problem(entry: _Entry, given: Mapping[str, Given]) -> str:
    if entry.key in _SECTIONS:
        inside = sorted(key for key in _BY_KEY if key.startswith(f"{entry.key}."))
        return "" if _is_empty(entry.value) else f"expected {' and '.join(inside)} below it"
    option = _BY_KEY.get(entry.key)
    if option is None:
        return f"there is no such setting{suggestion(entry.key, _BY_KEY)}"
    if not isinstance(entry.value, yaml.ScalarNode):
        return f"expected {option.kind.expects}, not a list or a mapping"
    if option.name in given:
        return f"given twice, before as {given[option.name].origin}"
    return ""


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and (node.tag == _NULL or node.value == "")


def suggestion(wrong: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """A question to append to 'there is no such ...', or nothing where no name is near."""
    lower = {name.lower(): name for name in known}
    near = get_close_matches(wrong.lower(), lower, n=1, cutoff=cutoff)
    return f"; did you mean {lower[near[0]]}?" if near else ""
