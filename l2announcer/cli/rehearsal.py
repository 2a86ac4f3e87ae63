"""PURE. What a controller would make of Services and pools: the real core, writing on copies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from l2announcer.core.effects import StatusWrite
from l2announcer.core.facts import StatusWritten
from l2announcer.core.ipam import Ipam
from l2announcer.core.model import Condition, Ingress, IPAddress, Key, Kind, Pool, Service

QUIET_SECONDS = 5.0  # a pool's counts are written within a second or so; then all is done
ROUNDS = 100_000
NEWEST = 10**18  # beyond all resourceVersions that an API server has come to


class Rehearsal:
    """`services` and `pools` are as they will be, statuses included, once nothing is left to do."""

    def __init__(
        self,
        services: Iterable[Service],
        pools: Iterable[Pool],
        hosts: Mapping[IPAddress, str],
        *,
        wall: float,
    ) -> None:
        self.services = {service.key: service for service in services}
        self.pools = {pool.key: pool for pool in pools}
        self._wall = wall
        self._now = 0.0
        self._version = NEWEST
        self._ipam = Ipam(rest_seconds=0.0)
        self._ipam.hosts_are(hosts)
        for pool in self.pools.values():
            self._ipam.handle_pool(pool)
        for service in self.services.values():
            self._ipam.handle_service(service)
        self._ipam.begin()
        self._settle()

    def edit(self, pool: Pool) -> None:
        """Take the pool as it is in a manifest, new or in place of the one of that name."""
        known = self.pools.get(pool.key)
        if known is None:
            edited = replace(pool, resource_version=self._next())
        else:
            edited = replace(
                pool,
                uid=known.uid,
                created=known.created,
                generation=known.generation + 1,
                conditions=known.conditions,
                resource_version=self._next(),
            )
        self.pools[pool.key] = edited
        self._ipam.handle_pool(edited)
        self._settle()

    def remove(self, key: Key) -> None:
        """Take a pool away."""
        del self.pools[key]
        self._ipam.forget_pool(key)
        self._settle()

    def _settle(self) -> None:
        for _ in range(ROUNDS):
            writes, _, wake_at = self._ipam.poll(self._now, self._wall)
            for write in writes:
                self._carry_out(write)
            if not writes:
                if wake_at > self._now + QUIET_SECONDS:
                    return
                self._now = max(wake_at, self._now)
        raise RuntimeError(f"addresses still change after {ROUNDS} rounds")

    def _carry_out(self, write: StatusWrite) -> None:
        status = write.patch["status"]
        if write.kind is Kind.POOL:
            pool = replace(
                self.pools[write.key],
                resource_version=self._next(),
                conditions=_conditions(status["conditions"]),
            )
            self.pools[write.key] = pool
            self._ipam.written(StatusWritten(Kind.POOL, pool))
            return
        service = replace(self.services[write.key], resource_version=self._next())
        if "conditions" in status:
            service = replace(service, conditions=_conditions(status["conditions"]))
        if "loadBalancer" in status:
            service = replace(service, ingress=_ingress(status["loadBalancer"]["ingress"]))
        self.services[write.key] = service
        self._ipam.written(StatusWritten(Kind.SERVICE, service))

    def _next(self) -> str:
        self._version += 1
        return str(self._version)


def _conditions(written: Iterable[Mapping[str, Any]]) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            type=each["type"],
            status=each["status"],
            reason=each["reason"],
            message=each["message"],
            observed_generation=each["observedGeneration"],
            last_transition_time=each["lastTransitionTime"],
        )
        for each in written
    )


def _ingress(written: Iterable[Mapping[str, Any]]) -> tuple[Ingress, ...]:
    return tuple(
        Ingress(ip=each["ip"], ip_mode=each.get("ipMode", ""), ports=tuple(each.get("ports", ())))
        for each in written
    )
