"""Which Services have an address, or a Lease's name: nobody takes or silences one by naming it.

Rules of this file:
1. A Service claims the addresses in its status that are to be reached on the network (given by
   whoever may write there), and those in its spec.externalIPs (merely named, by whoever may write
   the Service).
2. Of those that claim one address who was given it comes before who names it; among equals the
   older Service (creation, then uid, then name).
3. In this order each has the address, too: who was given it, always; who names it, if every Service
   of another namespace that has it already may share it (core.ipam.sharing has those rules: a
   common key, permission by both namespaces, no port in common).
4. Who names an address and does not have it is told whose it is; the address is not announced for
   it, and it has no part in its election.
5. Two Services may have a Lease of one name (a-b/c and a/b-c). Each that claims an address claims
   that name too, as one that it merely names. Who does not have it keeps others from its addresses
   as ever, but has no part in any election, so that it keeps nobody from answering.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from l2announcer.core.candidacy import lease_name
from l2announcer.core.ipam.ranges import parse_address
from l2announcer.core.ipam.sharing import Sharing, obstacle, sharing
from l2announcer.core.model import IPAddress, Key, Service
from l2announcer.core.selection import on_network

Claim = IPAddress | str  # an address, or the name of a Lease
Claimed = dict[Claim, bool]  # whether each was given, or is merely named

NOTHING: Mapping[Claim, Denial] = {}


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a Service does not have what it names: whose it is, and what is in the way."""

    owner: Key
    why: str

    def sentence(self, claim: Claim) -> str:
        if isinstance(claim, str):
            what = f"Lease {claim}, which has the name of this Service's too,"
        else:
            what = f"{claim} in spec.externalIPs"
        return f"{what} belongs to Service {self.owner}, with which it cannot be shared: {self.why}"


def claimed(service: Service) -> Claimed:
    """The addresses that a Service claims by itself."""
    texts = dict.fromkeys(service.external_ips, False)
    given = (each.ip for each in service.ingress if each.ip and each.ip_mode != "Proxy")
    texts |= dict.fromkeys(given, True)
    addresses: Claimed = {}
    for text, by_status in texts.items():
        address = parse_address(text)
        if address is not None and on_network(address):
            addresses[address] = addresses.get(address, False) or by_status
    return addresses


class Claims:
    """Who claims what, and who has it. `denied` are those that name something in vain."""

    def __init__(self) -> None:
        self.denied: dict[Key, dict[Claim, Denial]] = {}
        self._services: dict[Key, Service] = {}
        self._claims: dict[Key, Claimed] = {}
        self._claimants: dict[Claim, set[Key]] = {}
        self._sharing: dict[Key, Sharing] = {}  # of those that were asked

    def take(self, changed: Mapping[Key, Service | None]) -> set[Key]:
        """Take in Services as they are now; None is gone. All whose claims that may have moved."""
        moved = set(changed)
        contested: set[Claim] = set()
        for key, service in changed.items():
            before = self._claims.pop(key, {})
            self._sharing.pop(key, None)
            after = claimed(service) if service is not None else {}
            if service is None or not after:
                self._services.pop(key, None)
            else:
                after[lease_name(key)] = False
                self._services[key] = service
                self._claims[key] = after
            self._move(key, before, after)
            self.denied.pop(key, None)
            contested.update(before, after)
        for claim in contested:
            claimants = self._claimants.get(claim, ())
            if len(claimants) > 1 or not changed.keys() >= set(claimants):
                moved |= set(claimants)
                self._judge(claim, claimants)
        return moved

    def gains(self, service: Service) -> bool:
        """Does it claim an address that it did not claim before?"""
        return not claimed(service).keys() <= self._claims.get(service.key, {}).keys()

    def had(self, key: Key) -> list[Claim]:
        """What the Service claims and has; nothing if its Lease is another's."""
        denied = self.denied.get(key, NOTHING)
        if lease_name(key) in denied:
            return []
        return [each for each in self._claims.get(key, ()) if each not in denied]

    def owners(self, claim: Claim) -> list[Key]:
        """All that claim it and have it."""
        return [key for key in self._claimants.get(claim, ()) if claim in self.had(key)]

    def _move(self, key: Key, before: Claimed, after: Claimed) -> None:
        for claim in before.keys() - after.keys():
            self._claimants[claim].discard(key)
            if not self._claimants[claim]:
                del self._claimants[claim]
        for claim in after.keys() - before.keys():
            self._claimants.setdefault(claim, set()).add(key)

    def _judge(self, claim: Claim, claimants: Iterable[Key]) -> None:
        """Rules 2 and 3 for one address, or one Lease."""
        owners: list[Key] = []
        for _, key in sorted((self._precedence(key, claim), key) for key in claimants):
            denial = None if self._claims[key][claim] else self._denial(key, owners)
            if denial is None:
                owners.append(key)
                self._allow(key, claim)
            else:
                self.denied.setdefault(key, {})[claim] = denial

    def _precedence(self, key: Key, claim: Claim) -> tuple[bool, str, str]:
        service = self._services[key]
        return not self._claims[key][claim], service.created, service.uid

    def _denial(self, key: Key, owners: list[Key]) -> Denial | None:
        for owner in owners:
            if owner.namespace != key.namespace:
                why = obstacle(self._says(key), self._says(owner))
                if why is not None:
                    return Denial(owner, why)
        return None

    def _says(self, key: Key) -> Sharing:
        known = self._sharing.get(key)
        if known is None:
            known = self._sharing[key] = sharing(self._services[key])
        return known

    def _allow(self, key: Key, claim: Claim) -> None:
        denied = self.denied.get(key)
        if denied is not None and denied.pop(claim, None) is not None and not denied:
            del self.denied[key]
