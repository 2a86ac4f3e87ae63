"""The API server of the simulation: the in-memory store, and a network in between that fails.

Rules of this file:
- A call has exactly one outcome, whatever happens: an answer, a refusal, or none within the time
  that a client waits.
- A request that got no answer may have been carried out, and may still be carried out later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from ipaddress import ip_address
from typing import NamedTuple, Protocol, assert_never

from l2announcer.core.effects import (
    Call,
    DeleteLease,
    LeaseWrite,
    ReadHosts,
    ReadLease,
    ReadService,
    ReadServices,
)
from l2announcer.core.effects import StatusWrite as Write
from l2announcer.core.facts import (
    Fact,
    Gone,
    HostsRead,
    LeaseDeleted,
    LeaseRead,
    LeaseRefused,
    LeaseWritten,
    Seen,
    ServiceRead,
    ServicesRead,
    StatusRefused,
    StatusWritten,
)
from l2announcer.core.facts import Refusal as Why
from l2announcer.core.model import Key, Kind, LeaseRecord, Service
from tests.fakes import refusals
from tests.fakes.history import Change
from tests.fakes.patching import MERGE_PATCH
from tests.fakes.resources import LEASES, NAMESPACES, SERVICES, Resource
from tests.fakes.store import Store
from tests.sim.objects import HOSTS, LEASE_NAMESPACE, NAMESPACE, POLICY, Json, read, resources
from tests.sim.plan import Plan
from tests.sim.timeline import UNIX_START, Timeline

LATEST_SECONDS = 10.0
KEPT_CHANGES = 2_000
_WHY = {400: Why.INVALID, 401: Why.DENIED, 403: Why.DENIED, 404: Why.MISSING, 409: Why.CONFLICT}
_WHY |= {422: Why.INVALID}


class Health(Enum):
    """How the server as a whole is."""

    WELL = "well"
    DOWN = "down"
    BUSY = "busy"  # answers, with 429
    DENYING = "denying"  # answers, with 403
    WRITING_SLOWLY = "writing slowly"  # reads come from its cache


_TURNS_AWAY = {Health.BUSY: Why.UNAVAILABLE, Health.DENYING: Why.DENIED}


class Caller(Protocol):
    """A process as its network sees it."""

    cut: bool
    slow: bool

    def alive(self) -> bool: ...
    def when_running(self, action: Callable[[], None]) -> None: ...


class Listener(Protocol):
    """Who is told of every change: a watch."""

    def changed(self, kind: Kind, version: int, fact: Seen | Gone, /) -> None: ...


@dataclass(slots=True)
class _Outcome:
    """Gives the first fact that comes to the caller, and no other."""

    give_to: Callable[[Fact], None]
    given: bool = False

    def give(self, fact: Fact) -> None:
        if not self.given:
            self.given = True
            self.give_to(fact)


class By(NamedTuple):
    """Whose call it is, and when it was handed out."""

    writer: object
    begun_at: float


class Api:
    """What everybody shares.

    `writer` is who causes the change of which listeners hear, by a call that was handed out at
    `begun_at`; None is a hand.
    """

    def __init__(self, timeline: Timeline, plan: Plan) -> None:
        self.store = Store(kept=KEPT_CHANGES)
        self.health = Health.WELL
        self.calm = False
        self.status_writes = 0  # of Services, refused ones too
        self.writer: object = None
        self.begun_at = 0.0
        self.listeners: list[Listener] = []
        self.last_version = dict.fromkeys(Kind, 0)
        self._kinds = {resource: kind for kind, resource in resources().items()}
        self._timeline = timeline
        self._rng = plan.stream("api")
        self._plan = plan
        for kind in (Kind.POLICY, Kind.POOL):
            self.store._tables.install(resources()[kind], 0)
        for name in (LEASE_NAMESPACE, NAMESPACE):
            self.store.create(NAMESPACES, {"metadata": {"name": name}}, now=self.unix)
        self.store.subscribe(self._changed)

    @property
    def down(self) -> bool:
        """Does nobody get a connection?"""
        return self.health is Health.DOWN

    @property
    def accepts(self) -> bool:
        """Does a list or a watch get through?"""
        return self.health in {Health.WELL, Health.WRITING_SLOWLY}

    @property
    def unix(self) -> float:
        return UNIX_START + self._timeline.now

    def find(self, kind: Kind, name: str) -> Json | None:
        """The object as it is stored now."""
        namespaces = dict.fromkeys((Kind.SERVICE, Kind.ENDPOINT_SLICE), NAMESPACE)
        namespace = {**namespaces, Kind.LEASE: LEASE_NAMESPACE}.get(kind, "")
        resource = resources()[kind]
        if not self.store.exists(resource, namespace, name):
            return None
        return self.store.get(resource, namespace, name)

    def policy(self) -> Json | None:
        """The one policy, if it is there."""
        return self.find(Kind.POLICY, POLICY)

    def leases(self) -> dict[str, Json]:
        """By name."""
        return {one["metadata"]["name"]: one for one in self.store.list(LEASES).items}

    def services(self) -> list[Json]:
        return self.store.list(SERVICES).items

    def latency(self, *, slow: bool) -> float:
        """How long one way takes."""
        seconds = self._plan.latency * (0.2 + self._rng.expovariate(1.0))
        share = 0.6 if slow else self._plan.slow_calls
        if not self.calm and share and self._rng.random() < share:
            seconds += self._rng.uniform(0.0, 1.2) * self._plan.timeout
        return min(seconds, LATEST_SECONDS)

    def start(
        self, caller: Caller, call: Call, writer: object, deliver: Callable[[Fact], None]
    ) -> None:
        """Begin a call; its one outcome comes through `deliver`."""
        outcome, by = _Outcome(deliver), By(writer, self._timeline.now)
        no_answer = refused(call, Why.UNAVAILABLE)
        self._timeline.after(self._plan.timeout, partial(outcome.give, no_answer))
        arrive = partial(self._arrive, caller, call, by, outcome)
        if not self.calm and self._rng.random() < 0.3:
            # It stands in a queue of the process, which may be frozen, or dead, by then.
            self._timeline.after(
                self.latency(slow=caller.slow),
                partial(caller.when_running, partial(self._leave, caller, arrive)),
            )
        else:
            self._timeline.after(self.latency(slow=caller.slow), arrive)

    def _leave(self, caller: Caller, arrive: Callable[[], None]) -> None:
        self._timeline.after(self.latency(slow=caller.slow), arrive)

    def _arrive(self, caller: Caller, call: Call, by: By, outcome: _Outcome) -> None:
        rng, plan = self._rng, self._plan
        give = partial(outcome.give, refused(call, Why.UNAVAILABLE))
        if self.down or caller.cut:
            if rng.random() < 0.5:
                self._timeline.after(self.latency(slow=caller.slow), give)
            return
        if self.health in _TURNS_AWAY:
            why = _TURNS_AWAY[self.health]
            self._later(caller, partial(outcome.give, refused(call, why)))
            return
        if self.health is Health.WRITING_SLOWLY and isinstance(call, LeaseWrite | Write):
            seconds = rng.uniform(0.1, 1.5) * plan.timeout
            finish = partial(self._finish, caller, call, by, outcome)
            self._timeline.after(seconds, finish)
            return
        if not self.calm and rng.random() < plan.refused_calls:
            if rng.random() < 0.5:  # such as a 500 after the write
                self._carry_out(call, by)
            self._timeline.after(self.latency(slow=caller.slow), give)
            return
        if not self.calm and rng.random() < plan.lost_calls:
            if rng.random() < 0.7:
                self._carry_out(call, by)
            return
        self._finish(caller, call, by, outcome)

    def _finish(self, caller: Caller, call: Call, by: By, outcome: _Outcome) -> None:
        self._later(caller, partial(outcome.give, self._carry_out(call, by)))

    def _later(self, caller: Caller, action: Callable[[], None]) -> None:
        seconds = self.latency(slow=caller.slow)
        self._timeline.after(seconds, partial(self._return, caller, action))

    def _return(self, caller: Caller, action: Callable[[], None]) -> None:
        if not caller.cut:
            action()

    def _carry_out(self, call: Call, by: By) -> Fact:
        self.writer, self.begun_at = by
        try:
            return self._done(call)
        except refusals.Refusal as refusal:
            return refused(call, _WHY.get(refusal.code, Why.UNAVAILABLE))
        finally:
            self.writer = None

    def _done(self, call: Call) -> Fact:
        store, now = self.store, self.unix
        match call:
            case LeaseWrite(name=name, body=body, create=True):
                found = store.create(LEASES, dict(body), namespace=LEASE_NAMESPACE, now=now)
                return LeaseWritten(_lease(found))
            case LeaseWrite(name=name, body=body):
                found = store.update(
                    LEASES, dict(body), namespace=LEASE_NAMESPACE, name=name, now=now
                )
                return LeaseWritten(_lease(found))
            case ReadLease(name=name):
                lease = self.find(Kind.LEASE, name)
                return LeaseRead(name, _lease(lease) if lease else None)
            case DeleteLease(name=name, uid=uid, version=version):
                where = {"namespace": LEASE_NAMESPACE, "name": name}
                store.delete(LEASES, **where, uid=uid, version=version, now=now)
                return LeaseDeleted(name)
            case ReadService(key=key):
                service = self.find(Kind.SERVICE, key.name)
                return ServiceRead(key, _service(service) if service else None)
            case ReadServices():
                return ServicesRead(tuple(map(_service, store.list(SERVICES).items)))
            case ReadHosts():
                return HostsRead(dict.fromkeys(map(ip_address, HOSTS), "a node"))
            case Write(kind=kind, key=key, patch=patch):
                self.status_writes += kind is Kind.SERVICE
                found = store.patch(
                    resources()[kind],
                    patch,
                    MERGE_PATCH,
                    namespace=key.namespace,
                    name=key.name,
                    subresource="status",
                )
                return StatusWritten(kind, read(kind, found))
            case _:
                assert_never(call)

    def _changed(self, resource: Resource, change: Change) -> None:
        kind = self._kinds.get(resource)
        if kind is None:
            return
        self.last_version[kind] = change.version
        fact: Seen | Gone = Gone(kind, Key(*change.key), str(change.version))
        if change.after is not None:
            fact = Seen(kind, read(kind, change.after))
        for listener in self.listeners:
            listener.changed(kind, change.version, fact)


def refused(call: Call, why: Why) -> Fact:
    """The fact that says that a call was not carried out, or not known to be."""
    match call:
        case LeaseWrite(name=name):
            return LeaseRefused(name, why)
        case ReadLease(name=name):
            return LeaseRead(name, None, why)
        case DeleteLease(name=name):
            return LeaseDeleted(name, why)
        case ReadService(key=key):
            return ServiceRead(key, None, why)
        case ReadServices():
            return ServicesRead(None)
        case ReadHosts():
            return HostsRead(None, why)
        case Write(kind=kind, key=key):
            return StatusRefused(kind, key, why)
        case _:
            assert_never(call)


def _lease(found: Json) -> LeaseRecord:
    result = read(Kind.LEASE, found)
    assert isinstance(result, LeaseRecord)
    return result


def _service(found: Json) -> Service:
    result = read(Kind.SERVICE, found)
    assert isinstance(result, Service)
    return result
