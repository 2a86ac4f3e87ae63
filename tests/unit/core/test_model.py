"""The nouns: names, versions, links that can carry frames."""

from __future__ import annotations

from typing import Any

import pytest

from l2announcer.core.model import Key, LeaseRecord, Link, newer


def test_a_key_reads_as_kubectl_writes_it() -> None:
    assert str(Key("default", "app1")) == "default/app1"
    assert str(Key("", "worker")) == "worker"


@pytest.mark.parametrize(
    ("version", "known", "expected"),
    [
        ("2", "1", True),
        ("10", "9", True),  # numbers, not texts
        ("9", "10", False),
        ("1", "1", False),
        ("x", "1", True),
        ("1", "x", True),
        ("", "1", True),
        ("x", "x", False),
        ("", "", False),
    ],
)
def test_versions_are_compared_as_numbers_and_what_can_not_be_is_news(
    version: str, known: str, expected: bool
) -> None:
    assert newer(version, known) is expected


@pytest.mark.parametrize(
    ("fields", "usable"),
    [
        ({}, True),
        ({"up": False}, False),
        ({"carrier": False}, False),
        ({"ethernet": False}, False),
        ({"loopback": True}, False),
        ({"master": 7}, False),
    ],
)
def test_a_link_is_usable_when_frames_of_ours_leave_and_answers_arrive(
    fields: dict[str, Any], usable: bool
) -> None:
    link = Link(index=2, name="eth0", **{"up": True, "carrier": True, **fields})
    assert link.usable is usable


def test_a_lease_is_compared_by_its_spec_alone() -> None:
    one = LeaseRecord(name="l", resource_version="1", holder="a", renew_time="t", raw={"x": 1})
    other = LeaseRecord(name="l", resource_version="2", holder="a", renew_time="t")
    assert one.spec == other.spec
    changed = LeaseRecord(name="l", resource_version="2", holder="a", renew_time="u")
    assert one.spec != changed.spec
