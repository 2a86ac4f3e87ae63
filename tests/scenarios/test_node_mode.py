"""Nodes that keep their Leases by their heartbeats: what they write, and who answers when."""

from __future__ import annotations

from typing import Any

import pytest

from l2announcer.core import lease
from l2announcer.core.admission import Admission
from l2announcer.core.candidacy import LEASE_PREFIX
from l2announcer.core.contest import Contest
from l2announcer.core.controller import CONTROLLER_LEASE
from l2announcer.core.effects import Effects, LeaseWrite, ReadLease
from l2announcer.core.heartbeat import heartbeat_name
from l2announcer.core.model import Key, Kind
from tests.scenarios.history import LEASE
from tests.scenarios.nodes import Peer, Peers

L, R = 3, 1.0
SERVICES = 8  # and blue
TIMING: dict[str, Any] = {"duration_seconds": L, "renew_seconds": R, "request_seconds": 1.0}


def running(names: str = "abc", by_heartbeat: str = "abc", **terms: Any) -> Peers:
    """Nodes that have found their places: each Service has its favourite."""
    settled = {"quiet_seconds": 1.0, **TIMING, **terms}
    peers = Peers(names, services=SERVICES, by_heartbeat=by_heartbeat, **settled)
    peers.run(30.37)  # between two renewals
    return peers


def answered(peers: Peers) -> int:
    """How many addresses are answered for."""
    return len({pair for node in peers.nodes.values() if not node.dead for pair in node.answered})


def written(node: Peer, since: float) -> list[str]:
    """The Leases that a node wrote since then, in order."""
    return [c.name for at, c in node.calls if isinstance(c, LeaseWrite) and at >= since]


def number(peers: Peers, name: str) -> int:
    """The number of a node's heartbeat."""
    return lease.decode(peers.leases[heartbeat_name(name)]).transitions


def kept(peers: Peers) -> dict[str, str]:
    """Which Leases of Services heartbeats keep, and whose."""
    records = [lease.decode(raw) for raw in peers.leases.values()]
    return {
        record.name: record.under.node
        for record in records
        if record.under is not None and record.name.startswith(LEASE_PREFIX)
    }


def test_only_heartbeats_are_written_and_nothing_is_read() -> None:
    peers = running()
    assert answered(peers) == len(kept(peers)) == SERVICES + 1
    since = peers.now
    peers.run(60)
    for name, node in peers.nodes.items():
        names = written(node, since)
        assert set(names) == {heartbeat_name(name)}
        assert len(names) == pytest.approx(60 / R, abs=1)
        assert not [c for at, c in node.calls if isinstance(c, ReadLease) and at >= since]


def test_who_stops_gives_all_away_with_one_write() -> None:
    peers = running()
    since, had = peers.now, len(peers["a"].answered)
    assert had > 1
    peers.resign("a")
    peers.run(0.3)
    assert written(peers["a"], since) == [heartbeat_name("a")]
    assert peers["a"].announcer.released
    assert answered(peers) == SERVICES + 1
    assert not peers["a"].answered


def test_of_a_dead_node_every_service_moves_after_its_heartbeat_was_fenced() -> None:
    peers = running()
    before = number(peers, "a")
    peers["a"].dead = True
    peers.run(0.8 * L)
    assert answered(peers) < SERVICES + 1
    peers.run(0.2 * L + 0.3)
    assert answered(peers) == SERVICES + 1
    assert number(peers, "a") == before + 1
    assert "a" not in kept(peers).values()


def test_who_was_fenced_comes_back_under_a_number_of_its_own_and_takes_nothing_back() -> None:
    peers = running(spread=False)
    before = number(peers, "a")
    a = peers["a"]
    a.cut = True
    peers.run(L + 1)
    assert not a.answered
    assert answered(peers) == SERVICES + 1
    a.cut = False
    peers.run(3)
    assert number(peers, "a") == before + 2
    assert not a.answered
    assert "a" not in kept(peers).values()


def test_who_was_fenced_writes_each_lease_anew_before_it_answers_for_it_again() -> None:
    peers = running("ab", "ab")
    b = peers["b"]
    beat = heartbeat_name("b")
    since = peers.now
    record = lease.decode(peers.leases[beat])
    peers["a"].put_lease(beat, holderIdentity="", leaseTransitions=record.transitions + 1)
    peers["a"].dead = True  # it fenced the other, and died before it took anything
    b.show(lease.decode(peers.leases[beat]))
    assert not b.answered
    peers.run(L + 2)
    assert number(peers, "b") == record.transitions + 2
    assert answered(peers) == SERVICES + 1
    assert set(kept(peers)) <= set(written(b, since))


def test_who_was_not_fenced_answers_again_without_writing_them() -> None:
    peers = running("a", "a")
    a = peers["a"]
    a.cut = True
    peers.run(2 * L)
    assert not a.answered
    a.cut = False
    since = peers.now
    peers.run(2)
    assert len(a.answered) == SERVICES + 1
    assert set(written(a, since)) <= {heartbeat_name("a"), CONTROLLER_LEASE}


def test_a_daemon_that_starts_again_answers_for_what_it_had() -> None:
    peers = running("ab", "ab")
    had, before = set(peers["a"].answered), number(peers, "a")
    peers.start_again("a", by_heartbeat=True)
    peers.run(0.2)
    assert peers["a"].answered == had
    assert number(peers, "a") == before


def test_after_a_reboot_it_waits_and_takes_what_nobody_has_under_a_later_number() -> None:
    peers = running("a", "a")
    before = number(peers, "a")
    peers.start_again("a", by_heartbeat=True, boot="another")
    peers.run(L - 0.2)
    assert answered(peers) == 0
    peers.run(1)
    assert answered(peers) == SERVICES + 1
    assert number(peers, "a") == before + 1


@pytest.mark.parametrize("by_heartbeat", ["a", "b"])
def test_in_a_mixed_cluster_each_takes_over_from_the_other(by_heartbeat: str) -> None:
    peers = running("ab", by_heartbeat)
    assert set(kept(peers).values()) == {by_heartbeat}
    assert all(peers[name].answered for name in "ab")
    peers["a"].dead = True
    peers.run(L + 0.3)
    assert answered(peers) == len(peers["b"].answered) == SERVICES + 1


def test_from_one_mode_to_the_other_and_back_nothing_is_silent_for_longer_than_a_restart() -> None:
    peers = running("ab", "")
    for by_heartbeat in (True, False):
        for name in "ab":
            had = set(peers[name].answered)
            peers.start_again(name, by_heartbeat=by_heartbeat)
            peers.run(0.3)
            assert peers[name].answered == had
            peers.run(5)
        assert answered(peers) == SERVICES + 1
        assert len(kept(peers)) == (SERVICES + 1 if by_heartbeat else 0)


def test_a_favourite_is_given_what_it_asks_for() -> None:
    peers = running("ab", "ab")
    other = {"a": "b", "b": "a"}[peers.answering]
    since = peers.now
    peers.prefer(other)
    peers.run(1)
    assert peers.answering == other
    assert [name for name in written(peers[other], since) if name == LEASE] == [LEASE, LEASE]
    assert kept(peers)[LEASE] == other


def test_a_wish_that_is_not_granted_is_taken_off_again() -> None:
    peers = running("ab", "ab", spread=False)
    holder = peers.answering
    record = lease.decode(peers.leases[LEASE])
    peers.leases[LEASE]["metadata"]["annotations"][lease.WANTED] = f"x@{record.transitions}"
    peers[holder].put_lease(LEASE)
    peers.wrote(LEASE)
    peers.tell()
    peers.run(12)
    assert lease.decode(peers.leases[LEASE]).wanted is None
    assert peers.answering == holder


def test_a_heartbeat_that_a_hand_deleted_is_made_again_and_carries_on() -> None:
    peers = running("ab", "ab")
    had, since, before = set(peers["a"].answered), peers.now, number(peers, "a")
    del peers.leases[heartbeat_name("a")]
    for node in peers.nodes.values():
        node.gone(Kind.LEASE, Key("kube-system", heartbeat_name("a")))
    peers.run(1.1)
    assert peers["a"].answered == had
    assert number(peers, "a") == before
    assert set(written(peers["a"], since)) == {heartbeat_name("a")}


def test_what_is_no_service_s_any_more_is_released_after_a_while() -> None:
    peers = running("a", "a")
    key = Key("default", "blue")
    peers["a"].gone(Kind.SERVICE, key)
    peers.run(L - 0.5)
    assert peers["a"].holder(key) == "a"
    assert peers.answering == ""
    peers.run(1)
    assert peers["a"].holder(key) == ""


def test_nothing_is_begun_while_a_stranger_holds_a_lease() -> None:
    peers = Peers("a", services=SERVICES, **TIMING)
    spec = {"holderIdentity": "cilium", "leaseDurationSeconds": 15, "renewTime": "t"}
    peers["a"].put_lease(LEASE, **spec)
    peers.start_again("a", by_heartbeat=True)
    a = peers["a"]
    peers.run(5)
    assert not a.answered
    assert "held by cilium, which is no l2announcer" in a.state(Key("default", "more-0"))[1]
    peers.run(12)
    assert answered(peers) == SERVICES + 1


# While the API server gives no answer


def test_it_answers_on_for_all_of_them_and_goes_on_as_before() -> None:
    peers = running("ab", "ab", holds_over=True)
    had = {name: set(peers[name].answered) for name in "ab"}
    for name in "ab":
        peers[name].cut = True
    peers.run(60)
    assert {name: peers[name].answered for name in "ab"} == had
    assert len(peers["a"].announcer.tally.held_over) == len(had["a"])
    since = peers.now
    for name in "ab":
        peers[name].cut = False
    peers.run(3)
    assert {name: peers[name].answered for name in "ab"} == had
    assert not peers["a"].announcer.tally.held_over
    assert set(written(peers["a"], since)) <= {heartbeat_name("a"), CONTROLLER_LEASE}
    assert "HeldOver" in {event.reason for event in peers["a"].events}


def test_who_was_stopped_meanwhile_comes_back_address_by_address() -> None:
    peers = running("a", "a", holds_over=True)
    a = peers["a"]
    a.cut = True
    peers.run(10)
    peers.now += 20
    peers.run(0.1)
    assert not a.answered
    peers.run(5)
    assert len(a.answered) == SERVICES + 1
    a.cut = False
    since = peers.now
    peers.run(3)
    assert len(a.answered) == SERVICES + 1
    assert set(written(a, since)) <= {heartbeat_name("a"), CONTROLLER_LEASE}


# What it costs


def test_a_renewed_heartbeat_concerns_no_other_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    peers = running("ab", "ab")
    asked: set[str] = set()
    elect = Contest.elect

    def noting(self: Contest, *args: Any) -> None:
        asked.add(self.elector.name)
        elect(self, *args)

    monkeypatch.setattr(Contest, "elect", noting)
    peers.run(10)
    assert asked == {heartbeat_name(name) for name in "ab"}


def test_what_one_node_had_is_taken_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 0
    carry_out = Peer.carry_out

    def counting(self: Peer, effects: Effects) -> bool:
        nonlocal most
        names = [call.name for call in effects.calls if isinstance(call, LeaseWrite)]
        most = max(most, len([name for name in names if name.startswith(LEASE_PREFIX)]))
        return carry_out(self, effects)

    monkeypatch.setattr(Peer, "carry_out", counting)
    monkeypatch.setattr(Admission.__init__, "__kwdefaults__", {"at_once": 3})
    peers = running("ab", "ab")
    peers["a"].dead = True
    peers.run(L + 0.5)
    assert answered(peers) == SERVICES + 1
    assert most == 3
