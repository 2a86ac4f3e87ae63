"""Faults for the simulation to find: each takes one rule of the core away, from outside."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

import pytest

from l2announcer.core import election, hand_outs, intent, lease
from l2announcer.core.doubt import Doubts
from l2announcer.core.effects import Call, LeaseWrite
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import Claimed
from l2announcer.core.first_answer import FirstAnswer
from l2announcer.core.hand_outs import HandOuts
from l2announcer.core.known_lease import KnownLease
from l2announcer.core.model import Announcement, Kind, LeaseRecord
from l2announcer.core.node_macs import NodeMacs
from l2announcer.core.predecessor import Kind as PredecessorKind
from l2announcer.core.predecessor import Predecessor
from l2announcer.core.terms import Terms
from tests.sim.api import Api, By
from tests.sim.hunt import Hunt, Plant
from tests.sim.plan import CILIUM_FAST, Fault


def tenure_from_the_reply(patch: pytest.MonkeyPatch) -> None:
    """Rule 1: the tenure counts from when the answer came."""
    written = Elector.written

    def late(self: Elector, record: LeaseRecord, now: float) -> None:
        own = self._hand_outs.of(record)
        if own is not None:
            self._hand_outs._by_signature[own.signature] = own._replace(handed_out_at=now)
        written(self, record, now)

    patch.setattr(Elector, "written", late)


def no_margin(patch: pytest.MonkeyPatch) -> None:
    """Rule 1: the tenure lasts as long as the Lease, by a clock that may be slow."""
    patch.setattr(election, "TENURE_SHARE", 1.0)


def renewed_by_the_wall_clock(patch: pytest.MonkeyPatch) -> None:
    """Rule 2: a renewal carries whatever the wall clock shows."""

    def wall_only(_: HandOuts, wall: float, _known: LeaseRecord, _node: str) -> str:
        return lease.micro_time(int(wall * lease.MICROSECONDS))

    patch.setattr(HandOuts, "renew_time", wall_only)


def others_writes_ignored(patch: pytest.MonkeyPatch) -> None:
    """Rule 3: the tenure goes on when somebody else wrote the Lease."""
    observe = Elector.observe

    def careless(self: Elector, record: LeaseRecord | None, now: float, **how: Any) -> None:
        until = self.tenure.until
        observe(self, record, now, **how)
        if record is not None and self.wish is Wish.HOLD:
            self.tenure.until = max(self.tenure.until, until)

    patch.setattr(Elector, "observe", careless)


def earlier_writes_revive(patch: pytest.MonkeyPatch) -> None:
    """Rules 3 and 8: a write from before a void counts, and brings back a Lease that is gone.

    Each of the two prevents alone what this does.
    """
    confirm = Elector._confirm
    known = property(lambda self: self.record.resource_version if self.record else "")
    patch.setattr(KnownLease, "version", known)

    def generous(self: Elector, record: LeaseRecord, own: Any) -> None:
        confirm(self, record, own._replace(voids=self._voids))

    patch.setattr(Elector, "_confirm", generous)


def any_write_like_ours_is_ours(patch: pytest.MonkeyPatch) -> None:
    """Rule 3: a write with our spec is our own, whoever made it, and without an answer too."""
    observe = Elector.observe

    def trusting(self: Elector, record: LeaseRecord | None, now: float, **how: Any) -> None:
        own = self._hand_outs._by_signature
        for signature, write in own.items():
            own[signature] = write._replace(in_tenure=True)
        observe(self, record, now, **how)

    patch.setattr(hand_outs, "signature", lambda record: (record.spec, None))
    patch.setattr(election, "signature", lambda record: (record.spec, None))
    patch.setattr(Elector, "observe", trusting)


def vanished_lease_is_free(patch: pytest.MonkeyPatch) -> None:
    """Rule 6: a Lease that vanished is made anew by anybody, at once."""
    vacant = property(lambda _: -inf, lambda *_: None)
    patch.setattr(KnownLease, "vacant_at", vacant, raising=False)


def vanished_lease_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Rule 6: who is not selected forgets that a Lease vanished."""

    def forgetful(self: Elector, _: float) -> bool:
        quiet = self._hand_outs.under_way is None
        return self.record is None and self.wish is not Wish.HOLD and quiet

    patch.setattr(Elector, "idle", forgetful)


def unconditional_writes(patch: pytest.MonkeyPatch) -> None:
    """Rule 8: a write doesn't say what it knew, so that a stale view passes for the present."""
    carry_out = Api._carry_out

    def blind(self: Api, call: Call, by: By) -> Any:
        if isinstance(call, LeaseWrite) and not call.create:
            found = self.find(Kind.LEASE, call.name)
            if found is not None:
                version = found["metadata"]["resourceVersion"]
                call.body["metadata"]["resourceVersion"] = version
        return carry_out(self, call, by)

    patch.setattr(Api, "_carry_out", blind)


def our_name_is_enough(patch: pytest.MonkeyPatch) -> None:
    """Rule 9: a Lease that names this node is resumed, whoever wrote it."""

    def named(self: KnownLease, terms: Terms) -> bool:
        return self.record is not None and self.record.holder == terms.node

    patch.setattr(KnownLease, "ours", named)


def release_before_silence(patch: pytest.MonkeyPatch) -> None:
    """Rule 12: a release leaves while the tenure stands."""
    void = Elector._void

    def late(self: Elector) -> None:
        if self.wish is not Wish.RELEASE:
            void(self)

    patch.setattr(Elector, "_void", late)


def expiry_by_the_written_time(patch: pytest.MonkeyPatch) -> None:
    """The head of election: a Lease is over when its renewTime says so by the own wall clock."""
    poll = Elector.poll
    offsets: dict[KnownLease, float] = {}

    def timed(self: Elector, now: float, wall: float, terms: Terms) -> Any:
        offsets[self.known] = now - wall
        return poll(self, now, wall, terms)

    def held_until(self: KnownLease) -> float:
        if self.record is None or not self.record.holder:
            return -inf
        renewed = lease.unix_microseconds(self.record.renew_time) / lease.MICROSECONDS
        return renewed + self.record.duration_seconds + offsets.get(self, 0.0)

    patch.setattr(Elector, "poll", timed)
    patch.setattr(KnownLease, "held_until", property(held_until))


def renewals_within_a_second(patch: pytest.MonkeyPatch) -> None:
    """Rule 2: renewals are as frequent as they are wanted, and carry the time."""
    renewed_by_the_wall_clock(patch)
    patch.setattr(intent, "WRITE_INTERVAL_SECONDS", 0.1)


def refused_writes_are_repeated_at_once(patch: pytest.MonkeyPatch) -> None:
    """Rules 2 and 17: a write that was turned away is handed out again without a pause."""
    patch.setattr(intent, "WRITE_INTERVAL_SECONDS", 0.0)


def answered_unread(patch: pytest.MonkeyPatch) -> None:
    """First answer: the Service is not read again."""
    want = FirstAnswer.want

    def unread(self: FirstAnswer, announcements: Iterable[Announcement]) -> None:
        want(self, announcements)
        for check in self._checks.values():
            check.read_owed = False

    patch.setattr(FirstAnswer, "want", unread)


def answered_unasked(patch: pytest.MonkeyPatch) -> None:
    """First answer: nobody is asked whether the address is in use."""
    patch.setattr(FirstAnswer, "claimed", lambda *_: None)


def strangers_fall_silent(patch: pytest.MonkeyPatch) -> None:
    """First answer: a stranger whose Lease ran out is taken for silent, as one of ours would be."""
    macs = frozenset(f"02:00:00:00:02:{number:02x}" for number in range(4))
    ours = Predecessor(PredecessorKind.OURS, macs)
    patch.setattr(election, "predecessor", lambda *_: ours)


def never_in_doubt(patch: pytest.MonkeyPatch) -> None:
    """Doubt: what others say on the segment is not listened to."""
    patch.setattr(Doubts, "raise_", lambda *_, **__: None)


def nodes_are_foreign(patch: pytest.MonkeyPatch) -> None:
    """Doubt: a node's MAC is not listened to for a while, like a foreign host's."""
    patch.setattr(NodeMacs, "marked", lambda _, claim: claim)


def predecessors_are_not_heeded(patch: pytest.MonkeyPatch) -> None:
    """First answer: whatever the previous holder says for a while is taken for late answers."""

    def gives_way(self: FirstAnswer, claim: Claimed, now: float) -> bool:
        return now < self._gives_way_until + 2.5 and claim.mac.hex(":") in self._holding_over

    patch.setattr(FirstAnswer, "gives_way", gives_way)


def doubts_need_no_renewal(patch: pytest.MonkeyPatch) -> None:
    """Doubt: a read of the Service settles it alone."""
    settle = Doubts.settle
    patch.setattr(Doubts, "settle", lambda self, _renewed_at, now: settle(self, inf, now))


_FAST: dict[str, Any] = {
    "duration_seconds": 3,
    "renew_seconds": 0.75,
    "timeout": 1.5,
    "services": 1,
    "nodes": 2,
    "twin": False,
    "strangers": 0,
}
_AMONG_STRANGERS = _FAST | {"strangers": 1, "strangers_timing": CILIUM_FAST}

HUNTS: dict[Plant, Hunt] = {
    tenure_from_the_reply: Hunt(first=15, faults=(Fault.SLOW_CALLS, Fault.CUT), settings=_FAST),
    no_margin: Hunt(first=132, faults=(Fault.CUT, Fault.FREEZE)),
    renewed_by_the_wall_clock: Hunt(first=2),
    renewals_within_a_second: Hunt(
        first=10,
        faults=(Fault.CUT,),
        settings=_AMONG_STRANGERS | {"renew_seconds": 0.2, "unjudged": frozenset({"seconds"})},
    ),
    refused_writes_are_repeated_at_once: Hunt(first=5, faults=(Fault.OUTAGE,), settings=_FAST),
    others_writes_ignored: Hunt(first=2),
    earlier_writes_revive: Hunt(first=8),
    any_write_like_ours_is_ours: Hunt(
        first=13,
        faults=(Fault.CRASH, Fault.FREEZE, Fault.CUT, Fault.LAGGING_WATCH),
        settings=_FAST | {"twin": True},
    ),
    vanished_lease_is_free: Hunt(first=4),
    vanished_lease_is_forgotten: Hunt(
        first=4, faults=(Fault.LEASE_DELETED, Fault.POLICY, Fault.LABEL), settings=_FAST
    ),
    unconditional_writes: Hunt(first=1),
    our_name_is_enough: Hunt(first=6),
    release_before_silence: Hunt(first=7),
    expiry_by_the_written_time: Hunt(first=1),
    answered_unread: Hunt(first=1, faults=(Fault.LAGGING_WATCH, Fault.SERVICE, Fault.CRASH)),
    answered_unasked: Hunt(
        faults=(Fault.FOREIGN_HOST, Fault.CRASH), settings=_FAST | {"lost_frames": 0.0}
    ),
    strangers_fall_silent: Hunt(
        first=13, faults=(Fault.STRANGER,), settings=_AMONG_STRANGERS | {"lost_frames": 0.0}
    ),
    never_in_doubt: Hunt(faults=(Fault.SUSPEND,), settings=_FAST),
    nodes_are_foreign: Hunt(first=27, faults=(Fault.SUSPEND,), settings=_FAST),
    predecessors_are_not_heeded: Hunt(
        first=2, faults=(Fault.LEASE_CLEARED, Fault.LAGGING_WATCH), settings=_FAST
    ),
    doubts_need_no_renewal: Hunt(faults=(Fault.SUSPEND,), settings=_FAST),
}
