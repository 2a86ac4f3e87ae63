"""Composes the core: takes facts in, gives effects out. It holds state and no rule of its own.

How to drive it: hand every fact to `handle`, then call `poll` once, carry out the effects, and call
again at `wake_at` or after the next fact, whichever comes first. An early call does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from l2announcer.core.answers import AnswerTable
from l2announcer.core.candidacy import LEASE_PREFIX, Candidacy, lease_name
from l2announcer.core.cluster import Changes, Cluster
from l2announcer.core.controller import CONTROLLER_LEASE, Controller
from l2announcer.core.effects import Effects, ReadService, ReadServices
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import (
    Claimed,
    Fact,
    Gone,
    LeaseRead,
    LeaseRefused,
    LeaseWritten,
    Links,
    Listed,
    Object,
    Resign,
    Seen,
    ServiceRead,
    ServicesRead,
    StatusRefused,
    StatusWritten,
)
from l2announcer.core.ipam import Ipam
from l2announcer.core.model import (
    Key,
    Kind,
    LeaseRecord,
    Service,
)
from l2announcer.core.selection import Selection, select
from l2announcer.core.terms import Terms, pace

READ_ALL_FROM = 9  # as many single reads at once cost more than one list


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is settled at the start. `qps` is how many renewals a second this node may write."""

    terms: Terms
    qps: float = 10.0
    lb_ipam: bool = True
    address_rest_seconds: float = 30.0


class Announcer:
    """One node's mind."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.terms = config.terms
        self.cluster = Cluster()
        self.electors: dict[str, Elector] = {}
        self.selections: dict[Key, Selection] = {}
        self.candidacies: dict[Key, Candidacy] = {}
        ipam = Ipam(rest_seconds=config.address_rest_seconds) if config.lb_ipam else None
        self.controller = Controller(self._elector(CONTROLLER_LEASE), self.cluster, ipam)
        self.resigning = False
        self._leases_listed = False
        self._reading: tuple[Key, ...] = ()  # Services that wait for the read of all
        self._installed: object = None

    # Facts

    def handle(self, fact: Fact, now: float) -> None:
        """Take in one fact. `now` is in seconds on CLOCK_BOOTTIME."""
        match fact:
            case Listed():
                self._listed(fact, now)
            case Seen():
                self._seen(fact.object, now)
            case Gone():
                self._gone(fact, now)
            case Links():
                self.cluster.links_are(fact)
            case LeaseWritten():
                self._elector(fact.record.name).written(fact.record, now)
            case LeaseRefused():
                self._elector(fact.name).refused(fact.why, now)
            case LeaseRead():
                self._elector(fact.name).read(fact.record, fact.why, now)
            case ServiceRead() | ServicesRead():
                self._read(fact, now)
            case StatusWritten():
                self._seen(fact.object, now)
                self.controller.written(fact)
            case StatusRefused():
                self.controller.refused(fact, now)
            case Claimed():
                for candidacy in self.candidacies.values():
                    candidacy.claimed(fact)
            case Resign():
                self.resigning = True
            case _:
                assert_never(fact)

    def _listed(self, fact: Listed, now: float) -> None:
        if fact.kind is not Kind.LEASE:
            self.cluster.listed(fact)
            return
        self._leases_listed = True
        records = [item for item in fact.objects if isinstance(item, LeaseRecord)]
        for name in self.electors.keys() - {record.name for record in records}:
            self.electors[name].observe(None, now, version=fact.version)
        for record in records:
            self._seen(record, now)

    def _seen(self, found: Object, now: float) -> None:
        if not isinstance(found, LeaseRecord):
            self.cluster.seen(found)
        elif found.name in self.electors or found.name.startswith(LEASE_PREFIX):
            self._elector(found.name).observe(found, now)

    def _gone(self, fact: Gone, now: float) -> None:
        if fact.kind is not Kind.LEASE:
            self.cluster.gone(fact)
        elif fact.key.name in self.electors:
            self.electors[fact.key.name].observe(None, now, version=fact.version)

    def _read(self, fact: ServiceRead | ServicesRead, now: float) -> None:
        # A Service that a read did not find is not forgotten here: the watch says in its own order
        # whether it is gone. Until then nothing is answered for it.
        if isinstance(fact, ServiceRead):
            found = [fact.service] if fact.service is not None else []
            waiting: tuple[Key, ...] = (fact.key,)
        else:
            found = list(fact.services or ())
            waiting, self._reading = self._reading, ()
            self.controller.services_read(answered=fact.services is not None)
        for service in found:
            self._seen(service, now)
        answered = {service.key for service in found}
        for key in waiting:
            if key in self.candidacies:
                self.candidacies[key].read(answered=key in answered, now=now)

    # Effects

    @property
    def unlisted(self) -> list[str]:
        """What must still be listed once before this node may contest anything."""
        return self.cluster.unlisted + ([] if self._leases_listed else ["leases"])

    @property
    def released(self) -> bool:
        """After Resign: is nothing owed to the API server any more?"""
        return self.resigning and not any(e.busy(self.terms) for e in self.electors.values())

    def held(self, now: float) -> frozenset[Key]:
        """The Services that this node may answer for now."""
        return frozenset(k for k, c in self.candidacies.items() if c.elector.tenure.valid(now))

    def poll(self, now: float, wall: float) -> Effects:
        """Everything that is to be done now. `wall` is Unix time in seconds."""
        out = Effects()
        if self.unlisted:
            return out
        changes = self.cluster.take_changes()
        self.controller.take(changes)
        self._select(changes)
        self._set_wishes()
        self.terms = self._present_terms()
        for elector in self.electors.values():
            call = elector.poll(now, wall, self.terms)
            if call is not None:
                out.calls.append(call)
        owed = [key for key, c in self.candidacies.items() if c.poll(now, self.terms, out)]
        self._ask(owed, out, all_services=self.controller.poll(now, wall, out))
        self._install(out)
        wake_ats = [elector.wake_at(now, self.terms) for elector in self.electors.values()]
        wake_ats += [candidacy.wake_at for candidacy in self.candidacies.values()]
        out.wake_at = min(out.wake_at, *wake_ats)
        self._drop_unselected(now)
        return out

    def _select(self, changes: Changes) -> None:
        cluster = self.cluster
        keys = changes.services
        if changes.everything:
            keys = keys | set(cluster.services)
        policies = cluster.policies.in_force
        for key in sorted(keys):  # in one order, so that the same facts give the same effects
            service = cluster.services.get(key)
            if service is None:
                self.selections.pop(key, None)
                selection = Selection()
            else:
                selection = select(service, policies, cluster.node, cluster.links or ())
                self.selections[key] = selection
            self._follow(key, service, selection)

    def _follow(self, key: Key, service: Service | None, selection: Selection) -> None:
        candidacy = self.candidacies.get(key)
        if candidacy is not None:
            candidacy.selection = selection
            candidacy.service = service or candidacy.service
        elif service is not None and selection.announcements:
            candidacy = Candidacy(service, self._elector(lease_name(key)))
            candidacy.selection = selection
            self.candidacies[key] = candidacy

    def _set_wishes(self) -> None:
        wanted = {
            candidacy.elector.name
            for candidacy in self.candidacies.values()
            if candidacy.selection.announcements
        }
        wanted.add(CONTROLLER_LEASE)
        known = {lease_name(key) for key in self.cluster.services} | {CONTROLLER_LEASE}
        for name, elector in self.electors.items():
            if name in wanted and not self.resigning:
                elector.want(Wish.HOLD)
            else:
                elector.want(Wish.RELEASE if name in known else Wish.ABANDON)

    def _present_terms(self) -> Terms:
        terms = self.config.terms
        held = sum(elector.ours(terms) for elector in self.electors.values())
        renew_seconds, may_take = pace(held, self.config.qps, terms)
        macs = sorted({link.mac.hex(":") for link in self.cluster.links or () if link.usable})
        holding = replace(terms.holding, macs=tuple(macs))
        return replace(terms, holding=holding, renew_seconds=renew_seconds, may_take=may_take)

    def _ask(self, owed: list[Key], out: Effects, *, all_services: bool) -> None:
        if all_services or len(owed) >= READ_ALL_FROM:
            self._reading += tuple(owed)
            out.calls.append(ReadServices())
        else:
            out.calls += [ReadService(key) for key in owed]

    def _install(self, out: Effects) -> None:
        candidacies = self.candidacies.values()
        grants = [grant for candidacy in candidacies for grant in candidacy.grants]
        pending = [announcement for candidacy in candidacies for announcement in candidacy.pending]
        table = (grants, pending, self.cluster.links)
        if table != self._installed:
            self._installed = table
            out.answers = AnswerTable(grants, pending, self.cluster.links or ())

    def _drop_unselected(self, now: float) -> None:
        for key in [k for k, c in self.candidacies.items() if not c.selection.announcements]:
            del self.candidacies[key]
        for name in [n for n, elector in self.electors.items() if elector.idle(now)]:
            del self.electors[name]

    def _elector(self, name: str) -> Elector:
        if name not in self.electors:
            self.electors[name] = Elector(name)
        return self.electors[name]
