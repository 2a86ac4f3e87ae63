"""A store of Services and pools that carries out what an Ipam asks for, one write at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from l2announcer.core.effects import Event, StatusWrite
from l2announcer.core.facts import Refusal, StatusRefused, StatusWritten
from l2announcer.core.ipam import Ipam, Scope
from l2announcer.core.model import Block, Condition, Ingress, Key, Kind, Pool, Service

START = 1_000.0
WALL = 1_700_000_000.0
ROUNDS = 100
STEPS = 10_000
SATISFIED = "cilium.io/IPAMRequestSatisfied"


def svc(name: str) -> Key:
    """`name` or `namespace/name`."""
    namespace, _, rest = name.rpartition("/")
    return Key(namespace or "default", rest)


def blocks(*texts: str) -> tuple[Block, ...]:
    """Each a cidr, `start-stop` or `start`."""
    made = []
    for text in texts:
        start, _, stop = text.partition("-")
        made.append(Block(cidr=text) if "/" in text else Block(start=start, stop=stop))
    return tuple(made)


def ingress(*addresses: str) -> tuple[Ingress, ...]:
    """Build entries as the API server shows them."""
    return tuple(Ingress(ip=address, ip_mode="VIP") for address in addresses)


class Store:
    """The truth of a small cluster, an Ipam that follows it, and what came of it.

    Every change is shown to the Ipam at once, unless `deaf`; `run` polls and carries out until
    nothing is left to write.
    """

    def __init__(self, *, rest_seconds: float = 0.0, scope: Scope | None = None) -> None:
        self.scope = scope or Scope()
        self.rest_seconds = rest_seconds
        self.services: dict[Key, Service] = {}
        self.pools: dict[Key, Pool] = {}
        self.events: list[Event] = []
        self.written: list[StatusWrite] = []
        self.now = START
        self.deaf = False
        self._version = 0
        self.ipam = self._new()

    def _new(self) -> Ipam:
        return Ipam(rest_seconds=self.rest_seconds, scope=self.scope)

    def _next(self) -> str:
        self._version += 1
        return str(self._version)

    # What users do

    def service(self, name: str, **fields: Any) -> None:
        """Create a LoadBalancer Service, or replace the fields given."""
        key = svc(name)
        known = self.services.get(key)
        if known is None:
            version = self._next()
            known = Service(
                key=key, uid=f"uid-{version}", created=f"t{int(version):09}", type="LoadBalancer"
            )
        self._put(replace(known, resource_version=self._next(), **fields))

    def delete(self, name: str) -> None:
        del self.services[svc(name)]
        if not self.deaf:
            self.ipam.forget_service(svc(name))

    def pool(self, name: str, *texts: str, **fields: Any) -> None:
        """Create a pool, or replace its blocks (when given) and the fields given."""
        key = Key("", name)
        version = self._next()
        known = self.pools.get(key)
        if known is None:
            known = Pool(key=key, uid=f"uid-{version}", created=f"t{int(version):09}")
        if texts:
            fields["blocks"] = blocks(*texts)
        generation = known.generation + 1
        self._put(replace(known, resource_version=version, generation=generation, **fields))

    def delete_pool(self, name: str) -> None:
        del self.pools[Key("", name)]
        self.ipam.forget_pool(Key("", name))

    def _put(self, found: Service | Pool) -> None:
        if isinstance(found, Service):
            self.services[found.key] = found
            if not self.deaf:
                self.ipam.handle_service(found)
        else:
            self.pools[found.key] = found
            self.ipam.handle_pool(found)

    # What the API server and the daemon do

    def restart(self) -> None:
        """Start another process, which lists everything."""
        self.ipam = self._new()
        for pool in sorted(self.pools.values(), key=lambda pool: pool.key, reverse=True):
            self.ipam.handle_pool(pool)
        for service in sorted(self.services.values(), key=lambda each: each.key, reverse=True):
            self.ipam.handle_service(service)
        self.ipam.begin()

    def step(self) -> tuple[list[StatusWrite], bool]:
        """Poll once; is there more to do at once?"""
        writes, events, wake_at = self.ipam.poll(self.now, WALL + self.now)
        self.events += events
        self.written += writes
        return writes, wake_at <= self.now

    def poll(self) -> list[StatusWrite]:
        """Poll until nothing is left to do at once."""
        writes: list[StatusWrite] = []
        for _ in range(STEPS):
            more, again = self.step()
            writes += more
            if not again:
                return writes
        raise AssertionError("it has always something to do")

    def poll_services(self) -> list[StatusWrite]:
        """Poll a second later, and carry out what is for pools; the writes for Services."""
        self.now += 1.0
        writes = self.poll()
        for write in writes:
            if write.kind is Kind.POOL:
                self.carry_out(write)
        return [write for write in writes if write.kind is Kind.SERVICE]

    def run(self) -> int:
        """Poll and carry out until nothing is left; how many Services' statuses were written."""
        count = 0
        for _ in range(ROUNDS):
            self.now += 1.0  # pools are written once a second at most
            writes = self.poll()
            if not writes:
                return count
            count += sum(write.kind is Kind.SERVICE for write in writes)
            for write in writes:
                self.carry_out(write)
        raise AssertionError("it never comes to rest")

    def carry_out(self, write: StatusWrite) -> None:
        """Do it if the object is as it was when the write was made, and give the outcome."""
        if write.kind is Kind.SERVICE:
            service = self.services.get(write.key)
            if service is None:
                self.refuse(write, Refusal.MISSING)
            elif write.patch["metadata"]["resourceVersion"] != service.resource_version:
                self.refuse(write, Refusal.CONFLICT)
            else:
                service = _patched_service(service, write.patch["status"])
                self.services[write.key] = replace(service, resource_version=self._next())
                self.ipam.written(StatusWritten(Kind.SERVICE, self.services[write.key]))
            return
        pool = self.pools[write.key]
        if write.patch["metadata"]["resourceVersion"] != pool.resource_version:
            self.refuse(write, Refusal.CONFLICT)
            return
        conditions = _conditions(write.patch["status"])
        self.pools[write.key] = replace(pool, resource_version=self._next(), conditions=conditions)
        self.ipam.written(StatusWritten(Kind.POOL, self.pools[write.key]))

    def refuse(self, write: StatusWrite, why: Refusal) -> None:
        self.ipam.refused(StatusRefused(write.kind, write.key, why), self.now)

    # What one sees

    def ips(self, name: str) -> list[str]:
        return [entry.ip for entry in self.services[svc(name)].ingress]

    def ip(self, name: str) -> str:
        (found,) = self.ips(name)
        return found

    def condition(self, name: str) -> Condition:
        (found,) = [c for c in self.services[svc(name)].conditions if c.type == SATISFIED]
        return found

    def reason(self, name: str) -> str:
        condition = self.condition(name)
        assert condition.status == ("True" if condition.reason == "satisfied" else "False")
        return condition.reason

    def pool_condition(self, name: str, type_: str) -> Condition:
        (found,) = [c for c in self.pools[Key("", name)].conditions if c.type == type_]
        return found

    def counts(self, name: str) -> tuple[int, int, int]:
        """Total, available, used."""
        total, available, used = (
            int(self.pool_condition(name, f"cilium.io/IPs{word}").message)
            for word in ("Total", "Available", "Used")
        )
        return total, available, used

    def conflicting(self, name: str) -> bool:
        return self.pool_condition(name, "cilium.io/PoolConflict").status == "True"


def _patched_service(service: Service, status: Mapping[str, Any]) -> Service:
    if "loadBalancer" in status:
        entries = tuple(
            Ingress(
                ip=entry["ip"],
                ip_mode=entry.get("ipMode", "VIP"),
                ports=tuple(entry.get("ports", ())),
            )
            for entry in status["loadBalancer"]["ingress"]
        )
        service = replace(service, ingress=entries)
    if "conditions" in status:
        service = replace(service, conditions=_conditions(status))
    return service


def _conditions(status: Mapping[str, Any]) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            type=each["type"],
            status=each["status"],
            reason=each["reason"],
            message=each["message"],
            observed_generation=each["observedGeneration"],
            last_transition_time=each["lastTransitionTime"],
        )
        for each in status["conditions"]
    )
