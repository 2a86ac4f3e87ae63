"""Denials: each is told once, by the controller."""

from __future__ import annotations

from collections.abc import Collection

from l2announcer.core.claims import Claims
from l2announcer.core.denials import Denials
from l2announcer.core.effects import Effects
from l2announcer.core.model import Key, Service
from l2announcer.core.views import View

X = "172.19.0.240"
OWNER, THIEF = Key("a", "owner"), Key("b", "thief")


class Rig:
    def __init__(self) -> None:
        self.claims = Claims()
        self.denials = Denials(self.claims)
        self.services: View[Service] = View()
        self.version = 0
        self.reason = "AddressDenied"

    def put(self, key: Key, *addresses: str, tells: bool = True) -> list[str]:
        self.version += 1
        version = str(self.version)
        found = Service(key=key, uid=str(key), resource_version=version, external_ips=addresses)
        self.services.see(found)
        return self.poll(self.claims.take({key: found}), tells=tells)

    def poll(self, changed: Collection[Key] = (), *, tells: bool = True) -> list[str]:
        out = Effects()
        self.denials.poll(changed, self.services, out, tells=tells)
        assert [event.message for event in out.events] == [t.reason for t in out.transitions]
        assert all(event.warning and event.reason == self.reason for event in out.events)
        return [f"{event.uid}: {event.message}" for event in out.events]


def test_it_is_told_once_to_who_names_the_address() -> None:
    rig = Rig()
    assert rig.put(OWNER, X) == []
    (sentence,) = rig.put(THIEF, X)
    assert sentence.startswith(f"b/thief: {X} in spec.externalIPs belongs to Service a/owner")
    assert rig.put(THIEF, X) == []
    assert rig.put(OWNER, X) == []
    assert rig.put(THIEF) == []
    assert len(rig.put(THIEF, X)) == 1


def test_whose_lease_is_another_s_is_told_so() -> None:
    rig = Rig()
    rig.reason = "LeaseDenied"
    rig.put(Key("a-b", "c"), X)
    (sentence,) = rig.put(Key("a", "b-c"), "172.19.0.241")
    assert sentence.startswith("a/b-c: Lease cilium-l2announce-a-b-c, which has")


def test_only_the_controller_tells_and_a_new_one_tells_of_all() -> None:
    rig = Rig()
    rig.put(OWNER, X, tells=False)
    assert rig.put(THIEF, X, tells=False) == []
    assert len(rig.poll(tells=True)) == 1
    assert rig.poll(tells=True) == []
    assert rig.poll(tells=False) == []
    assert len(rig.poll(tells=True)) == 1


def test_who_is_gone_is_told_nothing() -> None:
    rig = Rig()
    rig.put(OWNER, X)
    rig.put(THIEF, X)
    rig.services.forget(THIEF, "")
    assert rig.poll(rig.claims.take({THIEF: None})) == []
