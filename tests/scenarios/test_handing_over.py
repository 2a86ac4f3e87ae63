"""Histories of planned hand-overs (rule 16): from who has a Lease to who is to have it."""

from __future__ import annotations

from typing import Any

from l2announcer.core.candidacy import State
from l2announcer.core.effects import LeaseWrite, Message, ReadService
from l2announcer.core.facts import Refusal
from l2announcer.core.hand_over import HEEDED_SECONDS
from l2announcer.core.lease import GIVEN_SECONDS, WANTED
from tests.scenarios.history import BLUE, LEASE, VIP
from tests.scenarios.nodes import Peers


def held_by_a(names: str = "ab", **terms: Any) -> Peers:
    """Node a answers, the others watch it."""
    peers = Peers(names, **terms)
    for name in names[1:]:
        peers[name].dead = True
    peers.run(0.1)
    for name in names[1:]:
        peers[name].dead = False
    peers.run(5.0)
    assert peers.answering == "a"
    peers.log.clear()
    return peers


def handed_over(peers: Peers) -> list[tuple[str, int, int]]:
    """Holder, seconds and transitions of each state of the Lease, but for renewals."""
    states: list[tuple[str, int, int]] = []
    for record in peers.log:
        state = record.holder, record.duration_seconds, record.transitions
        if state not in states[-1:]:
            states.append(state)
    return states


def test_asked_by_name_it_moves_at_once_by_three_writes() -> None:
    peers = held_by_a()
    peers.prefer("b")
    peers.run(0.2)
    assert peers.answering == "b"
    assert handed_over(peers) == [("a", 15, 0), ("b", GIVEN_SECONDS, 1), ("b", 15, 1)]
    peers.run(60.0)
    assert handed_over(peers)[-1] == ("b", 15, 1)


def test_who_wants_it_reads_and_listens_first_and_then_answers_without_a_probe() -> None:
    peers = held_by_a()
    b = peers["b"]
    b.calls.clear()
    b.frames.clear()
    peers.prefer("b")
    effects = b.poll()
    assert effects.answers is not None
    assert [str(each.address) for each in b.announcer.contests[LEASE].watched] == [VIP]
    b.carry_out(effects)
    peers.run(0.2)
    assert [type(call) for _, call in b.calls] == [ReadService, LeaseWrite, LeaseWrite]
    assert {frame.message for frame in b.frames} == {Message.ANNOUNCE}


def test_the_wish_changes_nothing_that_other_clients_compare() -> None:
    peers = held_by_a()
    before = peers["a"].spec
    peers["a"].dead = True
    peers.prefer("b")
    peers.run(0.2)
    assert peers["a"].spec == before
    metadata = peers.leases[LEASE]["metadata"]
    assert metadata["annotations"][WANTED] == "b@0"


def test_a_node_that_dies_after_it_asked_costs_a_second() -> None:
    peers = held_by_a("abc")
    peers["a"].dead = True
    peers.prefer("b")
    peers.run(0.2)
    peers["a"].dead, peers["b"].dead = False, True
    peers.run(0.2)
    assert peers.answering == ""
    assert peers.log[-1].holder == "b"
    peers.run(GIVEN_SECONDS)
    assert peers.answering in {"a", "c"}


def test_a_gift_whose_fate_is_unknown_is_read_about_in_silence() -> None:
    peers = held_by_a()
    a = peers["a"]
    a.lost.add(LEASE)
    peers["b"].dead = False
    a.calls.clear()
    peers.prefer("b")
    peers.run(2.0)
    assert peers.answering == "b"
    assert a.state(BLUE)[0] is State.CANDIDATE


def test_a_gift_that_was_not_made_lets_the_giver_go_on() -> None:
    peers = held_by_a()
    a = peers["a"]
    a.refuse[LEASE] = Refusal.UNAVAILABLE
    peers.prefer("b")
    peers.run(0.1)
    assert peers.answering == ""
    del a.refuse[LEASE]
    peers.run(2.0)
    assert peers.answering == "a"


def test_a_refused_gift_costs_no_second_of_silence() -> None:
    peers = held_by_a()
    a = peers["a"]
    a.dead = True
    peers.prefer("b")
    peers.run(0.1)
    a.now, a.dead = peers.now, False
    a.refuse[LEASE] = Refusal.INVALID
    a.carry_out(a.poll())
    assert peers.answering == ""
    a.refuse.clear()
    peers.run(0.1)
    assert peers.answering == "a"


def test_a_wish_of_another_count_is_no_wish() -> None:
    peers = held_by_a(quiet_seconds=1e6)
    a = peers["a"]
    raw = peers.leases[LEASE]
    for text in ("b@7", "a@0", "b", "@0", "b@x"):
        annotations = {**raw["metadata"]["annotations"], WANTED: text}
        peers.version += 1
        peers.leases[LEASE] = {
            **raw,
            "metadata": {
                **raw["metadata"],
                "annotations": annotations,
                "resourceVersion": str(peers.version),
            },
        }
        peers.wrote(LEASE)
        peers.tell()
        peers.run(0.1)
        assert a.answered, text


def test_a_wish_of_a_node_that_is_placed_no_better_is_taken_off() -> None:
    peers = held_by_a()
    peers.prefer("a")
    peers.run(0.1)
    raw = peers.leases[LEASE]
    peers.version += 1
    metadata = {**raw["metadata"], "resourceVersion": str(peers.version)}
    metadata["annotations"] = {**metadata["annotations"], WANTED: "b@0"}
    peers.leases[LEASE] = {**raw, "metadata": metadata}
    peers.wrote(LEASE)
    peers.tell()
    peers.run(HEEDED_SECONDS)
    assert peers.answering == "a"
    assert WANTED not in peers.leases[LEASE]["metadata"]["annotations"]


def test_nothing_is_asked_of_a_stranger() -> None:
    peers = Peers("b")
    b = peers["b"]
    b.show(b.held_by_other(holderIdentity="other", leaseTransitions=3))
    peers.prefer("b")
    peers.run(10.0)
    assert [call for _, call in b.about()] == []


def test_who_stops_gives_it_to_who_asks() -> None:
    peers = held_by_a()
    peers["a"].dead = True
    peers.prefer("b")
    peers.run(0.2)
    peers.resign("a")
    peers["a"].dead = False
    peers.run(0.2)
    assert peers.answering == "b"
    assert ("", 1, 0) not in handed_over(peers)
    assert peers["a"].announcer.released


def test_who_gave_it_a_moment_ago_takes_it_when_the_other_stops() -> None:
    peers = held_by_a()
    peers.prefer("b")
    peers.run(0.1)
    assert peers.answering == "b"
    peers.resign("b")
    peers.run(0.1)
    assert peers.answering == "a"


def test_the_event_says_who_handed_it_over() -> None:
    peers = held_by_a()
    peers.prefer("b")
    peers.run(0.1)
    told = [event.message for event in peers["b"].events if event.reason == "Announced"]
    assert told == [f"this node answers for {VIP} on eth0, handed over by a"]


def test_a_name_that_is_taken_away_moves_nothing_at_once() -> None:
    peers = held_by_a(quiet_seconds=30.0)
    peers.prefer("a")
    peers.run(40.0)
    peers.prefer("")
    peers.run(20.0)
    assert peers.answering == "a"


def test_the_preferred_node_gets_it_back_after_a_quiet_period() -> None:
    peers = held_by_a(quiet_seconds=30.0)
    peers.prefer("b")
    peers.run(1.0)
    assert peers.answering == "b"
    peers["b"].dead = True
    peers.run(20.0)
    assert peers.answering == "a"
    peers["b"].dead = False
    peers.run(20.0)
    assert peers.answering == "a"
    peers.run(20.0)
    assert peers.answering == "b"


def test_the_favourite_gets_it_after_a_quiet_period_and_keeps_it() -> None:
    peers = held_by_a()
    peers.run(20.0)
    assert peers.answering == "a"
    peers.run(15.0)
    assert peers.answering == "b"
    peers.run(100.0)
    assert peers.answering == "b"
    assert peers.log[-1].transitions == 1


def test_a_node_that_leaves_is_relieved_and_does_not_get_it_back_while_it_does() -> None:
    peers = held_by_a("abc")
    peers.cordon("a", cordoned=True)
    peers.run(3.5)
    second = peers.answering
    assert second in {"b", "c"}
    assert peers.log[-1].transitions == 1
    peers.cordon("b", cordoned=True)
    peers.cordon("c", cordoned=True)
    peers.run(60.0)
    assert peers.answering == second


def test_who_is_put_last_by_everybody_goes_on_when_nobody_else_is_there() -> None:
    peers = held_by_a("a")
    peers.cordon("a", cordoned=True)
    peers.run(60.0)
    assert peers.answering == "a"


def test_a_node_that_joins_gets_its_share_and_nothing_else_moves() -> None:
    peers = Peers("abcd", services=60)
    peers["d"].dead = True
    peers.run(70.0)
    before, moves = peers.holders(), peers.transitions()
    assert set(before.values()) == set("abc")
    peers["d"].dead = False
    peers.run(75.0)
    after = peers.holders()
    moved = {name for name in before if before[name] != after[name]}
    assert {after[name] for name in moved} == {"d"}
    assert 5 <= len(moved) <= 25
    assert peers.transitions() - moves == len(moved)
    peers.run(60.0)
    assert peers.holders() == after


def test_a_node_that_flaps_gets_nothing_before_it_has_been_well_for_the_quiet_period() -> None:
    peers = Peers("abcd", services=30)
    peers["d"].dead = True
    peers.run(70.0)
    before, moves = peers.holders(), peers.transitions()
    peers["d"].dead = False
    for _ in range(12):
        peers.plug("d", carrier=False)
        peers.run(3.0)
        peers.plug("d", carrier=True)
        peers.run(9.0)
        assert peers.holders() == before
    assert peers.transitions() == moves
    peers.run(45.0)
    assert "d" in peers.holders().values()


def test_one_that_flaps_while_it_holds_loses_it_once() -> None:
    peers = Peers("abc", services=30)
    peers.run(70.0)
    moves = peers.transitions()
    held = [name for name, holder in peers.holders().items() if holder == "c"]
    for _ in range(12):
        peers.plug("c", carrier=False)
        peers.run(3.0)
        peers.plug("c", carrier=True)
        peers.run(9.0)
    assert "c" not in peers.holders().values()
    assert peers.transitions() - moves == len(held) > 0


def test_without_spread_nothing_moves_by_itself() -> None:
    peers = Peers("ab", spread=False)
    peers.prefer("b")
    peers["b"].dead = True
    peers.run(1.0)
    peers["b"].dead = False
    peers.run(100.0)
    assert peers.answering == "a"


def test_it_goes_back_and_forth_only_as_it_is_asked_to() -> None:
    peers = held_by_a(duration_seconds=3, renew_seconds=1.0)
    for number, name in enumerate("baba", start=1):
        peers.prefer(name)
        peers.run(2.5)
        assert peers.answering == name
        assert peers.log[-1].transitions == number
