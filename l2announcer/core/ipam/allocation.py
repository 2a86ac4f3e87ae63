"""Decides which addresses a Service keeps and which it gets, or says why it gets none.

Rules of this file:
1. Keeping comes first, for all Services that are looked at together; only then is given.
2. What a status shows is kept while a pool has it for this Service, the Service asks for it and
   those who share it are compatible; a pool that gives nothing at present still keeps.
3. A request that can't be read is never "any address": what the Service has stays, and nothing is
   given beyond what could be read.
4. Addresses asked for by name are independent of each other; each that can be given is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from l2announcer.core.ipam.ledger import Ledger
from l2announcer.core.ipam.pools import CompiledPool, Pools
from l2announcer.core.ipam.ranges import Family, family
from l2announcer.core.ipam.requests import POOLS, Names, Request
from l2announcer.core.ipam.sharing import KEY
from l2announcer.core.model import IPAddress

NAMED = 5  # as many pools a sentence names


class Reason(Enum):
    """The condition's reason; all but the last are what Cilium writes."""

    SATISFIED = "satisfied"
    NO_POOL = "no_pool"
    OUT_OF_IPS = "out_of_ips"
    MISMATCH = "pool_selector_mismatch"
    TAKEN = "already_allocated"
    INCOMPATIBLE = "already_allocated_incompatible_service"
    UNREADABLE = "invalid_request"


@dataclass(frozen=True, slots=True)
class Refused:
    """One thing asked for that could not be given."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a Service has, and whether that is all it asked for."""

    addresses: tuple[IPAddress, ...]
    reason: Reason = Reason.SATISFIED
    message: str = ""

    @property
    def satisfied(self) -> bool:
        return self.reason is Reason.SATISFIED


class Allocation:
    """The decisions, made upon the pools and the ledger; settled pools are taken for granted."""

    def __init__(self, pools: Pools, ledger: Ledger) -> None:
        self._pools = pools
        self._ledger = ledger

    def satisfies(self, request: Request, addresses: Iterable[IPAddress]) -> bool:
        """Would these addresses be all that the Service asks for?"""
        if request.problem:
            return False
        if request.addresses:
            return set(addresses).issuperset(request.addresses)
        return not self._missing(request, addresses)

    def keep(
        self, request: Request, shown: Iterable[IPAddress], decided: Iterable[IPAddress]
    ) -> None:
        """Keep what it shows and may have, and of what was decided for it what it still needs."""
        for address in shown:
            if self._may_keep(request, address):
                self._ledger.join(address, request)
        for address in decided:
            if self._may_keep(request, address) and self._lacks(request, address):
                self._ledger.join(address, request)

    def complete(self, request: Request) -> Outcome:
        """Give what is still missing."""
        refused: list[Refused] = []
        if request.addresses or request.problem:
            for address in request.addresses:
                if not self._ledger.holds(request.key, address):
                    refused += self._give(request, address)
        else:
            for names, wanted in self._missing(request, self._ledger.held(request.key)):
                refused += self._give_any(request, names, wanted)
        if request.problem:
            refused.append(Refused(Reason.UNREADABLE, request.problem))
        addresses = self._ledger.held(request.key)
        if not refused:
            return Outcome(addresses)
        sentences = dict.fromkeys(each.message for each in refused)
        return Outcome(addresses, refused[-1].reason, ". ".join(sentences))

    def _may_keep(self, request: Request, address: IPAddress) -> bool:
        return (
            (bool(request.problem) or request.wants(address))
            and any(
                pool.keeps(address, request.labels)
                for pool in self._pools.ordered
                if request.allows(pool.name)
            )
            and self._ledger.obstacle(address, request) is None
        )

    def _lacks(self, request: Request, address: IPAddress) -> bool:
        held = self._ledger.held(request.key)
        if address in request.addresses:
            return address not in held
        return len(self._missing(request, (*held, address))) < len(self._missing(request, held))

    def _missing(
        self, request: Request, addresses: Iterable[IPAddress]
    ) -> list[tuple[Names, Family]]:
        """List the needs that these addresses don't meet; none of them meets two."""
        if not request.pools:
            present = {family(address) for address in addresses}
            return [need for need in request.needs if need[1] not in present]
        needs = request.needs
        fitting = [
            [
                number
                for number, (names, wanted) in enumerate(needs)
                if family(each) is wanted and any(pool.has(each) for pool in self._within(names))
            ]
            for each in dict.fromkeys(addresses)
        ]
        met: dict[int, int] = {}  # by which address
        for address in range(len(fitting)):
            _match(address, fitting, met, set())
        return [need for number, need in enumerate(needs) if number not in met]

    def _within(self, names: Names) -> list[CompiledPool]:
        """The pools of these names, in their order; all pools when none is named."""
        if not names:
            return self._pools.ordered
        return [pool for name in names for pool in self._pools.ordered if pool.name == name]

    def _give(self, request: Request, address: IPAddress) -> list[Refused]:
        """Give this very address, or say why not."""
        having = [pool for pool in self._pools.ordered if pool.contains(address)]
        giving = [pool for pool in having if not pool.closed]
        if not giving:
            why = f": pool {having[0].name} has it, but {having[0].closed}" if having else ""
            return [
                Refused(
                    Reason.NO_POOL,
                    f"No pool gives {address}{why or '; add it to a block of a pool'}",
                )
            ]
        pool = next((each for each in giving if each.selects(request.labels)), None)
        if pool is None:
            return [
                Refused(
                    Reason.MISMATCH,
                    f"Pool {giving[0].name} has {address}, but its serviceSelector does not select"
                    " this Service; change the selector or the Service's labels",
                )
            ]
        if not request.allows(pool.name):
            return [
                Refused(
                    Reason.MISMATCH,
                    f"Pool {pool.name} has {address}, but the annotation {POOLS} does not name"
                    " that pool; change the annotation, or ask for another address",
                )
            ]
        why_not = self._why_taken(request, address, pool)
        if why_not is not None:
            return [why_not]
        self._ledger.join(address, request)
        return []

    def _why_taken(
        self, request: Request, address: IPAddress, pool: CompiledPool
    ) -> Refused | None:
        if not pool.gives(address):
            return Refused(
                Reason.TAKEN,
                f"{address} is the first or last address of its block, which pool {pool.name}"
                " keeps back (allowFirstLastIPs: No)",
            )
        host = self._ledger.host(address)
        if host:
            return Refused(Reason.TAKEN, f"{address} is the address of {host}; ask for another")
        users = self._ledger.users(address)
        if not users:
            withheld = self._ledger.withheld(address, request.key)
            if withheld:
                return Refused(Reason.TAKEN, f"{address} is not free: {withheld}")
        elif not request.sharing.key:
            return Refused(
                Reason.TAKEN,
                f"{address} is in use by Service {min(users)}; ask for another, or let both share"
                f" it by the annotation {KEY[0]}",
            )
        elif (found := self._ledger.obstacle(address, request)) is not None:
            key, why = found
            return Refused(
                Reason.INCOMPATIBLE, f"{address} can't be shared with Service {key}: {why}"
            )
        return None

    def _give_any(self, request: Request, names: Names, wanted: Family) -> list[Refused]:
        """Give any address of the family in these pools, or say why there is none."""
        selecting = [
            pool
            for pool in self._within(names)
            if pool.selects(request.labels)
            and any(each.range.family is wanted for each in pool.free)
        ]
        giving = [pool for pool in selecting if not pool.closed]
        for address in self._candidates(request, wanted, giving):
            self._ledger.join(address, request)
            return []
        if giving:
            full = ", ".join(pool.name for pool in giving[:NAMED])
            which = f"named by the annotation {POOLS}" if names else "that select this Service"
            return [
                Refused(
                    Reason.OUT_OF_IPS,
                    f"Every {wanted.value} address of the pools {which} is taken ({full}); add a"
                    " block to one of them, or delete a Service",
                )
            ]
        message = f"No pool with {wanted.value} addresses selects this Service; add one"
        if names:
            whys = ", ".join(self._why_none(name, request, wanted) for name in names[:NAMED])
            message = (
                f"No pool that the annotation {POOLS} names gives this Service an"
                f" {wanted.value} address: {whys}"
            )
        elif selecting:
            closed = ", ".join(f"pool {pool.name} {pool.closed}" for pool in selecting[:NAMED])
            message = f"No pool gives this Service an {wanted.value} address: {closed}"
        return [Refused(Reason.NO_POOL, message)]

    def _why_none(self, name: str, request: Request, wanted: Family) -> str:
        pool = next(iter(self._within((name,))), None)
        if pool is None:
            return f"there is no pool {name}"
        if pool.closed:
            return f"pool {name} {pool.closed}"
        if not pool.selects(request.labels):
            return f"the serviceSelector of pool {name} does not select it"
        return f"pool {name} has no {wanted.value} addresses"

    def _candidates(
        self, request: Request, wanted: Family, giving: list[CompiledPool]
    ) -> Iterator[IPAddress]:
        """What may be given: to share with others, what it had before, the lowest that is free."""
        held = self._ledger.held(request.key)
        if request.sharing.key:
            for address in self._ledger.group(request.sharing.key):
                if (
                    family(address) is wanted
                    and address not in held
                    and not self._ledger.host(address)
                    and any(pool.contains(address) for pool in giving)
                    and self._ledger.obstacle(address, request) is None
                ):
                    yield address
        for address in self._ledger.former(request.key):
            if (
                family(address) is wanted
                and any(pool.gives(address) for pool in giving)
                and not self._ledger.withheld(address, request.key)
            ):
                yield address
        for pool in giving:
            for each in pool.free:
                lowest = each.lowest() if each.range.family is wanted else None
                if lowest is not None:
                    yield lowest


def _match(address: int, fitting: list[list[int]], met: dict[int, int], tried: set[int]) -> bool:
    """Let the address meet one need, moving others to needs that they fit too."""
    for need in fitting[address]:
        if need not in tried:
            tried.add(need)
            if need not in met or _match(met[need], fitting, met, tried):
                met[need] = address
                return True
    return False
