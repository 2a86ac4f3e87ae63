"""The heartbeat's terms, what it says of the node, and when it is said anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.effects import Effects, LeaseWrite
from l2announcer.core.facts import Refusal
from l2announcer.core.heartbeat import DURATION_SECONDS, RENEW_SECONDS, Heartbeat, heartbeat_name
from l2announcer.core.lease import decode
from tests.unit.core.election_rig import TERMS


def polled(heartbeat: Heartbeat, now: float) -> tuple[LeaseWrite | None, Effects]:
    out, terms = Effects(), heartbeat.terms(TERMS)
    heartbeat.contest.wish(known=False, resigning=False)
    heartbeat.poll(terms, out)
    heartbeat.contest.elect(now, 1_700_000_000 + now, terms, out)
    writes = [call for call in out.calls if isinstance(call, LeaseWrite)]
    return (writes[0] if writes else None), out


def accept(heartbeat: Heartbeat, write: LeaseWrite, version: int, now: float) -> None:
    body = {**write.body, "metadata": {**write.body["metadata"], "resourceVersion": str(version)}}
    heartbeat.contest.elector.written(decode(body), now)


def test_its_terms_are_rare_renewals_whatever_the_services_need() -> None:
    terms = Heartbeat("a", node_leases=False).terms(
        replace(TERMS, may_take=False, rank=3, renew_seconds=9.0)
    )
    assert terms.duration_seconds == DURATION_SECONDS
    assert terms.may_take
    assert terms.renew_seconds == pytest.approx(RENEW_SECONDS, rel=0.051)


def test_nodes_renew_at_intervals_of_their_own() -> None:
    intervals = {
        Heartbeat(f"node-{n}", node_leases=False).terms(TERMS).renew_seconds for n in range(100)
    }
    assert len(intervals) == 100
    assert sum(intervals) / 100 == pytest.approx(RENEW_SECONDS, rel=0.02)
    assert Heartbeat("a", node_leases=False).terms(TERMS) == Heartbeat(
        "a", node_leases=False
    ).terms(TERMS)


def test_it_is_made_at_once_and_says_how_the_node_is() -> None:
    heartbeat = Heartbeat("a", node_leases=False)
    heartbeat.degraded = True
    write, _ = polled(heartbeat, 0.0)
    assert write is not None
    assert (write.name, write.create) == (heartbeat_name("a"), True)
    holding = decode(write.body).holding
    assert holding == replace(TERMS.holding, degraded=True)


def test_what_changed_is_written_within_a_second_and_only_once() -> None:
    heartbeat = Heartbeat("a", node_leases=False)
    write, _ = polled(heartbeat, 0.0)
    assert write is not None
    accept(heartbeat, write, 1, 0.0)
    assert polled(heartbeat, 10.0)[0] is None
    heartbeat.degraded = True
    write, _ = polled(heartbeat, 10.0)
    assert write is not None
    accept(heartbeat, write, 2, 10.0)
    assert polled(heartbeat, 15.0)[0] is None


def test_what_is_wrong_with_it_is_said_once() -> None:
    heartbeat = Heartbeat("a", node_leases=False)
    polled(heartbeat, 0.0)
    heartbeat.contest.elector.refused(Refusal.DENIED, 0.0)
    told = [polled(heartbeat, at)[1].transitions for at in (0.1, 0.2)]
    assert [len(transitions) for transitions in told] == [1, 0]
    assert "refuses writes of Lease l2announcer-node-a" in told[0][0].reason
