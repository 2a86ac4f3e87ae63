"""Gives Services their addresses: takes views of Services and pools in, gives status writes out.

Rules of this file:
1. Everything is decided from the views as they stand, and from the writes that are under way. A
   tenure starts with the views alone, so a restart and a hand-over are the same thing.
2. A change of pools looks at every Service, a change of a Service at that one, and an address that
   becomes free at those that wait.
3. Without any pool nothing is done, but for Services that were given something before: they lose
   what the last pool gave them.
4. One write at most is under way for each object, and who writes against us is not outpaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf

from l2announcer.core.effects import Event, StatusWrite
from l2announcer.core.facts import StatusRefused, StatusWritten
from l2announcer.core.ipam import status
from l2announcer.core.ipam.allocation import Outcome
from l2announcer.core.ipam.ledger import Ledger
from l2announcer.core.ipam.pools import CompiledPool, Pools
from l2announcer.core.ipam.requests import Scope, left_alone, serves
from l2announcer.core.ipam.review import Review
from l2announcer.core.ipam.rivalry import Rivalry
from l2announcer.core.model import IPAddress, Key, Kind, Pool, Service, newer
from l2announcer.core.status_writes import StatusWrites

POOL_WRITE_SECONDS = 1.0  # counts move with every Service; a pool is not written for each
STEPS = 50  # of a poll, of each sort: a Lease's renewal must not wait for more than about 2 ms
DEFAULT_SCOPE = Scope()
RIVAL = (
    "something else writes status.loadBalancer of this Service too, against LB IPAM, which will put"
    " it right only now and then; give the Service the other's loadBalancerClass, or let the other"
    " alone give out addresses (lbIpam: false)"
)


class Ipam:
    """LB IPAM as a state machine.

    Feed it always; call poll only as the controller, with Services and pools listed, and `begin`
    at the start of each such time. `rest_seconds` is how long an address that was taken back from
    one Service is not given to another.
    """

    def __init__(self, *, rest_seconds: float, scope: Scope = DEFAULT_SCOPE) -> None:
        self._scope = scope
        self._services: dict[Key, Service] = {}
        self._pools = Pools()
        self._ledger = Ledger(self._pools, rest_seconds)
        self._review = Review(self._services, self._pools, self._ledger, scope)
        self._unwritten: dict[Key, None] = {}  # whose status may have to be written, in order
        self._writes = StatusWrites()
        self._rivalry = Rivalry()
        self._rivals: list[Key] = []  # of whom is to be told
        self._pool_written_at: dict[Key, float] = {}
        self._pools_told: dict[Key, tuple[object, ...]] = {}

    # Facts

    def begin(self) -> None:
        """Become the controller: nothing counts but what the views say."""
        self._unwritten.clear()
        self._review.begin_anew()

    def handle_service(self, service: Service) -> None:
        """Take in how a Service is now."""
        key = service.key
        known = self._services.get(key)
        if known is None or known.resource_version != service.resource_version:
            self._ledger.show(key, status.shown(service))
        self._services[key] = service
        self._review.mark(key)
        self._writes.seen(Kind.SERVICE, key)

    def forget_service(self, key: Key) -> None:
        """Take in that a Service is gone: its addresses are free, or rest."""
        if self._services.pop(key, None) is None:
            return
        self._review.forget(key)
        self._ledger.show(key, ())
        self._unwritten.pop(key, None)
        self._rivalry.forget(key)

    def handle_pool(self, pool: Pool) -> None:
        """Take in how a pool is now."""
        self._pools.see(pool)
        self._writes.seen(Kind.POOL, pool.key)

    def forget_pool(self, key: Key) -> None:
        """Take in that a pool is gone."""
        self._pools.forget(key)
        self._pools_told.pop(key, None)
        self._pool_written_at.pop(key, None)

    def hosts_are(self, hosts: Mapping[IPAddress, str]) -> None:
        """Take in which addresses nodes and the API server have, and whose each is, in words."""
        self._ledger.reserve(hosts)

    def written(self, fact: StatusWritten) -> None:
        """Take in that a write was accepted. An object that is gone by now stays gone."""
        found = fact.object
        if isinstance(found, Service):
            self._writes.written(Kind.SERVICE, found.key)
            rivals = self._rivalry.written(found.key)
            service = self._services.get(found.key)
            if service is None:
                return
            if rivals:
                self._rivals.append(found.key)
            self._unwritten[found.key] = None
            if newer(found.resource_version, service.resource_version):
                self.handle_service(found)
        elif isinstance(found, Pool):
            self._writes.written(Kind.POOL, found.key)
            pool = self._pools.get(found.key)
            if pool is not None and newer(found.resource_version, pool.resource_version):
                self.handle_pool(found)

    def refused(self, fact: StatusRefused, now: float) -> None:
        """Take in that a write was not accepted: it is tried again, later or on a newer view."""
        self._writes.refused(fact.kind, fact.key, fact.why, now)
        if fact.kind is Kind.SERVICE:
            self._rivalry.refused(fact.key)

    # Effects

    def poll(self, now: float, wall: float) -> tuple[list[StatusWrite], list[Event], float]:
        """Return what to write, what to tell, and when to call again at the latest.

        `now` is in seconds on CLOCK_BOOTTIME, `wall` Unix time in seconds. Of much work a part is
        done, and the time to call again is now.
        """
        self._ledger.advance(now, STEPS)
        if self._pools.changed:
            self._pools.settle(self._ledger.occupied())
            self._review.mark_all()
        events: list[Event] = []
        if self._pools.filling:
            self._pools.fill(STEPS, self._ledger.occupies)
        if not self._pools.filling:
            for key, before in self._review.work(STEPS):
                self._unwritten[key] = None
                events += self._tell(key, before)
        for key in (*(key for _, key in self._writes.ready(now)), *self._rivalry.ready(now)):
            if key in self._services:
                self._unwritten[key] = None
        writes = [*self._write_services(now, wall), *self._write_pools(now, wall)]
        events += self._tell_of_rivals()
        if self._pools.filling or self._unwritten or not self._review.idle:
            return writes, events, now
        wake_at = min(
            self._ledger.wake_at,
            self._writes.retry_at(now),
            self._rivalry.wake_at,
            min((at for at in self._pools_due() if at > now), default=inf),
        )
        return writes, events, max(wake_at, now)

    # What it shows

    @property
    def pools(self) -> Sequence[CompiledPool]:
        """All pools, in the order in which they are asked for addresses."""
        return self._pools.ordered

    def standing(self, key: Key) -> tuple[Outcome | None, str]:
        """What a Service was given, or why not; and why it is left alone, if it is."""
        service = self._services.get(key)
        return self._review.outcomes.get(key), left_alone(service) if service is not None else ""

    def pools_with(self, address: IPAddress) -> list[str]:
        """Name the pools that have the address."""
        return [pool.name for pool in self._pools.ordered if pool.has(address)]

    def _tell(self, key: Key, before: Outcome | None) -> Iterator[Event]:
        outcome = self._review.outcomes.get(key)
        if outcome is None or outcome == before:
            return
        service = self._services[key]
        known = {*status.shown(service), *(before.addresses if before is not None else ())}
        given = [address for address in outcome.addresses if address not in known]
        if given:
            words = ", ".join(self._with_pool(each) for each in given)
            message = status.brief(f"Assigned {words}")
            yield Event(Kind.SERVICE, key, service.uid, "AddressAssigned", message)
        told = status.verdict(service)
        said = (
            (before.reason.value, status.brief(before.message))
            if before is not None
            else ((told.reason, told.message) if told is not None else None)
        )
        message = status.brief(outcome.message)
        if not outcome.satisfied and said != (outcome.reason.value, message):
            yield Event(Kind.SERVICE, key, service.uid, "AddressPending", message, warning=True)

    def _tell_of_rivals(self) -> Iterator[Event]:
        rivals, self._rivals = self._rivals, []
        for key in self._services.keys() & set(rivals):
            uid = self._services[key].uid
            yield Event(Kind.SERVICE, key, uid, "AddressContested", RIVAL, warning=True)

    def _with_pool(self, address: IPAddress) -> str:
        pools = self.pools_with(address)
        return f"{address} of pool {pools[0]}" if pools else str(address)

    def _write_services(self, now: float, wall: float) -> Iterator[StatusWrite]:
        """Write what was decided; what may not be written yet comes back when it may."""
        for _ in range(min(STEPS, len(self._unwritten))):
            key = next(iter(self._unwritten))
            del self._unwritten[key]
            if self._review.open(key) or not self._writes.may_start(Kind.SERVICE, key, now):
                continue
            patch = self._service_patch(self._services[key], wall)
            if patch is None:
                continue
            outcome = self._review.outcomes.get(key)
            addresses = outcome.addresses if outcome is not None else ()
            if status.ADDRESSES in patch["status"]:
                if not self._rivalry.may_write(key, addresses, now):
                    continue
                self._rivalry.begin(key, addresses, now)
            self._writes.start(Kind.SERVICE, key, now)
            self._ledger.promise(key, addresses)
            yield StatusWrite(Kind.SERVICE, key, patch)

    def _service_patch(self, service: Service, wall: float) -> status.Patch | None:
        outcome = self._review.outcomes.get(service.key)
        if outcome is not None:
            return status.assigned(service, outcome, wall)
        if status.verdict(service) is None or service.deleting or serves(service, self._scope):
            return None
        if left_alone(service):
            return None
        if service.type != "LoadBalancer":
            return status.released(service, ())
        if service.load_balancer_class is None:
            return None  # a setting makes it not ours; what it has stays
        # The other class's controller may have written already: its addresses are not of our pools.
        foreign = [
            address
            for address in status.shown(service)
            if not any(pool.contains(address) for pool in self._pools.ordered)
        ]
        return status.released(service, foreign)

    def _write_pools(self, now: float, wall: float) -> Iterator[StatusWrite]:
        if self._pools.filling:
            return
        for compiled in self._pools.ordered:
            pool = compiled.pool
            state = (pool.resource_version, compiled.available, compiled.conflict)
            if pool.deleting or self._pools_told.get(pool.key) == state:
                continue
            patch = status.pool_patch(compiled, wall)
            if patch is None:
                self._pools_told[pool.key] = state
            elif now >= self._pool_due(pool.key) and self._writes.start(Kind.POOL, pool.key, now):
                self._pool_written_at[pool.key] = now
                yield StatusWrite(Kind.POOL, pool.key, patch)

    def _pool_due(self, key: Key) -> float:
        return self._pool_written_at.get(key, -inf) + POOL_WRITE_SECONDS

    def _pools_due(self) -> Iterator[float]:
        """When pools whose counts have moved since their last write may be written again."""
        for compiled in self._pools.ordered:
            state = (compiled.pool.resource_version, compiled.available, compiled.conflict)
            if self._pools_told.get(compiled.pool.key) != state:
                yield self._pool_due(compiled.pool.key)
