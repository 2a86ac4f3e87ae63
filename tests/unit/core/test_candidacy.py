"""One Service from selected to announced: each state with its sentence, each frame in time."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from math import inf

import pytest

from l2announcer.core import predecessor
from l2announcer.core.candidacy import CONFLICT_REPORT_SECONDS, Candidacy, State, lease_name
from l2announcer.core.effects import Effects, Message
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import Claimed, Refusal
from l2announcer.core.first_answer import FOREIGN_REPROBE_SECONDS, PROBE_WAIT_SECONDS
from l2announcer.core.model import Announcement, Holding, Key, Kind, LeaseRecord, Service
from l2announcer.core.predecessor import Predecessor
from l2announcer.core.selection import Reason, Selection
from l2announcer.core.terms import Terms

KEY = Key("default", "app1")
LEASE = "cilium-l2announce-default-app1"
TERMS = Terms(node="worker", namespace="kube-system", holding=Holding(boot="b", netns=1))
ONE = Announcement(ip_address("172.19.0.240"), "eth0")
TWO = Announcement(ip_address("172.19.0.241"), "eth0")
MAC, OTHER_MAC = bytes.fromhex("0242ac130004"), bytes.fromhex("0242ac1300ff")
BEGIN = 100.0
ON_AIR = BEGIN + PROBE_WAIT_SECONDS


def candidate(*announcements: Announcement) -> Candidacy:
    elector = Elector(lease_name(KEY))
    elector.want(Wish.HOLD)
    candidacy = Candidacy(Service(key=KEY, uid="u-1"), elector)
    candidacy.selection = Selection(announcements or (ONE,))
    return candidacy


def polled(candidacy: Candidacy, now: float, terms: Terms = TERMS) -> Effects:
    """One poll; a read that it asks for is answered at once."""
    out = Effects()
    if candidacy.poll(now, terms, out):
        candidacy.read(answered=True, now=now)
    return out


def holder(*announcements: Announcement) -> Candidacy:
    """One that holds its Lease since BEGIN, for long."""
    candidacy = candidate(*announcements)
    record = LeaseRecord(name=LEASE, resource_version="1", holder="worker")
    candidacy.elector.observe(record, BEGIN)
    candidacy.elector.tenure.until = BEGIN + 10_000
    return candidacy


def announcing(*announcements: Announcement) -> Candidacy:
    candidacy = holder(*announcements)
    polled(candidacy, BEGIN)
    polled(candidacy, ON_AIR)
    return candidacy


def claim(
    mac: bytes = OTHER_MAC, announcement: Announcement = ONE, *, probe: bool = False
) -> Claimed:
    return Claimed(announcement.address, mac, announcement.interface, probe=probe)


def messages(out: Effects) -> list[tuple[Message, Announcement]]:
    return [(frame.message, frame.announcement) for frame in out.frames]


def test_the_name_of_its_lease_is_the_one_that_cilium_gives() -> None:
    assert lease_name(KEY) == LEASE


# States


def test_not_selected_says_every_reason() -> None:
    candidacy = candidate()
    reasons = (Reason("policy p", "does not match"), Reason("policy q", "neither"))
    candidacy.selection = Selection((), reasons)
    sentence = "policy p: does not match; policy q: neither"
    assert candidacy.state(BEGIN, TERMS) == (State.NOT_SELECTED, sentence)


def test_one_that_gives_up_its_lease() -> None:
    candidacy = holder()
    candidacy.elector.want(Wish.RELEASE)
    state, why = candidacy.state(BEGIN, TERMS)
    assert (state, why) == (State.RESIGNED, "this node is stopping and gives up its Leases")


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (None, f"Lease {LEASE} is free; taking it"),
        (LeaseRecord(name=LEASE, resource_version="1"), f"Lease {LEASE} is free; taking it"),
        (
            LeaseRecord(name=LEASE, resource_version="1", holder="other", duration_seconds=15),
            f"Lease {LEASE} is held by other",
        ),
        (
            LeaseRecord(
                name=LEASE,
                resource_version="1",
                holder="worker",
                duration_seconds=15,
                holding=TERMS.holding,
            ),
            f"Lease {LEASE} of worker ran out; taking it",
        ),
    ],
)
def test_a_candidate_says_how_the_lease_is(record: LeaseRecord | None, sentence: str) -> None:
    candidacy = candidate()
    if record is not None:
        candidacy.elector.observe(record, BEGIN)
    assert candidacy.state(BEGIN, TERMS) == (State.CANDIDATE, sentence)


def test_a_candidate_for_a_lease_that_ran_out() -> None:
    candidacy = candidate()
    record = LeaseRecord(name=LEASE, resource_version="1", holder="other", duration_seconds=15)
    candidacy.elector.observe(record, BEGIN)
    sentence = f"Lease {LEASE} of other ran out; taking it"
    assert candidacy.state(BEGIN + 15, TERMS) == (State.CANDIDATE, sentence)


def refused() -> Candidacy:
    """One whose first write of the Lease was refused."""
    candidacy = candidate()
    candidacy.elector.poll(BEGIN, BEGIN, TERMS)
    candidacy.elector.refused(Refusal.DENIED, BEGIN)
    return candidacy


def test_a_candidate_that_is_refused_says_what_the_api_server_said() -> None:
    sentence = f"the API server refuses writes of Lease {LEASE}: denied"
    assert refused().state(BEGIN, TERMS) == (State.CANDIDATE, sentence)


def test_a_candidate_on_a_node_that_is_full() -> None:
    full = replace(TERMS, may_take=False)
    sentence = "this node holds as many Leases as k8sClientRateLimit.qps lets it renew"
    assert candidate().state(BEGIN, full) == (State.CANDIDATE, sentence)


def test_from_checking_to_announcing() -> None:
    candidacy = holder(ONE, TWO)
    polled(candidacy, BEGIN)
    sentence = "Lease held; the Service is read again and the address probed"
    assert candidacy.state(BEGIN, TERMS) == (State.CHECKING, sentence)
    assert candidacy.grants == []
    assert candidacy.watched == [ONE, TWO]
    polled(candidacy, ON_AIR)
    sentence = "172.19.0.240 on eth0, 172.19.0.241 on eth0"
    assert candidacy.state(ON_AIR, TERMS) == (State.ANNOUNCING, sentence)
    assert candidacy.watched == []
    granted = [(grant.announcement, grant.tenure) for grant in candidacy.grants]
    assert granted == [(ONE, candidacy.elector.tenure), (TWO, candidacy.elector.tenure)]


def test_an_address_in_use() -> None:
    candidacy = holder()
    polled(candidacy, BEGIN)
    candidacy.claimed(claim(), BEGIN)
    polled(candidacy, ON_AIR)
    sentence = (
        "another host answers for 172.19.0.240 on eth0 by 02:42:ac:13:00:ff; it must give it up"
    )
    assert candidacy.state(ON_AIR, TERMS) == (State.ADDRESS_IN_USE, sentence)
    assert candidacy.grants == []


# Frames and reads


def test_probe_then_announce_then_repeat_on_the_elector_s_tenure() -> None:
    candidacy = holder()
    first = polled(candidacy, BEGIN)
    assert messages(first) == [(Message.PROBE, ONE)]
    assert candidacy.wake_at == ON_AIR
    sent = []
    while candidacy.wake_at < inf:
        now = candidacy.wake_at
        out = polled(candidacy, now)
        assert all(frame.tenure is candidacy.elector.tenure for frame in out.frames)
        sent += [(round(now - ON_AIR, 3), *each) for each in messages(out)]
    assert sent == [(at, Message.ANNOUNCE, ONE) for at in (0.0, 1.0, 2.0, 4.0)]


def test_the_read_is_asked_for_once_and_waited_for() -> None:
    candidacy = holder()
    assert candidacy.poll(BEGIN, TERMS, Effects())
    assert not candidacy.poll(ON_AIR, TERMS, Effects())
    assert candidacy.grants == []
    candidacy.read(answered=True, now=ON_AIR)
    assert messages(polled(candidacy, ON_AIR)) == [(Message.ANNOUNCE, ONE)]


def test_nothing_without_a_tenure() -> None:
    candidacy = candidate()
    out = Effects()
    assert not candidacy.poll(BEGIN, TERMS, out)
    assert out.frames == []
    assert candidacy.wake_at == inf


def test_a_lost_tenure_ends_everything_and_the_next_begins_with_a_probe() -> None:
    candidacy = announcing()
    candidacy.elector.tenure.void()
    lost = polled(candidacy, BEGIN + 1)
    assert lost.frames == []
    assert candidacy.grants == []
    candidacy.elector.tenure.until = BEGIN + 10_000
    assert messages(polled(candidacy, BEGIN + 2)) == [(Message.PROBE, ONE)]


def test_an_address_that_is_not_wanted_any_more_is_not_granted() -> None:
    candidacy = announcing(ONE, TWO)
    candidacy.selection = Selection((TWO,))
    polled(candidacy, BEGIN + 1)
    assert [grant.announcement for grant in candidacy.grants] == [TWO]


def test_an_address_that_joins_is_probed_while_the_other_is_answered() -> None:
    candidacy = announcing()
    candidacy.selection = Selection((ONE, TWO))
    out = polled(candidacy, BEGIN + 0.5)
    assert messages(out) == [(Message.PROBE, TWO)]
    assert candidacy.watched == [TWO]
    assert [grant.announcement for grant in candidacy.grants] == [ONE]


def test_whose_lease_it_was_decides_how_the_answer_is_read() -> None:
    candidacy = holder()
    candidacy.elector.predecessor = Predecessor(predecessor.Kind.OURS, frozenset({MAC.hex(":")}))
    polled(candidacy, BEGIN)
    candidacy.claimed(claim(MAC), BEGIN)
    out = polled(candidacy, ON_AIR)
    assert messages(out) == [(Message.ANNOUNCE, ONE)]


# Conflicts


def conflicts(out: Effects) -> list[str]:
    return [event.message for event in out.events if event.reason == "AddressConflict"]


def checked(candidacy: Candidacy, now: float) -> Effects:
    """What is told once the Service was read and the Lease renewed after a claim."""
    polled(candidacy, now)
    candidacy.elector.renewed_at = now + 0.1
    return polled(candidacy, now + 0.1)


def test_another_host_is_told_of_once_a_minute() -> None:
    candidacy = announcing()
    candidacy.claimed(claim(), BEGIN + 1)
    out = checked(candidacy, BEGIN + 1)
    sentence = (
        "another host with MAC 02:42:ac:13:00:ff says on eth0 that it has 172.19.0.240;"
        " give one of the two another address"
    )
    assert conflicts(out) == [sentence]
    (event,) = out.events
    assert (event.kind, event.key, event.uid, event.warning) == (Kind.SERVICE, KEY, "u-1", True)
    (told,) = [each for each in out.transitions if each.what == "address conflict"]
    assert (told.reason, told.warning) == (sentence, True)
    assert told.keys == {"service": str(KEY), "address": "172.19.0.240", "interface": "eth0"}
    for seconds, count in (
        (1, 0),
        (CONFLICT_REPORT_SECONDS - 1, 0),
        (CONFLICT_REPORT_SECONDS + 10, 1),
    ):
        candidacy.claimed(claim(), BEGIN + 1 + seconds)
        assert len(conflicts(checked(candidacy, BEGIN + 1 + seconds))) == count
    assert conflicts(polled(candidacy, BEGIN + 1000)) == [], "heard once, told once"


def test_each_mac_and_each_address_is_told_of() -> None:
    candidacy = announcing(ONE, TWO)
    for each in (claim(), claim(announcement=TWO)):
        candidacy.claimed(each, BEGIN + 1)
    assert len(conflicts(checked(candidacy, BEGIN + 1))) == 2
    candidacy.claimed(claim(MAC), BEGIN + 3)
    (sentence,) = conflicts(checked(candidacy, BEGIN + 3))
    assert "02:42:ac:13:00:04" in sentence


def test_a_foreign_host_that_stays_is_told_of_once_a_minute() -> None:
    candidacy = holder()
    told = []
    now = BEGIN
    while now < BEGIN + 100:
        out = polled(candidacy, now)
        if out.frames:
            candidacy.claimed(claim(), BEGIN)
        told += [now for _ in conflicts(out)]
        now = candidacy.wake_at
    assert len(told) == 2
    assert CONFLICT_REPORT_SECONDS <= told[1] - told[0] <= 60 + FOREIGN_REPROBE_SECONDS + 0.1


def test_a_probe_is_a_question_and_no_conflict() -> None:
    candidacy = announcing()
    candidacy.claimed(claim(probe=True), BEGIN + 1)
    assert conflicts(checked(candidacy, BEGIN + 1)) == []


def test_claims_of_what_is_not_announced_here_are_no_concern() -> None:
    candidacy = announcing()
    candidacy.claimed(claim(announcement=TWO), BEGIN)
    candidacy.claimed(claim(announcement=Announcement(ONE.address, "eth1")), BEGIN)
    assert conflicts(polled(candidacy, BEGIN + 1)) == []


# What is told


def test_announcing_is_an_event_once() -> None:
    candidacy = holder()
    polled(candidacy, BEGIN)
    (event,) = polled(candidacy, ON_AIR).events
    assert (event.reason, event.warning) == ("Announced", False)
    assert event.message == "this node answers for 172.19.0.240 on eth0"
    assert polled(candidacy, BEGIN + 1).events == []


def test_each_state_is_logged_once_with_its_reason_and_keys() -> None:
    candidacy = candidate()
    logged = [each for now in (BEGIN, BEGIN + 1) for each in polled(candidacy, now).transitions]
    record = LeaseRecord(name=LEASE, resource_version="1", holder="worker")
    candidacy.elector.observe(record, BEGIN)
    candidacy.elector.tenure.until = inf
    for now in (BEGIN + 2, BEGIN + 2.1, BEGIN + 3):
        logged += polled(candidacy, now).transitions
    assert [each.what for each in logged] == ["candidate", "checking", "announcing"]
    assert logged[0].keys == {"service": "default/app1", "lease": LEASE}
    assert logged[2].keys == {"service": "default/app1", "lease": LEASE, "holder": "worker"}
    assert logged[2].reason == "172.19.0.240 on eth0"
    assert not any(each.warning for each in logged)


def test_what_somebody_must_act_on_is_a_warning() -> None:
    (transition,) = polled(refused(), BEGIN).transitions
    assert transition.warning
