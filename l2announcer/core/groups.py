"""Which Services are elected together: those that share an address, transitively, or a Lease.

Rules of this file:
- It does not matter what class or type a Service has, nor what policies say of it: whoever has an
  address may be announced by somebody.
- Who has an address, or a Lease's name, is for core.claims to say.
- A group is known by its Leases in the order of their names; every node sees the same order.
- Most Services are alone, and cost nothing here: only groups of two and more are kept, and one
  Service's fact recomputes the groups that it touches, no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from l2announcer.core.candidacy import lease_name
from l2announcer.core.claims import Claim, Claims
from l2announcer.core.model import Key, Service

NOBODY: AbstractSet[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """Two Services or more, and their Leases, each in the order of names."""

    services: tuple[Key, ...]
    leases: tuple[str, ...]


class Groups:
    """All groups, kept true from the facts about Services."""

    def __init__(self) -> None:
        self.claims = Claims()
        self._by_lease: dict[str, set[Key]] = {}
        self._groups: dict[str, Group] = {}  # by each of their Leases

    def take(self, changed: Mapping[Key, Service | None]) -> set[Key]:
        """Take in Services as they are now; None is gone. All that this may concern."""
        concerned = self.claims.take(changed)
        for key, service in changed.items():
            self._note(key, service)
            concerned |= self._by_lease.get(lease_name(key), NOBODY)
        for key in list(concerned):
            group = self._groups.get(lease_name(key))
            if group is not None:
                concerned.update(group.services)
                for lease in group.leases:
                    del self._groups[lease]
        left = {key for key in concerned if key in self._by_lease.get(lease_name(key), NOBODY)}
        while left:
            found = self._connected(left.pop())
            if len(found) > 1:
                leases = tuple(sorted({lease_name(each) for each in found}))
                self._groups |= dict.fromkeys(leases, Group(tuple(sorted(found)), leases))
                concerned |= found
                left -= found
        return concerned

    def known(self, lease: str) -> bool:
        """Does one of the Lease's Services exist?"""
        return lease in self._by_lease

    def of(self, lease: str) -> Group | None:
        """The group that a Lease belongs to; None for one that stands for a single Service."""
        return self._groups.get(lease)

    def members(self, lease: str) -> tuple[str, ...]:
        """All Leases that are held together with this one, itself included."""
        group = self._groups.get(lease)
        return group.leases if group is not None else (lease,)

    def _note(self, key: Key, service: Service | None) -> None:
        name = lease_name(key)
        if service is not None:
            self._by_lease.setdefault(name, set()).add(key)
        elif name in self._by_lease:
            self._by_lease[name].discard(key)
            if not self._by_lease[name]:
                del self._by_lease[name]

    def _connected(self, key: Key) -> set[Key]:
        """Find all that share an address or a Lease with a Service, transitively, and itself."""
        found, reached = {key}, [key]
        claims: set[Claim] = set()
        while reached:
            near: set[Key] = set()
            for claim in self.claims.had(reached.pop()):
                if claim not in claims:
                    claims.add(claim)
                    near.update(self.claims.owners(claim))
            reached += near - found
            found |= near
        return found
