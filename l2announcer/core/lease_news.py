"""What comes in about Leases, brought to the Elector that it concerns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

from l2announcer.core.candidacy import LEASE_PREFIX
from l2announcer.core.coexistence import CILIUM_OPERATOR_LEASE, Operator
from l2announcer.core.contest import Contest
from l2announcer.core.election import Elector
from l2announcer.core.facts import Gone, LeaseRead, LeaseRefused, LeaseWritten, Listed
from l2announcer.core.heartbeat import HEARTBEAT_PREFIX
from l2announcer.core.model import LeaseRecord
from l2announcer.core.node_macs import NodeMacs

WATCHED_PREFIXES = (LEASE_PREFIX, HEARTBEAT_PREFIX)

Fact = Listed | Gone | LeaseWritten | LeaseRefused | LeaseRead


class LeaseNews:
    """`listed` tells whether all Leases were known once; `find` gives a Lease's Elector.

    `macs` are those that Leases say nodes have.

    Leases of Services and heartbeats are followed without being asked for, others only while they
    are contested here; `operator`, where there is one, follows Cilium's.
    """

    def __init__(
        self,
        contests: Mapping[str, Contest],
        find: Callable[[str], Elector],
        operator: Operator | None,
    ) -> None:
        self.listed = False
        self.macs = NodeMacs()
        self._contests = contests
        self._find = find
        self._operator = operator

    def take(self, fact: Fact, now: float) -> None:
        """Take in a fact about Leases."""
        match fact:
            case Listed():
                self._list(fact, now)
            case Gone():
                self._gone(fact, now)
            case LeaseWritten():
                self.macs.seen(fact.record)
                self._find(fact.record.name).written(fact.record, now)
            case LeaseRefused():
                self._find(fact.name).refused(fact.why, now)
            case LeaseRead():
                self._read(fact, now)
            case _:
                assert_never(fact)

    def seen(self, found: LeaseRecord, now: float, *, restored: bool = False) -> None:
        """Take in how a Lease is now."""
        if found.name == CILIUM_OPERATOR_LEASE:
            self._operator_is(found, now)
        elif found.name in self._contests or found.name.startswith(WATCHED_PREFIXES):
            self.macs.seen(found)
            self._find(found.name).observe(found, now, consistent=restored)

    def _list(self, fact: Listed, now: float) -> None:
        self.listed = True
        records = [item for item in fact.objects if isinstance(item, LeaseRecord)]
        for name in self._contests.keys() - {record.name for record in records}:
            self.macs.gone(name)
            self._find(name).observe(None, now, version=fact.version, consistent=fact.restored)
        if all(record.name != CILIUM_OPERATOR_LEASE for record in records):
            self._operator_is(None, now)
        for record in records:
            self.seen(record, now, restored=fact.restored)

    def _gone(self, fact: Gone, now: float) -> None:
        if fact.key.name == CILIUM_OPERATOR_LEASE:
            self._operator_is(None, now)
        elif fact.key.name in self._contests:
            self.macs.gone(fact.key.name)
            self._find(fact.key.name).observe(None, now, version=fact.version)

    def _read(self, fact: LeaseRead, now: float) -> None:
        if fact.name != CILIUM_OPERATOR_LEASE:
            if fact.record is not None:
                self.macs.seen(fact.record)
            self._find(fact.name).read(fact.record, fact.why, now)
        elif self._operator is not None:
            self._operator.read(fact.record, fact.why, now)

    def _operator_is(self, record: LeaseRecord | None, now: float) -> None:
        if self._operator is not None:
            self._operator.observe(record, now)
