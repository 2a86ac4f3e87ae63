"""Taking a Lease, and being sure of the address: after others, strangers, and oneself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from l2announcer.core import lease
from l2announcer.core.candidacy import State
from l2announcer.core.controller import CONTROLLER_LEASE
from l2announcer.core.effects import (
    LeaseWrite,
    Message,
    ReadLease,
)
from l2announcer.core.facts import (
    Claimed,
    Fact,
    LeaseRead,
    LeaseRefused,
    Links,
    Listed,
    Refusal,
    Seen,
)
from l2announcer.core.first_answer import FOREIGN_REPROBE_SECONDS
from l2announcer.core.ipam.sharing import KEY, NAMESPACES
from l2announcer.core.model import Holding, Key, Kind, Policy, Service
from tests.scenarios.driver import NODE, Driver, holding
from tests.scenarios.history import (
    BLUE,
    HEARTBEAT,
    HERE,
    LEASE,
    OTHER_MAC,
    OTHER_VIP,
    VIP,
    L,
    Node,
    prepared,
    service,
)

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


def permitting(key: Key, address: str) -> Service:
    """A Service that lets another namespace's share what it has."""
    annotations = {KEY[0]: "k", NAMESPACES[0]: "*"}
    return replace(service(key, address), annotations=annotations)


def test_two_services_whose_leases_have_one_name_share_it_and_are_both_answered(
    node: Node,
) -> None:
    node.see(permitting(FIRST, OTHER_VIP))
    assert node.answered == {*HERE, (OTHER_VIP, "eth0")}
    node.see(permitting(SECOND, "172.19.0.242"))
    assert node.answered == {*HERE, (OTHER_VIP, "eth0"), ("172.19.0.242", "eth0")}
    assert set(node.announcer.contests) == {CONTROLLER_LEASE, HEARTBEAT, LEASE, SHARED}
    node.calls.clear()
    node.settle(10)
    assert 4 <= len(node.about(SHARED)) <= 5, "one renewal for both"


def test_one_of_them_that_goes_takes_nothing_from_the_other(node: Node) -> None:
    node.see(permitting(FIRST, OTHER_VIP))
    node.see(permitting(SECOND, "172.19.0.242"))
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


def test_no_more_is_taken_at_once_than_can_be_renewed() -> None:
    """45 Leases at 10 requests a second: the 46th is left to others, and taken when one goes."""
    node = Driver()
    node.warm()
    node.handle(Seen(Kind.POLICY, node.stamped(Policy(key=Key("", "p"), external_ips=True))))
    keys = [Key("default", f"app{number:02}") for number in range(60)]
    for number, key in enumerate(keys):
        found = Service(key=key, external_ips=(f"172.19.1.{number}",))
        node.handle(Seen(Kind.SERVICE, node.stamped(found)))
    node.settle(3)
    assert len(node.answered) == 44, "the controller's own Lease is one of 45"
    waiting = [key for key in keys if node.holder(key) is None]
    assert len(waiting) == 16
    assert "as many Leases as k8sClientRateLimit.qps" in node.state(waiting[0])[1]
    held = next(key for key in keys if key not in waiting)
    node.see(Service(key=held))
    node.settle(3)
    assert len(node.answered) == 44
    assert node.holder(held) == ""
