"""Who has which address: by decision, by what a status shows, and by rest.

Rules of this file:
1. An address is free only when nobody has it by decision, no Service's status shows it or may come
   to show it by a write whose outcome is unknown, and it does not rest.
2. The address of a node or of the API server is never given, but who has it already keeps it.
3. A write against a resourceVersion can only succeed while that version stands, so the next view of
   the object says all about it.
4. An address that a status ceases to show rests: only its former owner may have it meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from math import inf

from l2announcer.core.ipam.pools import Pools
from l2announcer.core.ipam.requests import Request
from l2announcer.core.ipam.sharing import Sharing, obstacle
from l2announcer.core.model import IPAddress, Key

Addresses = dict[IPAddress, None]  # an ordered set


class Ledger:
    """Keeps the free lists of the pools true. `loosened`: what was refused may be possible now."""

    def __init__(self, pools: Pools, rest_seconds: float) -> None:
        self.loosened = False
        self._pools = pools
        self._rest_seconds = rest_seconds
        self._held: dict[Key, Addresses] = {}
        self._users: dict[IPAddress, dict[Key, Sharing]] = {}
        self._shown: dict[Key, frozenset[IPAddress]] = {}
        self._showing: dict[IPAddress, set[Key]] = {}
        self._resting: dict[IPAddress, tuple[Key, float]] = {}  # in the order of their ends
        self._hidden: dict[IPAddress, Key] = {}  # since the last advance
        self._hosts: Mapping[IPAddress, str] = {}
        self._rest_of: dict[Key, Addresses] = {}
        self._left: deque[tuple[IPAddress, Key, Sharing]] = deque()  # not settled yet
        self._groups: dict[str, Addresses] = {}  # by sharing key
        self._group_of: dict[IPAddress, str] = {}

    # Decisions

    def held(self, key: Key) -> tuple[IPAddress, ...]:
        return tuple(self._held.get(key, ()))

    def holds(self, key: Key, address: IPAddress) -> bool:
        return address in self._held.get(key, ())

    def join(self, address: IPAddress, request: Request) -> None:
        """Decide that the Service has the address, alone or with those that have it already."""
        self._held.setdefault(request.key, {})[address] = None
        self._users.setdefault(address, {})[request.key] = request.sharing
        self._end_rest(address)
        self._regroup(address, request.sharing.key)
        self._pools.take(address)

    def leave(self, key: Key) -> None:
        """Take back all that the Service has by decision; it is not free before settle."""
        for address in self._held.pop(key, ()):
            users = self._users[address]
            sharing = users.pop(key)
            if not users:
                del self._users[address]
            self._left.append((address, key, sharing))

    @property
    def leaving(self) -> bool:
        """Is there still to settle what was left?"""
        return bool(self._left)

    def settle_one(self) -> None:
        """Free the address that was left first, if it was not joined again."""
        address, key, sharing = self._left.popleft()
        if self._users.get(address, {}).get(key) != sharing:
            self.loosened = True
            self._free_if_unused(address)

    def users(self, address: IPAddress) -> tuple[Key, ...]:
        return tuple(self._users.get(address, ()))

    def obstacle(self, address: IPAddress, request: Request) -> tuple[Key, str] | None:
        """Name the user of the address with whom this Service can't share it, and say why."""
        for key, sharing in self._users.get(address, {}).items():
            if key != request.key and (why := obstacle(request.sharing, sharing)):
                return key, why
        return None

    def group(self, sharing_key: str) -> tuple[IPAddress, ...]:
        """List the addresses in use under a sharing key, in the order in which they came to it."""
        return tuple(self._groups.get(sharing_key, ()))

    # What statuses show

    def show(self, key: Key, addresses: Iterable[IPAddress]) -> None:
        """Take in what a Service's status shows now, or nothing when the Service is gone."""
        self._set_shown(key, frozenset(addresses))

    def promise(self, key: Key, addresses: Iterable[IPAddress]) -> None:
        """Take in that a write with these addresses is under way: the status may show them."""
        self._set_shown(key, self._shown.get(key, frozenset()).union(addresses))

    def advance(self, now: float, most: int) -> None:
        """Start the rest of what is not shown any more, and end it when its time has come.

        Of each at most so many; `wake_at` says whether there are more.
        """
        for _ in range(min(most, len(self._hidden))):
            address = next(iter(self._hidden))
            key = self._hidden.pop(address)
            self.loosened = True
            if self._rest_seconds > 0 and not (address in self._users or address in self._showing):
                self._end_rest(address)
                self._resting[address] = (key, now + self._rest_seconds)
                self._rest_of.setdefault(key, {})[address] = None
            else:
                self._free_if_unused(address)
        for _ in range(most):
            if self.rest_ends_at > now:
                break
            address = next(iter(self._resting))
            self._end_rest(address)
            self.loosened = True
            self._free_if_unused(address)

    @property
    def rest_ends_at(self) -> float:
        return next((until for _, until in self._resting.values()), inf)

    @property
    def wake_at(self) -> float:
        """When there is something to advance."""
        return -inf if self._hidden else self.rest_ends_at

    def reserve(self, hosts: Mapping[IPAddress, str]) -> None:
        """Keep these addresses back, and no others; whose each is, in words."""
        before, self._hosts = self._hosts, hosts
        for address in hosts.keys() - before.keys():
            self._pools.take(address)
        for address in before.keys() - hosts.keys():
            self.loosened = True
            self._free_if_unused(address)

    def host(self, address: IPAddress) -> str:
        """Whose address it is, node or API server; "" for any other."""
        return self._hosts.get(address, "")

    def withheld(self, address: IPAddress, key: Key) -> str:
        """Why the Service may not have an address that nobody has by decision; "" if it may."""
        if address in self._hosts:
            return f"it is the address of {self._hosts[address]}"
        others = self._showing.get(address, set()) - {key}
        if others:
            return f"it is still in the status of Service {min(others)}"
        owner, _ = self._resting.get(address, (key, inf))
        if owner != key:
            return f"it was taken back from Service {owner} a moment ago and rests for a while"
        return ""

    def former(self, key: Key) -> tuple[IPAddress, ...]:
        """List the resting addresses that were the Service's."""
        return tuple(self._rest_of.get(key, ()))

    def occupied(self) -> set[IPAddress]:
        """Everything that is not free."""
        return {*self._users, *self._showing, *self._resting, *self._hidden, *self._hosts}

    def occupies(self, address: IPAddress) -> bool:
        """Is the address one that is not free?"""
        return (
            address in self._users
            or address in self._showing
            or address in self._resting
            or address in self._hidden
            or address in self._hosts
        )

    def _set_shown(self, key: Key, addresses: frozenset[IPAddress]) -> None:
        before = self._shown.pop(key, frozenset())
        if addresses:
            self._shown[key] = addresses
        for address in addresses - before:
            self._showing.setdefault(address, set()).add(key)
            self._pools.take(address)
        for address in before - addresses:
            self._showing[address].discard(key)
            if not self._showing[address]:
                del self._showing[address]
            self._hidden[address] = key

    def _free_if_unused(self, address: IPAddress) -> None:
        if address in self._users:
            return
        self._regroup(address, "")
        if not self.occupies(address):
            self._pools.give_back(address)

    def _end_rest(self, address: IPAddress) -> None:
        resting = self._resting.pop(address, None)
        if resting is not None:
            key, _ = resting
            del self._rest_of[key][address]
            if not self._rest_of[key]:
                del self._rest_of[key]

    def _regroup(self, address: IPAddress, sharing_key: str) -> None:
        before = self._group_of.get(address, "")
        if before == sharing_key:
            return
        if before:
            del self._groups[before][address]
            if not self._groups[before]:
                del self._groups[before]
            del self._group_of[address]
        if sharing_key:
            self._groups.setdefault(sharing_key, {})[address] = None
            self._group_of[address] = sharing_key
