"""Faults for the simulation to find: rules of local endpoints, each taken away from outside."""

from __future__ import annotations

import pytest

from l2announcer.core.endpoints import EVERYWHERE, Endpoints, Places
from l2announcer.core.model import EndpointSlice, Key, Service
from l2announcer.core.selection import Selection
from tests.sim.hunt import Hunt, Plant
from tests.sim.plan import Fault


def endpoints_ignored(patch: pytest.MonkeyPatch) -> None:
    """core.endpoints: a node contests whether it has an endpoint or not."""
    narrow = Endpoints.narrow

    def careless(self: Endpoints, service: Service, selection: Selection) -> Selection:
        narrow(self, service, selection)
        return selection

    patch.setattr(Endpoints, "narrow", careless)


def moves_unheard(patch: pytest.MonkeyPatch) -> None:
    """core.endpoints: what the watch says of endpoints is noted, and nothing follows from it."""
    seen = Endpoints.seen

    def deaf(self: Endpoints, found: EndpointSlice) -> set[Key]:
        seen(self, found)
        return set()

    patch.setattr(Endpoints, "seen", deaf)


def none_taken_for_everywhere(patch: pytest.MonkeyPatch) -> None:
    """core.endpoints: a Service without any endpoint is taken for one whose place isn't known."""
    places = Endpoints.places

    def generous(self: Endpoints, service: Service) -> Places:
        found = places(self, service)
        return found if found.ready or found.terminating else EVERYWHERE

    patch.setattr(Endpoints, "places", generous)


def terminating_ones_unused(patch: pytest.MonkeyPatch) -> None:
    """core.endpoints: where all endpoints are terminating nobody answers any more."""
    patch.setattr(Places, "serving", lambda self, node: self.everywhere or node in self.ready)


_LOCAL = {"local": True, "strangers": 0}
_FAULTS = (Fault.ENDPOINTS, Fault.ENDPOINTS, Fault.CRASH, Fault.SERVICE)

HUNTS: dict[Plant, Hunt] = {
    endpoints_ignored: Hunt(faults=_FAULTS, settings=_LOCAL),
    moves_unheard: Hunt(faults=_FAULTS, settings=_LOCAL),
    none_taken_for_everywhere: Hunt(faults=_FAULTS, settings=_LOCAL),
    terminating_ones_unused: Hunt(first=9, faults=_FAULTS, settings=_LOCAL),
}
