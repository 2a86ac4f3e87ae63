"""Holding, losing and taking a Lease: what a node answers for in each history, and until when."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from l2announcer.core import lease
from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.candidacy import State
from l2announcer.core.controller import CONTROLLER_LEASE
from l2announcer.core.effects import (
    Call,
    Effects,
    LeaseWrite,
    Message,
    ReadLease,
    ReadService,
)
from l2announcer.core.facts import (
    Claimed,
    Fact,
    Gone,
    LeaseRead,
    LeaseRefused,
    Links,
    Listed,
    Refusal,
    Resign,
    Seen,
    ServiceRead,
)
from l2announcer.core.first_answer import FOREIGN_REPROBE_SECONDS
from l2announcer.core.model import Holding, Key, Kind, LeaseRecord, Policy, Service
from tests.scenarios.driver import NODE, Driver, holding

BLUE = Key("default", "blue")
LEASE = "cilium-l2announce-default-blue"
VIP, OTHER_VIP = "172.19.0.240", "172.19.0.241"
HERE = {(VIP, "eth0")}
OTHER_MAC = bytes.fromhex("0242ac1300ff")
L, R = 15.0, 2.0
TENURE = 13.5  # 90 % of L


class Node(Driver):
    """Notes each call with its instant; `hosts` answer probes, `lost` answers never arrive."""

    def __init__(self, known_as: Holding | None = None) -> None:
        super().__init__()
        terms = replace(self.announcer.config.terms, holding=known_as or holding())
        self.announcer = Announcer(Config(terms=terms, lb_ipam=False))
        self.calls: list[tuple[float, Call]] = []
        self.hosts: dict[str, bytes] = {}
        self.lost: set[str] = set()

    def carry_out(self, effects: Effects) -> bool:
        self.calls += [(self.now, call) for call in effects.calls]
        answers = [
            Claimed(
                *_answerer(frame.announcement.address, self.hosts), frame.announcement.interface
            )
            for frame in effects.frames
            if frame.message is Message.PROBE and str(frame.announcement.address) in self.hosts
        ]
        self.handle(*answers)
        return super().carry_out(effects) or bool(answers)

    def _write(self, call: LeaseWrite) -> Fact:
        outcome = super()._write(call)
        if call.name in self.lost:
            return LeaseRefused(call.name, Refusal.UNAVAILABLE)
        return outcome

    def about(self, name: str = LEASE) -> list[tuple[float, Call]]:
        """The calls about one Lease."""
        return [
            (at, call)
            for at, call in self.calls
            if isinstance(call, LeaseWrite | ReadLease) and call.name == name
        ]

    @property
    def handed_out_at(self) -> float:
        """When the last write of the Lease was."""
        return max(at for at, call in self.about() if isinstance(call, LeaseWrite))

    def until(self, instant: float) -> None:
        self.settle(instant - self.now)

    def show(self, record: LeaseRecord) -> None:
        """The watch tells of the Lease."""
        self.handle(Seen(Kind.LEASE, record))

    def held_by_other(self, **spec: Any) -> LeaseRecord:
        """The Lease as another client of it wrote it; no annotation of ours counts."""
        base = {"holderIdentity": "other", "leaseDurationSeconds": 15, "renewTime": "t1"}
        return self.put_lease(LEASE, **{**base, **spec})

    @property
    def spec(self) -> dict[str, Any]:
        found: dict[str, Any] = self.leases[LEASE]["spec"]
        return found


def _answerer(address: Any, hosts: dict[str, bytes]) -> tuple[Any, bytes]:
    return address, hosts[str(address)]


def service(key: Key = BLUE, address: str = VIP) -> Service:
    return Service(key=key, uid=str(key), external_ips=(address,))


def prepared(known_as: Holding | None = None) -> Node:
    """A node that would announce blue, as soon as it holds the Lease; nothing polled yet."""
    node = Node(known_as)
    node.warm()
    everything = Policy(key=Key("", "p"), external_ips=True)
    node.handle(Seen(Kind.POLICY, node.stamped(everything)))
    node.handle(Seen(Kind.SERVICE, node.stamped(service())))
    return node


@pytest.fixture
def node() -> Iterator[Node]:
    """A node that holds the Lease and announces."""
    held = prepared()
    held.settle()
    assert held.answered == HERE
    held.calls.clear()
    yield held
    for group in held.announcer.groups.values():
        if group.grants and group.elector.tenure.valid(held.now):
            assert group.elector.record is not None
            assert group.elector.record.holder == NODE


# Renewing


def test_one_renewal_every_interval_and_nothing_more(node: Node) -> None:
    begun = node.announcer.groups[LEASE].elector.tenure.until - TENURE
    node.until(begun + 20.5)
    assert [round(at - begun, 6) for at, _ in node.about()] == [R * n for n in range(1, 11)]
    writes = [call for _, call in node.about() if isinstance(call, LeaseWrite)]
    assert len(writes) == 10
    assert all(write.renewal and not write.create for write in writes)
    assert {write.body["spec"]["leaseTransitions"] for write in writes} == {0}
    others = [call for _, call in node.calls if getattr(call, "name", "") != LEASE]
    assert {getattr(call, "name", "") for call in others} == {CONTROLLER_LEASE}
    assert [frame.message for frame in node.frames].count(Message.PROBE) == 1
    assert node.answered == HERE


def test_without_an_answer_it_is_silent_nine_tenths_of_the_lease_after_the_last_hand_out(
    node: Node,
) -> None:
    node.settle(5)
    handed_out_at = node.handed_out_at
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.until(handed_out_at + TENURE - 0.001)
    assert node.answered == HERE
    node.until(handed_out_at + TENURE)
    assert node.answered == set()
    state, why = node.state(BLUE)
    assert state is State.CANDIDATE
    assert why == f"no answer from the API server to a write of Lease {LEASE}"


def test_it_keeps_trying_and_comes_back_with_the_first_accepted_write(node: Node) -> None:
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.settle(30)
    node.frames.clear()
    assert node.answered == set()
    del node.refuse[LEASE]
    node.settle(1.1)
    assert node.answered == HERE
    assert [frame.message for frame in node.frames] == [Message.PROBE, Message.ANNOUNCE]
    assert node.spec["leaseTransitions"] == 0, "it was ours all the time"


def test_no_more_than_one_write_a_second_also_when_it_is_refused(node: Node) -> None:
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.settle(40)
    instants = [at for at, _ in node.about()]
    assert min(b - a for a, b in itertools.pairwise(instants)) == pytest.approx(1.0)


@pytest.mark.parametrize("why", [Refusal.DENIED, Refusal.INVALID])
def test_a_refusal_is_told_and_the_tenure_runs_out(node: Node, why: Refusal) -> None:
    node.refuse[LEASE] = why
    handed_out_at = node.now
    node.settle(TENURE + R)
    assert node.answered == set()
    assert node.handed_out_at > handed_out_at, "it goes on trying"
    sentence = f"the API server refuses writes of Lease {LEASE}: {why.value}"
    assert node.state(BLUE)[1] == sentence


def test_a_write_whose_answer_was_lost_counts_from_its_own_hand_out(node: Node) -> None:
    node.lost.add(LEASE)
    node.settle(R)
    (lost_at, _), *_ = node.about()
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.show(lease.decode(node.leases[LEASE]))
    node.until(lost_at + TENURE - 0.001)
    assert node.answered == HERE
    node.until(lost_at + TENURE)
    assert node.answered == set()


def test_a_conflict_leads_to_one_read_and_a_write_on_what_it_found(node: Node) -> None:
    node.put_lease(LEASE)  # somebody adds a label: a new version, the spec unchanged
    node.calls.clear()
    node.settle(2 * R)
    kinds = [type(call) for _, call in node.about()]
    assert kinds[:3] == [LeaseWrite, ReadLease, LeaseWrite]
    assert kinds.count(ReadLease) == 1
    assert node.answered == HERE
    assert node.spec["holderIdentity"] == NODE


# Losing


def test_a_conflict_with_another_holder_silences(node: Node) -> None:
    node.held_by_other()
    node.settle(R)
    assert node.answered == set()
    assert node.state(BLUE) == (State.CANDIDATE, f"Lease {LEASE} is held by other")
    assert [type(call) for _, call in node.about()] == [LeaseWrite, ReadLease]


def test_another_holder_on_the_watch_silences_at_once(node: Node) -> None:
    node.show(node.held_by_other())
    assert node.answered == set()


def test_an_edit_by_hand_in_our_name_silences_until_a_write_is_accepted(node: Node) -> None:
    node.settle(3)
    node.show(node.put_lease(LEASE, leaseDurationSeconds=60))
    assert node.answered == set()
    node.settle(1.1)
    assert node.answered == HERE
    assert node.spec["leaseDurationSeconds"] == 15
    assert node.spec["leaseTransitions"] == 0


def test_a_stranger_that_writes_in_our_name_is_waited_for(node: Node) -> None:
    node.settle(3)
    edited_at = node.now
    node.show(node.put_lease(LEASE, renewTime="2099-01-01T00:00:00.000000Z"))
    assert node.answered == set()
    node.calls.clear()
    node.until(edited_at + L - 0.001)
    assert node.about() == []
    node.until(edited_at + L + 0.1)
    assert node.answered == HERE


def test_a_lease_deleted_by_hand_is_made_again_by_its_holder(node: Node) -> None:
    node.settle(3)
    del node.leases[LEASE]
    node.version += 1
    node.handle(Gone(Kind.LEASE, Key("kube-system", LEASE), str(node.version)))
    assert node.answered == set()
    node.settle(1.1)
    assert node.answered == HERE
    (_, made), *_ = node.about()[-1:]
    assert isinstance(made, LeaseWrite)
    assert node.holder(BLUE) == NODE


def test_a_renewal_of_a_deleted_lease_silences_and_makes_it_again(node: Node) -> None:
    del node.leases[LEASE]
    node.settle(R + 1.1)
    creations = [call.create for _, call in node.about() if isinstance(call, LeaseWrite)]
    assert creations[:2] == [False, True]
    assert node.answered == HERE


def test_what_a_list_no_longer_names_is_gone(node: Node) -> None:
    node.leases.clear()
    node.version += 1
    node.handle(Listed(Kind.LEASE, (), str(node.version)))
    assert node.answered == set()


def test_a_late_list_does_not_undo_our_own_write(node: Node) -> None:
    before = lease.decode(node.leases[LEASE])
    version = str(node.version)
    node.settle(R + 0.1)
    node.handle(Listed(Kind.LEASE, (before,), version))
    assert node.answered == HERE
    node.handle(Listed(Kind.LEASE, (), version))
    assert node.answered == HERE
    node.handle(Seen(Kind.LEASE, before), Gone(Kind.LEASE, Key("kube-system", LEASE), version))
    assert node.answered == HERE


def test_a_service_that_vanished_is_silent_and_its_lease_is_left_to_run_out(node: Node) -> None:
    node.calls.clear()
    node.gone(Kind.SERVICE, BLUE)
    node.settle(30)
    assert node.answered == set()
    assert node.about() == []
    assert node.holder(BLUE) == NODE


def test_one_that_comes_back_is_taken_up_again(node: Node) -> None:
    node.gone(Kind.SERVICE, BLUE)
    node.settle(3)
    node.see(service())
    assert node.answered == HERE
    assert node.spec["leaseTransitions"] == 0


def test_resign_is_silence_at_once_and_then_the_release(node: Node) -> None:
    node.handle(Resign())
    effects = node.poll()
    assert node.answered == set()
    assert effects.answers is not None
    assert effects.answers.interfaces == {}
    assert not node.announcer.released
    node.carry_out(effects)
    node.settle(0)
    assert node.announcer.released
    assert node.spec["holderIdentity"] == ""
    assert node.spec["leaseDurationSeconds"] == 1
    assert node.leases[CONTROLLER_LEASE]["spec"]["holderIdentity"] == ""
    node.calls.clear()
    node.settle(60)
    assert node.calls == [], "one that stops contests nothing"
    assert node.state(BLUE)[0] is State.RESIGNED


def test_a_release_without_an_answer_is_tried_again(node: Node) -> None:
    node.refuse[LEASE] = Refusal.UNAVAILABLE
    node.handle(Resign())
    node.settle(0.1)
    assert not node.announcer.released
    del node.refuse[LEASE]
    node.settle(3)
    assert node.announcer.released
    assert node.spec["holderIdentity"] == ""


# Taking


def test_another_holder_s_lease_is_taken_when_no_change_was_seen_for_as_long_as_it_says() -> None:
    node = prepared()
    node.show(node.held_by_other())
    for number in range(2, 5):
        node.settle(2)
        node.show(node.held_by_other(renewTime=f"t{number}"))
    observed_at = node.now
    node.settle(1)
    node.show(node.held_by_other(renewTime="t4"))  # a new version, and nothing new in it
    node.until(observed_at + L - 0.001)
    assert node.about() == []
    node.settle(1)
    ((at, taken), *_) = node.about()
    assert at == pytest.approx(observed_at + L)
    assert isinstance(taken, LeaseWrite)
    assert not taken.renewal
    assert node.spec["holderIdentity"] == NODE
    assert node.spec["leaseTransitions"] == 1
    assert node.answered == HERE


def test_a_released_lease_is_taken_at_once() -> None:
    node = prepared()
    node.show(node.held_by_other())
    node.settle(1)
    node.show(node.held_by_other(holderIdentity="", leaseDurationSeconds=1))
    node.settle()
    assert node.answered == HERE


def test_of_two_that_take_it_the_slower_stays_silent() -> None:
    node = prepared()
    node.held_by_other()  # created meanwhile; our watch has not told yet
    node.settle(1)
    assert [type(call) for _, call in node.about()] == [LeaseWrite, ReadLease]
    assert node.answered == set()
    assert node.state(BLUE) == (State.CANDIDATE, f"Lease {LEASE} is held by other")


def test_another_s_lease_that_vanished_is_waited_for() -> None:
    node = prepared()
    node.show(node.held_by_other())
    node.settle(1)
    del node.leases[LEASE]
    gone_at = node.now
    node.gone(Kind.LEASE, Key("kube-system", LEASE))
    node.until(gone_at + L - 0.001)
    assert node.about() == []
    node.settle(0.2)
    assert node.answered == HERE


def test_from_a_stranger_it_probes_until_nobody_answers() -> None:
    node = prepared()
    node.hosts[VIP] = OTHER_MAC
    node.show(node.held_by_other(holderIdentity=""))
    node.settle(3)
    assert node.holder(BLUE) == NODE
    assert node.answered == set()
    assert node.state(BLUE)[0] is State.CHECKING
    assert len(node.frames) > 5
    assert node.events == []
    node.hosts.clear()
    node.settle(0.5)
    assert node.answered == HERE


def test_an_address_that_a_foreign_host_has_is_announced_only_after_it_left() -> None:
    node = prepared()
    node.hosts[VIP] = OTHER_MAC
    node.settle(60)
    assert node.announced() == []
    assert node.state(BLUE)[0] is State.ADDRESS_IN_USE
    assert {event.reason for event in node.events} == {"AddressConflict"}
    assert node.events[0].key == BLUE
    assert node.holder(BLUE) == NODE
    node.hosts.clear()
    node.settle(FOREIGN_REPROBE_SECONDS + 0.1)
    assert node.answered == HERE
    assert node.events[-1].reason == "Announced"


def test_a_foreign_host_that_comes_later_is_reported_and_not_given_way_to(node: Node) -> None:
    node.events.clear()
    node.frames.clear()
    claim = Claimed(ip_address(VIP), OTHER_MAC, "eth0")
    node.handle(claim)
    node.carry_out(node.poll())
    assert node.answered == set(), "silent until the Lease was renewed and the Service read"
    assert node.state(BLUE)[0] is State.IN_DOUBT
    node.settle(1.1)
    assert [event.reason for event in node.events] == ["AddressConflict"]
    assert node.answered == HERE
    assert node.frames[0].message is Message.ANNOUNCE
    writes = len(node.writes)
    node.handle(claim)
    node.settle()
    assert node.answered == HERE, "that station is not listened to for a while"
    assert len(node.writes) == writes


def test_a_probe_for_an_answered_address_starts_a_check_without_silence(node: Node) -> None:
    node.settle(1.1)
    writes = len(node.writes)
    node.handle(Claimed(ip_address(VIP), OTHER_MAC, "eth0", probe=True))
    node.carry_out(node.poll())
    assert node.answered == HERE
    node.settle(0.1)
    assert len(node.writes) == writes + 1
    assert "AddressConflict" not in [event.reason for event in node.events]


def test_a_claim_of_the_new_holder_ends_a_tenure_that_was_lost_unheard(node: Node) -> None:
    node.put_lease(LEASE, holderIdentity="other", renewTime="2030-01-01T00:00:00.000000Z")
    node.handle(Claimed(ip_address(VIP), OTHER_MAC, "eth0"))
    node.settle(1.1)
    assert node.answered == set()
    assert node.state(BLUE) == (State.CANDIDATE, f"Lease {LEASE} is held by other")


def test_the_answer_to_a_read_of_an_earlier_tenure_does_not_begin_a_later_one(node: Node) -> None:
    node.show(node.held_by_other())
    node.show(node.held_by_other(holderIdentity=""))
    effects = node.poll()
    while not any(isinstance(call, ReadService) for call in effects.calls):
        node.carry_out(effects)
        node.now = max(node.now, min(effects.wake_at, node.now + 1))
        effects = node.poll()
    node.show(node.held_by_other())  # lost again, while that read is under way
    node.poll()
    node.show(node.held_by_other(holderIdentity=""))
    node.frames.clear()
    node.settle(2)
    assert node.holder(BLUE) == NODE
    assert node.announced() == [], "still waiting for a read of its own"
    node.handle(ServiceRead(BLUE, service()))
    ahead = node.poll()
    assert ReadService(BLUE) in ahead.calls
    assert node.answered == set()
    node.carry_out(ahead)
    node.settle()
    assert node.answered == HERE


# Starting again


def restarted(before: Node, known_as: Holding | None = None) -> Node:
    """The same node after its process was killed: it lists what stands."""
    node = Node(known_as)
    node.now, node.version, node.leases = before.now + 1, before.version + 100, before.leases
    name = node.announcer.terms.node
    everything = Policy(key=Key("", "p"), resource_version="5", external_ips=True)
    blue = replace(service(), resource_version="6")
    node.handle(
        Listed(Kind.LEASE, tuple(lease.decode(raw) for raw in node.leases.values()), "50"),
        Listed(Kind.POLICY, (everything,), "50"),
        Listed(Kind.SERVICE, (blue,), "50"),
        Listed(Kind.POOL, (), "50"),
        *(fact for fact in _node_facts(name)),
    )
    return node


def _node_facts(name: str) -> Iterator[Fact]:
    probe = Driver(node=name)
    probe.warm()
    found = probe.announcer.cluster.node
    assert found is not None
    yield Listed(Kind.NODE, (found,), "50")
    yield Links(probe.announcer.cluster.links or ())


def test_a_killed_process_resumes_its_lease_with_one_write(node: Node) -> None:
    again = restarted(node)
    assert again.answered == set()
    again.settle()
    assert again.answered == HERE
    ((_, resumed),) = again.about()
    assert isinstance(resumed, LeaseWrite)
    assert not resumed.create
    assert resumed.body["spec"]["leaseTransitions"] == 0
    assert resumed.body["spec"]["acquireTime"] == node.spec["acquireTime"]


def test_it_does_not_answer_before_that_write_is_accepted(node: Node) -> None:
    again = restarted(node)
    again.refuse[LEASE] = Refusal.UNAVAILABLE
    again.settle(5)
    assert again.answered == set()


@pytest.mark.parametrize(
    "known_as", [holding(boot="boot-2"), holding(netns=4026532999)], ids=["boot", "namespace"]
)
def test_another_incarnation_of_the_name_waits_like_a_stranger(
    node: Node, known_as: Holding
) -> None:
    again = restarted(node, known_as)
    begun = again.now
    again.until(begun + L - 0.001)
    assert again.about() == []
    assert again.state(BLUE)[1] == f"Lease {LEASE} is held by {NODE}"
    again.settle(0.2)
    assert again.answered == HERE


# Two Services, one name of a Lease

FIRST, SECOND = Key("foo", "bar-baz"), Key("foo-bar", "baz")
SHARED = "cilium-l2announce-foo-bar-baz"


def test_two_services_whose_leases_have_one_name_share_it_and_are_both_answered(
    node: Node,
) -> None:
    node.see(service(FIRST, OTHER_VIP))
    assert node.answered == {*HERE, (OTHER_VIP, "eth0")}
    node.see(service(SECOND, "172.19.0.242"))
    assert node.answered == {*HERE, (OTHER_VIP, "eth0"), ("172.19.0.242", "eth0")}
    assert set(node.announcer.groups) == {CONTROLLER_LEASE, LEASE, SHARED}
    node.calls.clear()
    node.settle(10)
    assert 4 <= len(node.about(SHARED)) <= 5, "one renewal for both"


def test_one_of_them_that_goes_takes_nothing_from_the_other(node: Node) -> None:
    node.see(service(FIRST, OTHER_VIP))
    node.see(service(SECOND, "172.19.0.242"))
    node.gone(Kind.SERVICE, FIRST)
    assert node.answered == {*HERE, ("172.19.0.242", "eth0")}
    node.settle(20)
    assert node.answered == {*HERE, ("172.19.0.242", "eth0")}
    node.gone(Kind.SERVICE, SECOND)
    assert node.answered == HERE


# What must not end the process


def test_a_service_that_goes_while_its_lease_could_not_be_read() -> None:
    node = prepared()
    (write,) = [c for c in node.poll().calls if isinstance(c, LeaseWrite) and c.name == LEASE]
    node.handle(LeaseRefused(write.name, Refusal.CONFLICT))
    (read,) = node.poll().calls
    assert read == ReadLease(LEASE)
    node.handle(LeaseRead(LEASE, None, Refusal.UNAVAILABLE))
    node.gone(Kind.SERVICE, BLUE)
    node.settle(30)
    assert node.answered == set()
