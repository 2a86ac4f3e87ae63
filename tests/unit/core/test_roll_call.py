"""The roll call: who of a group is looked at, and what each is to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from l2announcer.core.announcer import Announcer
from l2announcer.core.company import Part
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import Refusal, Resign, Seen
from l2announcer.core.lease import decode
from l2announcer.core.model import Key, Kind, Policy, Service
from tests.scenarios.driver import Driver

KEYS = [Key("default", f"s{number}") for number in range(5)]
LEASES = [f"cilium-l2announce-default-s{number}" for number in range(5)]
LONER = Key("default", "loner")
SHARED = "172.19.0.240"


def service(key: Key, address: str = SHARED) -> Service:
    return Service(key=key, uid=str(key), external_ips=(address,))


class Group(Driver):
    """A node that is to hold five Leases for one address, and one by itself."""

    def __init__(self, *, holds_over: bool = False) -> None:
        super().__init__()
        config = self.announcer.config
        terms = replace(config.terms, holds_over=holds_over)
        self.announcer = Announcer(replace(config, terms=terms))
        self.polled: list[str] = []
        self.warm()
        for key in KEYS:
            self.handle(Seen(Kind.SERVICE, self.stamped(service(key))))
        self.handle(Seen(Kind.SERVICE, self.stamped(service(LONER, "172.19.0.9"))))
        self.see(Policy(key=Key("", "p"), external_ips=True))
        self.settle(0.5)

    def parts(self) -> dict[str, Part | None]:
        return {name: self.announcer.contests[name].part for name in LEASES}


def counted(built: Group, patch: pytest.MonkeyPatch) -> Group:
    """The same, with the polls of its Electors noted from now on."""
    poll = Elector.poll

    def noted(self: Elector, *arguments: Any) -> Any:
        built.polled.append(self.name)
        return poll(self, *arguments)

    patch.setattr(Elector, "poll", noted)
    return built


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Group:
    return counted(Group(), monkeypatch)


def test_it_holds_all_and_answers(group: Group) -> None:
    assert group.answered == {(SHARED, "eth0"), ("172.19.0.9", "eth0")}
    assert set(group.parts().values()) == {Part.TAKE_AT_ONCE}
    assert group.announcer.contests["cilium-l2announce-default-loner"].part is None


def test_a_renewal_concerns_one_lease_alone(group: Group) -> None:
    group.settle(20.0)
    group.polled.clear()
    before = len(group.writes)
    group.settle(20.0)
    renewals = len(group.writes) - before
    assert renewals >= 6 * 9
    # Once when it is due, and once when it was accepted.
    assert len(group.polled) <= 2.5 * renewals


def test_what_another_wrote_concerns_all(group: Group) -> None:
    group.polled.clear()
    group.handle(Seen(Kind.LEASE, group.put_lease(LEASES[3], holderIdentity="other")))
    group.poll()
    assert set(group.polled) == set(LEASES)
    assert (SHARED, "eth0") not in group.answered


def test_somebody_who_leads_is_left_the_rest(group: Group) -> None:
    group.handle(Seen(Kind.LEASE, group.put_lease(LEASES[0], holderIdentity="other")))
    group.settle(0.5)
    first, *rest = group.parts().values()
    assert first is Part.TAKE
    assert set(rest) == {Part.LEAVE}
    assert {group.holder(key) for key in KEYS[1:]} == {""}
    assert all(group.announcer.contests[name].elector.wish is Wish.RELEASE for name in LEASES[1:])


def test_who_leads_keeps_what_it_has_of_the_rest(group: Group) -> None:
    group.handle(Seen(Kind.LEASE, group.put_lease(LEASES[4], holderIdentity="other")))
    group.settle(0.5)
    assert set(group.parts().values()) == {Part.TAKE_AT_ONCE}
    assert {group.holder(key) for key in KEYS[:4]} == {"worker"}
    assert (SHARED, "eth0") not in group.answered
    group.handle(Seen(Kind.LEASE, group.put_lease(LEASES[4], holderIdentity="")))
    group.settle(0.5)
    assert (SHARED, "eth0") in group.answered


def test_without_room_for_all_none_is_taken() -> None:
    node = Driver()
    config = replace(node.announcer.config, qps=1.0)
    node.announcer = type(node.announcer)(config)
    node.warm()
    for key in KEYS:
        node.handle(Seen(Kind.SERVICE, node.stamped(service(key))))
    node.see(service(LONER, "172.19.0.9"))
    node.see(Policy(key=Key("", "p"), external_ips=True))
    node.settle(60.0)
    assert {node.holder(key) for key in KEYS} == {None}
    assert node.holder(LONER) == "worker"
    assert "no room for all 5" in node.state(KEYS[0])[1]
    for key in KEYS[2:]:
        node.gone(Kind.SERVICE, key)
    node.settle(60.0)
    assert node.holder(KEYS[0]) == node.holder(KEYS[1]) == "worker"
    assert (SHARED, "eth0") in node.answered


def test_a_companion_s_lease_is_held_as_well_and_given_back(group: Group) -> None:
    foreign = replace(service(KEYS[2]), load_balancer_class="example.com/lb")
    group.see(foreign)
    group.settle(20.0)
    assert group.holder(KEYS[2]) == "worker"
    assert (SHARED, "eth0") in group.answered
    assert group.announcer.candidacy(KEYS[2]) is None
    group.see(replace(foreign, external_ips=()))
    group.settle(1.0)
    assert group.holder(KEYS[2]) == ""
    assert (SHARED, "eth0") in group.answered
    group.handle(Resign())
    group.settle(1.0)
    assert {group.holder(key) for key in (*KEYS, LONER)} == {""}


def test_who_vanished_is_waited_for_no_more_and_not_released(group: Group) -> None:
    group.gone(Kind.SERVICE, KEYS[1])
    group.settle(1.0)
    assert (SHARED, "eth0") in group.answered
    assert group.holder(KEYS[1]) == "worker", "it runs out"
    assert decode(group.leases[LEASES[1]]).holder == "worker"
    group.settle(20.0)
    assert (SHARED, "eth0") in group.answered


def test_a_lease_that_is_gone_is_made_again_by_who_leads(group: Group) -> None:
    group.leases.pop(LEASES[1])
    group.gone(Kind.LEASE, Key("kube-system", LEASES[1]))
    assert (SHARED, "eth0") not in group.answered or group.holder(KEYS[1]) == "worker"
    group.settle(20.0)
    assert group.holder(KEYS[1]) == "worker"
    assert (SHARED, "eth0") in group.answered


def test_while_all_is_held_over_each_step_concerns_one_lease_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = counted(Group(holds_over=True), monkeypatch)
    group.refuse = dict.fromkeys(group.leases, Refusal.UNAVAILABLE)
    group.settle(20.0)
    assert (SHARED, "eth0") in group.answered
    group.polled.clear()
    group.settle(10.0)
    polls = sum(name in LEASES for name in group.polled)
    assert polls <= 5 * 10.0 * len(LEASES), "two steps, a probe, and an attempt now and then"
    assert (SHARED, "eth0") in group.answered
    group.refuse = {}
    group.settle(5.0)
    assert not any(group.announcer.contests[name].held_over for name in LEASES)
