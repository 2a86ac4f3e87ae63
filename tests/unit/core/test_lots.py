"""Lots that are drawn without chance."""

from __future__ import annotations

from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from l2announcer.core.lots import lot

LOT_OF_GROUP_NODE = 0.34342852306216265


@given(st.text())
def test_between_nothing_and_one_and_the_same_each_time(words: str) -> None:
    assert 0.0 < lot(words) < 1.0
    assert lot(words) == lot(words)


def test_evenly_and_each_on_its_own() -> None:
    drawn = [lot(f"node{number}") for number in range(1_000)]
    assert len(set(drawn)) == 1_000
    assert 0.45 < mean(drawn) < 0.55


def test_the_same_on_every_node_and_in_every_version() -> None:
    assert lot("group/node") == LOT_OF_GROUP_NODE
