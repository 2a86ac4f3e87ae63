"""The documents against the code: links, metrics, settings, flags, states and condition reasons.

A name that a document gives must exist, and what an operator may meet must be in a document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from l2announcer import __version__
from l2announcer.core import candidacy, policy
from l2announcer.core.ipam import allocation, pools, status
from l2announcer.core.model import Block, Key, LabelSelector, Pool, Requirement
from l2announcer.core.outcome import Outcome
from l2announcer.metrics import Metrics
from l2announcer.settings import CONFIG_VARIABLE, OPTIONS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
IPAM = ROOT / "docs" / "ipam.md"
TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"
DOCUMENTS = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
METRIC = re.compile(r"\bl2announcer_[a-z_]+[a-z]\b")
VARIABLE = re.compile(r"\bL2ANNOUNCER_[A-Z_]+\b")
FLAG = re.compile(r"(?<=`)--[a-z][a-z-]+")
CODE = re.compile(r"`([^`\n]+)`")
# suffixes that a series of a histogram may have beside the metric's own name
SERIES = re.compile(r"_(bucket|count|sum)$")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(path: Path) -> str:
    """The text without the blocks of commands and output."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """What a heading may be linked by, as GitHub derives it."""
    found = HEADING.findall(prose(path))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in found}


def section(path: Path, title: str) -> str:
    """The text below one heading, up to the next of any level."""
    _, _, rest = path.read_text(encoding="utf-8").partition(f"# {title}\n")
    assert rest, f"{named(path)} has no section '{title}'"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of the tables in `text`, their heads left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    for before, line in zip([*lines[1:], ""], lines, strict=True):
        if not before.startswith("|---") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def in_code(cell: str) -> list[str]:
    return CODE.findall(cell)


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in LINK.findall(prose(path)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def existing_metrics() -> set[str]:
    metrics = Metrics(__version__, lambda: (), lambda: (), lambda: (), lambda: ())
    names = set()
    for family in metrics.registry.collect():
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        names.add(family.name + suffix)
    return {name for name in names if name.startswith("l2announcer_")}


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_metric_that_is_named_exists(path: Path) -> None:
    mentioned = {SERIES.sub("", name) for name in METRIC.findall(path.read_text(encoding="utf-8"))}
    assert mentioned <= existing_metrics()


def test_every_metric_is_explained() -> None:
    text = section(TROUBLESHOOTING, "Metrics")
    assert {name for row in rows(text) for name in METRIC.findall(row[0])} == existing_metrics()


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_variable_and_flag_that_is_named_exists(path: Path) -> None:
    text = prose(path)
    variables = {CONFIG_VARIABLE} | {option.variable for option in OPTIONS}
    flags = {"--config"} | {option.flag for option in OPTIONS}
    # of kubectl create token, and of our own command that moves a Service
    others = {"--duration", "--timeout", "--anywhere", "--to"}
    assert set(VARIABLE.findall(text)) <= variables
    assert set(FLAG.findall(text)) <= flags | others


def test_every_setting_in_the_readme_exists_with_its_default() -> None:
    options = {option.key: option for option in OPTIONS}
    for keys, default, _ in rows(section(README, "Settings")):
        assert set(in_code(keys)) <= options.keys()
        shown = in_code(default)
        if shown:
            assert shown == [options[key].show(options[key].default) for key in in_code(keys)]


def test_every_state_is_explained() -> None:
    told = {word for row in rows(section(TROUBLESHOOTING, "States")) for word in in_code(row[0])}
    assert {state.value for state in candidacy.State} <= told


def test_every_reason_of_a_dropped_frame_is_explained() -> None:
    told = {word for row in rows(section(TROUBLESHOOTING, "Metrics")) for word in in_code(row[0])}
    assert {outcome.value for outcome in Outcome} <= told


def test_every_condition_of_a_policy_is_explained() -> None:
    told = rows(section(TROUBLESHOOTING, "Conditions of a policy"))
    assert {word for row in told for word in in_code(row[0])} == policy.CONDITION_TYPES


def test_the_reasons_of_a_service_s_condition_are_those_of_the_code() -> None:
    text = section(IPAM, "Condition of a Service")
    told = [word for row in rows(text) for word in in_code(row[0])]
    assert told == [reason.value for reason in allocation.Reason]
    assert f"`{status.SATISFIED}`" in text


def pool_conditions() -> set[tuple[str, str]]:
    """Type and reason of all conditions of a sound pool, and of one with everything wrong."""
    bad = LabelSelector(match_expressions=(Requirement(key="app", operator="Unknown"),))
    sound, overlapping = Block(cidr="192.0.2.0/24"), Block(cidr="192.0.2.0/25")
    book = pools.Pools()
    book.see(Pool(key=Key("", "sound"), created="1", blocks=(sound,)))
    book.see(
        Pool(
            key=Key("", "wrong"),
            created="2",
            blocks=(overlapping, Block(cidr="nonsense")),
            service_selector=bad,
            annotations={pools.PRIORITY: "high"},
        )
    )
    book.settle(())
    patches = [status.pool_patch(compiled, 0.0) for compiled in book.ordered]
    return {
        (condition["type"], condition["reason"])
        for patch in patches
        if patch is not None
        for condition in patch["status"]["conditions"]
    }


def test_the_conditions_of_a_pool_are_those_of_the_code() -> None:
    told = {
        (in_code(row[0])[0], in_code(row[2])[0])
        for row in rows(section(IPAM, "Conditions of a pool"))
    }
    assert told == pool_conditions()
