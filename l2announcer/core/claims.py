"""Which Services have an address: nobody takes one, or silences it, by naming it.

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
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from l2announcer.core.ipam.ranges import parse_address
from l2announcer.core.ipam.sharing import Sharing, obstacle, sharing
from l2announcer.core.model import IPAddress, Key, Service
from l2announcer.core.selection import on_network

Addresses = dict[IPAddress, bool]  # whether each was given, or is merely named

NOTHING: Mapping[IPAddress, Denial] = {}


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a Service does not have an address that it names: whose it is, and what is in the way."""

    owner: Key
    why: str

    def sentence(self, address: IPAddress) -> str:
        return (
            f"{address} in spec.externalIPs belongs to Service {self.owner}, with which it cannot"
            f" be shared: {self.why}"
        )


def claimed(service: Service) -> Addresses:
    """What a Service claims by itself."""
    texts = dict.fromkeys(service.external_ips, False)
    given = (each.ip for each in service.ingress if each.ip and each.ip_mode != "Proxy")
    texts |= dict.fromkeys(given, True)
    addresses: Addresses = {}
    for text, by_status in texts.items():
        address = parse_address(text)
        if address is not None and on_network(address):
            addresses[address] = addresses.get(address, False) or by_status
    return addresses


class Claims:
    """Who claims which address, and who has it. `denied` are those that name one in vain."""

    def __init__(self) -> None:
        self.denied: dict[Key, dict[IPAddress, Denial]] = {}
        self._services: dict[Key, Service] = {}
        self._addresses: dict[Key, Addresses] = {}
        self._claimants: dict[IPAddress, set[Key]] = {}
        self._sharing: dict[Key, Sharing] = {}  # of those that were asked

    def take(self, changed: Mapping[Key, Service | None]) -> set[Key]:
        """Take in Services as they are now; None is gone. All whose claims that may have moved."""
        moved = set(changed)
        contested: set[IPAddress] = set()
        for key, service in changed.items():
            before = self._addresses.pop(key, {})
            self._sharing.pop(key, None)
            after = claimed(service) if service is not None else {}
            if service is None or not after:
                self._services.pop(key, None)
            else:
                self._services[key] = service
                self._addresses[key] = after
            self._move(key, before, after)
            self.denied.pop(key, None)
            contested.update(before, after)
        for address in contested:
            claimants = self._claimants.get(address, ())
            if len(claimants) > 1 or not moved.issuperset(claimants):
                moved |= set(claimants)
                self._judge(address, claimants)
        return moved

    def gains(self, service: Service) -> bool:
        """Does it claim an address that it did not claim before?"""
        return not claimed(service).keys() <= self._addresses.get(service.key, {}).keys()

    def had(self, key: Key) -> list[IPAddress]:
        """The addresses that the Service claims and has."""
        denied = self.denied.get(key, NOTHING)
        return [each for each in self._addresses.get(key, ()) if each not in denied]

    def owners(self, address: IPAddress) -> list[Key]:
        """All that claim the address and have it."""
        claimants = self._claimants.get(address, ())
        return [key for key in claimants if address not in self.denied.get(key, NOTHING)]

    def _move(self, key: Key, before: Addresses, after: Addresses) -> None:
        for address in before.keys() - after.keys():
            self._claimants[address].discard(key)
            if not self._claimants[address]:
                del self._claimants[address]
        for address in after.keys() - before.keys():
            self._claimants.setdefault(address, set()).add(key)

    def _judge(self, address: IPAddress, claimants: Iterable[Key]) -> None:
        """Rules 2 and 3 for one address."""
        owners: list[Key] = []
        for _, key in sorted((self._precedence(key, address), key) for key in claimants):
            denial = None if self._addresses[key][address] else self._denial(key, owners)
            if denial is None:
                owners.append(key)
                self._allow(key, address)
            else:
                self.denied.setdefault(key, {})[address] = denial

    def _precedence(self, key: Key, address: IPAddress) -> tuple[bool, str, str]:
        service = self._services[key]
        return not self._addresses[key][address], service.created, service.uid

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

    def _allow(self, key: Key, address: IPAddress) -> None:
        denied = self.denied.get(key)
        if denied is not None and denied.pop(address, None) is not None and not denied:
            del self.denied[key]
