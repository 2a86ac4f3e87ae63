"""One Elector and the one Lease on an API server, for the histories of its rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from l2announcer.core import lease
from l2announcer.core.effects import LeaseWrite, ReadLease
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import Refusal
from l2announcer.core.model import Holding, LeaseRecord
from l2announcer.core.terms import Terms

NAME = "cilium-l2announce-default-app1"
BOOT = 5_000.0  # the node's clock and Unix time at the start of every history
UNIX = 1_700_000_000.0
HERE = Holding(boot="boot-a", netns=7, macs=("02:00:00:00:00:0a",))
THERE = Holding(boot="boot-b", netns=7, macs=("02:00:00:00:00:0b",))
TERMS = Terms(node="a", namespace="kube-system", holding=HERE)
L = TERMS.duration_seconds


class Rig:
    """One Elector and the one Lease on an API server; seconds count from the start."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.terms = terms
        self.elector = Elector(NAME)
        self.elector.want(Wish.HOLD)
        self.version = 0
        self.wall_step = 0.0

    def poll(self, at: float) -> LeaseWrite | ReadLease | None:
        wall = UNIX + at + self.wall_step
        return self.elector.poll(BOOT + at, wall, self.terms)

    def write(self, at: float) -> LeaseWrite:
        call = self.poll(at)
        assert isinstance(call, LeaseWrite), call
        return call

    def stored(self, write: LeaseWrite) -> LeaseRecord:
        """What the API server keeps when it accepts the write."""
        self.version += 1
        body = dict(write.body)
        body["metadata"] = {**body["metadata"], "resourceVersion": str(self.version)}
        return lease.decode(body)

    def accept(self, write: LeaseWrite, at: float) -> LeaseRecord:
        record = self.stored(write)
        self.elector.written(record, BOOT + at)
        return record

    def hold(self, at: float = 0.0) -> LeaseRecord:
        """Take the Lease with an answer in no time."""
        return self.accept(self.write(at), at)

    def see(self, record: LeaseRecord, at: float) -> LeaseRecord:
        """Another client wrote this, and the watch says so."""
        self.version += 1
        record = replace(record, resource_version=str(self.version))
        record = replace(record, raw=_body(record))
        self.elector.observe(record, BOOT + at)
        return record

    def gone(self, at: float) -> None:
        self.version += 1
        self.elector.observe(None, BOOT + at, version=str(self.version))

    def refuse(self, why: Refusal, at: float) -> None:
        self.elector.refused(why, BOOT + at)

    def answers(self, at: float) -> bool:
        return self.elector.tenure.valid(BOOT + at)

    def due(self, at: float) -> float:
        return self.elector.wake_at(BOOT + at, self.terms) - BOOT


def theirs(renewed: float = 0.0, **fields: Any) -> LeaseRecord:
    """A Lease that node b holds."""
    moment = lease.micro_time(int((UNIX + renewed) * 1_000_000))
    record = LeaseRecord(
        name=NAME,
        resource_version="",
        holder="b",
        duration_seconds=L,
        acquire_time=moment,
        renew_time=moment,
        transitions=4,
        holding=THERE,
    )
    return replace(record, **fields)


def _body(record: LeaseRecord) -> dict[str, Any]:
    found = lease.body(name=NAME, namespace="kube-system", read=None, record=record)
    found["metadata"]["resourceVersion"] = record.resource_version
    return found
