"""Why a Lease is not held yet: one sentence for each way in which that can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import Refusal
from l2announcer.core.model import Holding, LeaseRecord, Wanted
from l2announcer.core.terms import Terms
from l2announcer.core.waiting import why_not_held

TERMS = Terms(node="here", namespace="kube-system", holding=Holding(boot="b", netns=1))


def elector(**fields: Any) -> Elector:
    found = Elector("lease")
    found.want(Wish.HOLD)
    if fields:
        whole = {"holder": "there", "duration_seconds": 15, "renew_time": "t", **fields}
        found.observe(LeaseRecord(name="lease", resource_version="1", **whole), 0.0)
    return found


@pytest.mark.parametrize(
    ("fields", "now", "sentence"),
    [
        ({}, 0.0, "Lease lease is free; taking it"),
        ({"holder": ""}, 0.0, "Lease lease is free; taking it"),
        ({"holder": "there"}, 1.0, "Lease lease is held by there"),
        ({"holder": "there"}, 15.0, "Lease lease of there ran out; taking it"),
        (
            {"wanted": Wanted("here", 0)},
            1.0,
            "Lease lease is held by there; this node has asked for it",
        ),
        ({"wanted": Wanted("else", 0)}, 1.0, "Lease lease is held by there"),
    ],
)
def test_what_is_said(fields: dict[str, Any], now: float, sentence: str) -> None:
    assert why_not_held(elector(**fields), now, TERMS, leaving=False) == sentence


def test_who_leaves_says_that_others_go_first() -> None:
    assert "takes it if no other does" in why_not_held(elector(), 0.0, TERMS, leaving=True)
    held = elector(holder="there")
    assert why_not_held(held, 1.0, TERMS, leaving=True) == "Lease lease is held by there"


def test_a_full_node_says_what_to_raise() -> None:
    full = replace(TERMS, may_take=False)
    assert "k8sClientRateLimit.qps" in why_not_held(elector(), 0.0, full, leaving=False)


def test_a_problem_comes_before_all_else() -> None:
    found = elector()
    assert found.poll(0.0, 0.0, TERMS) is not None
    found.refused(Refusal.DENIED, 0.0)
    assert "refuses writes of Lease lease" in why_not_held(found, 0.0, TERMS, leaving=False)
