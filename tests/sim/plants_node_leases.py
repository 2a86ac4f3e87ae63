"""Faults for the simulation to find: rules of Leases that heartbeats keep, each taken away."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import pytest

from l2announcer.core.candidacy import LEASE_PREFIX
from l2announcer.core.election import Elector
from l2announcer.core.heartbeat import Heartbeat
from l2announcer.core.model import LeaseRecord, Under
from l2announcer.core.node_leases import NodeLeases
from l2announcer.core.node_right import NodeRight
from l2announcer.core.terms import Terms
from tests.sim.hunt import Hunt, Plant
from tests.sim.plan import Fault


def taken_unfenced(patch: pytest.MonkeyPatch) -> None:
    """Rule 19: what a node had is taken as soon as its heartbeat ran out."""
    judge = NodeLeases.judge

    def hasty(self: NodeLeases, elector: Elector, now: float, terms: Terms) -> Iterable[str]:
        names = judge(self, elector, now, terms)
        known = elector.known
        if known.under is not None and known.freed_at == inf:
            known.freed_at = self._heartbeat(known.under.node).held_until
        return names

    patch.setattr(NodeLeases, "judge", hasty)


def one_right_for_all_numbers(patch: pytest.MonkeyPatch) -> None:
    """Rule 18: who was fenced goes on by what it wrote under the number of before."""
    follow = Heartbeat.follow

    def unmoved(self: Heartbeat, terms: Terms) -> None:
        before = self.right
        until = before.tenure.until if before is not None else inf
        follow(self, terms)
        if before is None:
            return
        before.tenure.until, before.tenure.under = until, self.contest.elector.tenure
        number = self.right.number if self.right is not None else before.number
        self.right = NodeRight(number, before.tenure, before.hold_over)

    patch.setattr(Heartbeat, "follow", unmoved)


def missing_is_dead(patch: pytest.MonkeyPatch) -> None:
    """Rule 20: a heartbeat that is not there says that its node isn't either."""
    freed_at = NodeLeases._freed_at

    def hasty(self: NodeLeases, under: Under) -> float:
        missing = self._beats[under.node].number < 0
        return self._since[under.node] if missing else freed_at(self, under)

    patch.setattr(NodeLeases, "_freed_at", hasty)


def heartbeats_keep_everything(patch: pytest.MonkeyPatch) -> None:
    """Rule 20: also a Lease that doesn't say so is judged by its holder's heartbeat."""
    under = LeaseRecord.under.fget  # type: ignore[attr-defined]

    def always(self: LeaseRecord) -> Under | None:
        found: Under | None = under(self)
        ours = self.holder and self.holding is not None and self.name.startswith(LEASE_PREFIX)
        return found if found is not None or not ours else Under(self.holder, 0)

    patch.setattr(LeaseRecord, "under", property(always))


_KEPT = {"by_heartbeat": 1.0, "strangers": 0, "nodes": 3, "duration_seconds": 5}
_MIXED = _KEPT | {"by_heartbeat": 0.5}

HUNTS: dict[Plant, Hunt] = {
    taken_unfenced: Hunt(faults=(Fault.CUT, Fault.CRASH), settings=_KEPT),
    one_right_for_all_numbers: Hunt(
        faults=(Fault.CUT, Fault.LAGGING_WATCH, Fault.FREEZE), settings=_KEPT
    ),
    missing_is_dead: Hunt(faults=(Fault.LEASE_DELETED,), settings=_KEPT),
    heartbeats_keep_everything: Hunt(faults=(Fault.CRASH, Fault.REBOOT), settings=_MIXED),
}
