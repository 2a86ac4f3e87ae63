"""One fault at the holders of both sides, from before it strikes until all is well again."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.failover.answers import Answers, superfluous
from tests.bench.failover.cluster import Cluster, Side
from tests.bench.failover.faults import Fault
from tests.bench.failover.sides import Node

BEFORE_SECONDS = 0.3
APART_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the client saw of one address, times in seconds."""

    side: str
    new_mac: float | None
    """From the fault to the answer that it was measured by; None where there was none."""
    gap: float
    duplicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Struck:
    side: Side
    node: Node
    at: float
    holders: Sequence[str]
    transitions: Sequence[int]


def round_of(cluster: Cluster, fault: Fault, sides: Sequence[Side]) -> list[Outcome]:
    """Let the fault strike once; an outcome for each address of each side."""
    holders = {side.name: cluster.settled(side) for side in sides}
    # not always at the same time after a renewal
    time.sleep(BEFORE_SECONDS + random.uniform(0, fault.setup.timing.retry_period))
    # of all sides before anything strikes: it may be the API server itself
    counts = {side.name: [cluster.transitions(each) for each in side.announced] for side in sides}
    struck: list[_Struck] = []
    for number, side in enumerate(sides):
        node = holders[side.name][0]
        if number and not fault.everywhere:
            time.sleep(APART_SECONDS)
        transitions = counts[side.name]
        macs = [holder.mac for holder in holders[side.name]]
        at = time.monotonic()
        if not (number and fault.everywhere):
            fault.strike(cluster, side, node)
        elif struck:
            at = struck[0].at
        struck.append(_Struck(side=side, node=node, at=at, holders=macs, transitions=transitions))
    _wait(fault, struck)
    for each in struck[:1] if fault.everywhere else struck:
        fault.heal(cluster, each.side, each.node)
    time.sleep(fault.after)
    for side in sides:
        cluster.settled(side)
    return [outcome for each in struck for outcome in _outcomes(cluster, fault, each)]


def _wait(fault: Fault, struck: Sequence[_Struck]) -> None:
    """Until the fault lasted long enough, and others answer or won't."""
    last = struck[-1].at
    time.sleep(max(0.0, last + fault.lasts - time.monotonic()))
    waits = not (fault.same or fault.everywhere)
    while waits and time.monotonic() < last + fault.patience:
        waits = not all(_others(each, 0) for each in struck)
        time.sleep(BEFORE_SECONDS)


def _others(struck: _Struck, address: int) -> float | None:
    """When another node than before answered first."""
    claims = struck.side.answers[address].claims_between(struck.at, time.monotonic())
    before = struck.holders[address]
    return next((claim.at for claim in claims if claim.mac != before), None)


def _outcomes(cluster: Cluster, fault: Fault, struck: _Struck) -> list[Outcome]:
    since, until = struck.at - BEFORE_SECONDS, time.monotonic()
    found = []
    for address, announced in enumerate(struck.side.announced):
        answers: Answers = struck.side.answers[address]
        began, ended = answers.longest_gap(since, until)
        at = ended if fault.same else _others(struck, address)
        changes = cluster.transitions(announced) - struck.transitions[address]
        found.append(
            Outcome(
                side=struck.side.name,
                new_mac=None if at is None else at - struck.at,
                gap=ended - began,
                duplicates=superfluous(answers.claims_between(since, until), changes),
            )
        )
    return found
