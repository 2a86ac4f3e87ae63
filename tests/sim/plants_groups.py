"""Faults for the simulation to find: rules of Services that share addresses, each taken away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from l2announcer.core import claims, roll_call
from l2announcer.core.company import Company, Lead, Part, lead
from l2announcer.core.contest import Contest
from l2announcer.core.election import Elector
from l2announcer.core.groups import Groups
from l2announcer.core.model import Key
from l2announcer.core.roll_call import RollCall
from l2announcer.core.terms import Terms
from tests.sim.hunt import Hunt, Plant
from tests.sim.plan import OF_SHARERS, Fault


def each_by_its_own_lease(patch: pytest.MonkeyPatch) -> None:
    """Rule 10: a node answers by the Lease of one Service, whoever holds those of the others."""
    stand_together = Contest.stand_together

    def apart(self: Contest, group: tuple[Contest, ...], _: Company) -> None:
        stand_together(self, group, Company([self.elector]))

    patch.setattr(Contest, "stand_together", apart)


def nobody_leads(patch: pytest.MonkeyPatch) -> None:
    """Rule 10: everybody keeps and takes what it can of a group, and nobody gives way."""
    patch.setattr(roll_call, "part", lambda *_, **__: Part.TAKE)


def whoever_holds_any_leads(patch: pytest.MonkeyPatch) -> None:
    """Rule 10: each takes itself for the leader that holds any of the Leases."""

    def own_first(electors: Sequence[Elector], now: float, terms: Terms) -> Lead:
        own = [place for place, one in enumerate(electors) if one.ours(terms)]
        return Lead(terms.node, own[0], own=True) if own else lead(electors, now, terms)

    patch.setattr(roll_call, "lead", own_first)


def who_has_no_policy_is_no_member(patch: pytest.MonkeyPatch) -> None:
    """Rule 10: the Leases of companions are left alone."""
    gather = RollCall._gather

    def without_companions(self: RollCall, members: tuple[str, ...], *args: Any, **how: Any) -> Any:
        wanted = tuple(name for name in members if self._find(name).candidacies)
        return gather(self, wanted or members, *args, **how)

    patch.setattr(RollCall, "_gather", without_companions)


def who_names_it_has_it(patch: pytest.MonkeyPatch) -> None:
    """Rule 10: who names another's address has it too, and has a part in its election."""
    patch.setattr(claims.Claims, "_denial", lambda *_: None)


def strangers_to_each_other(patch: pytest.MonkeyPatch) -> None:
    """Rule 10: each Service is elected by itself."""

    def alone(_: Groups, key: Key) -> Iterable[Key]:
        return {key}

    patch.setattr(Groups, "_connected", alone)


_SHARING = {"sharing": 4, "services": 1, "strangers": 0, "twin": False}
_FAULTS = (*OF_SHARERS, Fault.CRASH, Fault.RESIGN, Fault.LAGGING_WATCH)

HUNTS: dict[Plant, Hunt] = {
    plant: Hunt(first=first, faults=_FAULTS, settings=_SHARING)
    for plant, first in (
        (each_by_its_own_lease, 0),
        (nobody_leads, 1),
        (whoever_holds_any_leads, 0),
        (who_has_no_policy_is_no_member, 0),
        (who_names_it_has_it, 0),
        (strangers_to_each_other, 0),
    )
}
