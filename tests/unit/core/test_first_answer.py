"""Nothing is announced before a read and a silent probe; an answer to the probe has a reading."""

from __future__ import annotations

from ipaddress import ip_address
from math import inf

import pytest

from l2announcer.core.facts import Claimed
from l2announcer.core.first_answer import (
    FOREIGN_REPROBE_SECONDS,
    GIVES_WAY_SECONDS,
    NODE_REPROBE_SECONDS,
    PROBE_WAIT_SECONDS,
    SILENCES,
    STRANGER_REPROBE_SECONDS,
    FirstAnswer,
)
from l2announcer.core.model import Announcement
from l2announcer.core.predecessor import NOBODY, Kind, Predecessor

ONE = Announcement(ip_address("172.19.0.240"), "eth0")
TWO = Announcement(ip_address("172.19.0.241"), "eth0")
MAC = bytes.fromhex("0242ac130004")
OTHER_MAC = bytes.fromhex("0242ac1300ff")
BEGIN = 100.0
LEASE_SECONDS = 15.0


OURS = Predecessor(Kind.OURS, frozenset({MAC.hex(":")}))
STRANGER = Predecessor(Kind.STRANGER)


def claim(announcement: Announcement, mac: bytes, **what: bool) -> Claimed:
    return Claimed(announcement.address, mac, announcement.interface, **what)


def checks(predecessor: Predecessor = NOBODY) -> FirstAnswer:
    first = FirstAnswer(since=BEGIN, lease_seconds=LEASE_SECONDS, predecessor=predecessor)
    first.want([ONE])
    return first


def read(first: FirstAnswer) -> None:
    assert first.take_read()
    first.read(answered=True)


def probe(first: FirstAnswer, now: float, *, answered_by: bytes | None = None) -> None:
    """One probe at `now`, and its answer if there is one, judged when its time is over."""
    assert first.take_probes(now) == [ONE]
    if answered_by is not None:
        first.claimed(claim(ONE, answered_by))
    first.take_probes(now + PROBE_WAIT_SECONDS)


def unanswered(first: FirstAnswer, times: int) -> None:
    """So many probes, each when it's due, that nobody answers."""
    for _ in range(times):
        probe(first, first.wake_at)


def test_nobody_answers() -> None:
    first = checks()
    read(first)
    probe(first, BEGIN)
    assert first.clear == [ONE]
    assert first.pending == []
    assert first.wake_at == inf


def test_silence_alone_is_not_enough() -> None:
    first = checks()
    probe(first, BEGIN)
    assert first.clear == []
    read(first)
    assert first.clear == [ONE]


def test_the_read_alone_is_not_enough() -> None:
    first = checks()
    read(first)
    assert first.take_probes(BEGIN) == [ONE]
    assert first.take_probes(BEGIN + PROBE_WAIT_SECONDS / 2) == []
    assert first.clear == []
    assert first.pending == [ONE]
    assert first.wake_at == BEGIN + PROBE_WAIT_SECONDS


def test_the_read_is_owed_until_it_is_answered() -> None:
    first = checks()
    assert first.take_read()
    first.read(answered=False)
    probe(first, BEGIN)
    assert first.clear == []
    assert first.take_read()
    first.read(answered=True)
    assert first.clear == [ONE]
    assert not first.take_read()


def test_a_read_that_is_owed_wakes_nobody() -> None:
    first = checks()
    probe(first, BEGIN)
    assert first.wake_at == inf


@pytest.mark.parametrize("predecessor", [NOBODY, OURS])
def test_a_foreign_host_is_reported_and_probed_again_until_it_left(
    predecessor: Predecessor,
) -> None:
    first = checks(predecessor)
    read(first)
    probe(first, BEGIN, answered_by=OTHER_MAC)
    assert first.clear == []
    assert first.foreign == {ONE: "02:42:ac:13:00:ff"}
    again_at = BEGIN + PROBE_WAIT_SECONDS + FOREIGN_REPROBE_SECONDS
    assert first.wake_at == again_at
    assert first.take_probes(again_at - 0.001) == []
    unanswered(first, SILENCES - 1)
    assert first.foreign == {ONE: "02:42:ac:13:00:ff"}
    unanswered(first, 1)
    assert first.clear == [ONE]
    assert first.foreign == {}


def test_the_last_holder_of_ours_may_be_holding_over_and_yields() -> None:
    first = checks(OURS)
    read(first)
    probe(first, BEGIN, answered_by=MAC)
    assert first.clear == [ONE]


def test_another_host_than_the_last_holder_of_ours_is_foreign() -> None:
    first = checks(OURS)
    read(first)
    probe(first, BEGIN, answered_by=OTHER_MAC)
    assert first.foreign == {ONE: OTHER_MAC.hex(":")}


def test_a_stranger_may_answer_on_and_is_probed_until_it_is_silent() -> None:
    first = checks(STRANGER)
    read(first)
    now = BEGIN
    for _ in range(5):
        probe(first, now, answered_by=MAC)
        assert first.clear == []
        assert first.foreign == {}
        assert first.wake_at == now + PROBE_WAIT_SECONDS + STRANGER_REPROBE_SECONDS
        now = first.wake_at
    unanswered(first, SILENCES)
    assert first.clear == [ONE]


def test_an_answer_that_came_too_late_once_is_no_silence() -> None:
    first = checks(STRANGER)
    read(first)
    probe(first, BEGIN, answered_by=MAC)
    unanswered(first, SILENCES - 1)
    assert first.clear == []
    probe(first, first.wake_at, answered_by=MAC)
    unanswered(first, SILENCES - 1)
    assert first.clear == []
    unanswered(first, 1)
    assert first.clear == [ONE]


def test_a_stranger_that_answers_for_longer_than_its_lease_was_is_foreign() -> None:
    first = checks(STRANGER)
    read(first)
    end = BEGIN + LEASE_SECONDS
    probe(first, end - 0.1, answered_by=MAC)
    assert first.foreign == {}
    probe(first, first.wake_at, answered_by=MAC)
    assert first.foreign == {ONE: MAC.hex(":")}


def test_an_answer_between_two_probes_does_not_count_for_the_second() -> None:
    first = checks()
    read(first)
    probe(first, BEGIN, answered_by=MAC)
    first.claimed(claim(ONE, MAC))
    unanswered(first, SILENCES)
    assert first.clear == [ONE]


def test_a_claim_while_only_the_read_is_owed_still_counts() -> None:
    first = checks()
    probe(first, BEGIN)
    first.claimed(claim(ONE, MAC))
    first.claimed(claim(TWO, MAC))
    read(first)
    first.take_probes(BEGIN + 1)
    assert first.clear == []
    assert first.foreign == {ONE: MAC.hex(":")}


def test_a_newcomer_is_read_for_and_probed_alone() -> None:
    first = checks()
    read(first)
    probe(first, BEGIN)
    first.want([ONE, TWO])
    assert first.clear == [ONE]
    assert first.pending == [TWO]
    assert first.take_probes(BEGIN + 1) == [TWO]
    first.take_probes(BEGIN + 1 + PROBE_WAIT_SECONDS)
    assert first.clear == [ONE]
    read(first)
    assert first.clear == [ONE, TWO]


def test_a_newcomer_during_a_read_needs_another_read() -> None:
    first = checks()
    assert first.take_read()
    first.want([ONE, TWO])
    first.take_probes(BEGIN)
    first.take_probes(BEGIN + PROBE_WAIT_SECONDS)
    first.read(answered=True)
    assert first.clear == [ONE]
    read(first)
    assert first.clear == [ONE, TWO]


def test_what_is_not_wanted_any_more_begins_anew_when_it_comes_back() -> None:
    first = checks()
    read(first)
    probe(first, BEGIN)
    first.want([])
    assert first.clear == []
    first.want([ONE])
    assert first.clear == []
    assert first.pending == [ONE]


def test_a_claim_between_the_probe_and_the_read_is_heard() -> None:
    first = checks()
    probe(first, BEGIN)
    assert first.take_probes(BEGIN + PROBE_WAIT_SECONDS) == []
    assert first.pending == [ONE], "silent so far, but the Service is still to be read"
    first.claimed(claim(ONE, MAC))
    read(first)
    first.take_probes(BEGIN + 2 * PROBE_WAIT_SECONDS)
    assert first.clear == []


def test_what_was_handed_over_and_prepared_for_is_clear_at_once() -> None:
    first = FirstAnswer(predecessor=Predecessor(Kind.GIVER), prepared=frozenset({ONE}))
    first.want([ONE, TWO])
    assert first.clear == [ONE]
    assert first.take_probes(BEGIN) == [TWO]
    first.want([TWO])
    first.want([ONE, TWO])
    assert first.clear == []


def test_what_was_prepared_for_is_checked_where_it_was_not_handed_over() -> None:
    first = FirstAnswer(predecessor=Predecessor(Kind.OURS), prepared=frozenset({ONE}))
    first.want([ONE])
    assert first.clear == []


def test_another_nodes_answer_is_looked_at_again_soon() -> None:
    first = checks()
    read(first)
    assert first.take_probes(BEGIN) == [ONE]
    first.claimed(claim(ONE, OTHER_MAC, of_node=True))
    assert first.take_probes(BEGIN + PROBE_WAIT_SECONDS) == []
    assert first.foreign == {ONE: OTHER_MAC.hex(":")}
    assert first.wake_at == BEGIN + PROBE_WAIT_SECONDS + NODE_REPROBE_SECONDS


V6 = Announcement(ip_address("2001:db8::1"), "eth0")


@pytest.mark.parametrize(
    ("said", "late"),
    [
        (claim(ONE, MAC, to_us=True), True),
        (claim(ONE, MAC), False),
        (claim(V6, MAC), True),
        (claim(ONE, OTHER_MAC, to_us=True), False),
    ],
)
def test_a_late_answer_of_the_previous_holder_is_no_announcement(said: Claimed, late: bool) -> None:
    first = checks(OURS)
    assert first.gives_way(said, BEGIN + GIVES_WAY_SECONDS - 0.1) is late
    assert not first.gives_way(said, BEGIN + GIVES_WAY_SECONDS)
