"""What LB IPAM may not do to the addresses of Services.

Rules of this file; a violation is a broken one:
- two owners: it gives an address to one Service, or to those that may share it.
- a host's: it gives none that a node has.
- renumbered: it takes none away, since nothing that happens here is a reason.

A write that was under way when another controller came fits what it says it knew, and no more can
be asked of a status. Excused is who began it before that, and the one in charge for putting it
right.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from l2announcer.core.controller import CONTROLLER_LEASE
from l2announcer.core.model import Service
from tests.sim.api import Api
from tests.sim.lease_judge import LeaseJudge
from tests.sim.objects import HOSTS, Json, addresses, shares
from tests.sim.overlap import Overlaps


class IpamJudge:
    """Sees all Services; `breaks(rule, what)` is told of violations."""

    def __init__(
        self, api: Api, leases: LeaseJudge, overlaps: Overlaps, breaks: Callable[[str, str], None]
    ) -> None:
        self._api = api
        self._leases = leases
        self._overlaps = overlaps
        self._breaks = breaks
        self._given: dict[str, frozenset[str]] = {}  # by uid
        self._to_put_right: set[str] = set()  # uids

    def services_are(self, services: list[Json]) -> None:
        """Take in all Services as they are stored."""
        owners: dict[str, Json] = {}
        for service in services:
            for address in addresses(service):
                if address in HOSTS:
                    self._breaks("a host's", f"{service['metadata']['name']} has {address}")
                if address in owners and not shares(service, owners[address]):
                    self._owned_twice(address, [owners[address], service])
                owners[address] = service

    def service_is(self, service: Service, *, by_hand: bool) -> None:
        """Take in a change of one Service."""
        shown = frozenset(entry.ip for entry in service.ingress)
        lost = self._given.get(service.uid, frozenset()) - shown
        self._given[service.uid] = shown
        if not lost or by_hand:
            return
        if service.uid in self._to_put_right:
            self._to_put_right.discard(service.uid)
        else:
            self._breaks("renumbered", f"{service.key} lost {set(lost)}, and has {set(shown)}")

    def _owned_twice(self, address: str, services: list[Json]) -> None:
        uids = {service["metadata"]["uid"] for service in services}
        if self._late():
            self._to_put_right |= uids
        elif not uids <= self._to_put_right:
            names = [service["metadata"]["name"] for service in services]
            self._breaks("two owners", f"{address} belongs to {names}")

    def _late(self) -> bool:
        """Was the present change begun before another came to give addresses?"""
        controller: Any = self._leases[CONTROLLER_LEASE].writer
        began = self._overlaps.tenure_since(controller, CONTROLLER_LEASE) if controller else -inf
        return controller != self._api.writer and self._api.begun_at < began
