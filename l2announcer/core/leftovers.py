"""Leases that nobody needs any more: those of deleted Services, and heartbeats of deleted Nodes.

Rules of this file; a Lease that is deleted too early could be somebody's right to answer:
- Only the controller deletes, so that it is asked for once in a cluster.
- Only what a node of ours wrote last (core.model.Holding) is deleted, never a stranger's.
- Nothing that is held, nor what this node wants.
- Its Service, or its Node, must not exist. Of Services a consistent read is asked for, in which it
  must not be found either: the watch may lag. A heartbeat stays while a Service's Lease names its
  node.
- It must have stood unchanged in that state for `rest_seconds`, before this node's own eyes.
- The deletion is for this very state of this very Lease (uid and resourceVersion): whoever makes or
  writes it meanwhile keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from math import inf

from l2announcer.core.candidacy import LEASE_PREFIX
from l2announcer.core.cluster import Cluster
from l2announcer.core.contest import Contest
from l2announcer.core.effects import DeleteLease, Effects, Transition
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import LeaseDeleted, Refusal
from l2announcer.core.heartbeat import HEARTBEAT_PREFIX
from l2announcer.core.model import Key, LeaseRecord

LOOK_SECONDS = 60.0
AT_ONCE = 20  # of the rest comes the turn a look later
DENIED = (
    "Leases that nobody needs any more cannot be deleted ({}): kubectl apply -f config/rbac.yaml,"
    " or set leaseCleanUp to 0s"
)


class Leftovers:
    """Finds and deletes them while it is polled. `rest_seconds` 0 is never.

    `contests` is by the Lease's name; `known` says whether a Lease's Service exists. `waiting` are
    those that rest until they are deleted; `problem` is why they can't be.
    """

    def __init__(
        self,
        cluster: Cluster,
        contests: Mapping[str, Contest],
        known: Callable[[str], bool],
        rest_seconds: float,
    ) -> None:
        self.waiting: dict[str, tuple[str, float]] = {}  # version and since when, by name
        self.problem = ""
        self._said = ""
        self._cluster = cluster
        self._contests = contests
        self._known = known
        self._rest_seconds = rest_seconds
        self._look_at = -inf
        self._asked = False  # for the Services
        self._confirmed = False

    def services_read(self, *, answered: bool) -> None:
        """Take in the outcome of the read that poll asked for."""
        self._confirmed = self._asked and answered
        self._asked = False

    def deleted(self, fact: LeaseDeleted) -> None:
        """Take in what became of a deletion. Where it failed, the Lease rests once more."""
        if fact.why in {Refusal.DENIED, Refusal.INVALID}:
            self.problem = DENIED.format(fact.why.value)
        elif fact.why is None:
            self.problem = ""

    def forget(self) -> None:
        """Forget everything: another node is the controller."""
        self.waiting, self._asked, self._confirmed, self._look_at = {}, False, False, -inf

    def poll(self, now: float, out: Effects) -> bool:
        """Add deletions that are due. True: all Services are to be read first."""
        if not self._rest_seconds:
            return False
        if self.problem != self._said:
            self._said = self.problem
            if self.problem:
                out.transitions.append(Transition("clean-up", self.problem, warning=True))
        if self._confirmed:
            self._confirmed = False
            self._delete(now, out)
        wanted = False
        if now >= self._look_at:
            self._look_at = now + min(LOOK_SECONDS, self._rest_seconds)
            self._look(now)
            wanted = bool(self._ripe(now)) and not self._asked
            self._asked |= wanted
        out.wake_at = min(out.wake_at, self._look_at)
        return wanted

    def _look(self, now: float) -> None:
        found = {name: contest.elector for name, contest in self._contests.items()}
        holders = {
            elector.record.holder
            for name, elector in found.items()
            if elector.record is not None and name.startswith(LEASE_PREFIX)
        }
        waiting: dict[str, tuple[str, float]] = {}
        for name, elector in found.items():
            record = elector.record
            if record is not None and self._needless(elector, record, holders, now):
                version, since = self.waiting.get(name, ("", now))
                unchanged = version == record.resource_version
                waiting[name] = (record.resource_version, since if unchanged else now)
        self.waiting = waiting

    def _needless(
        self, elector: Elector, record: LeaseRecord, holders: AbstractSet[str], now: float
    ) -> bool:
        if record.holding is None:
            return False
        if elector.held_until > now or elector.wish is Wish.HOLD:
            return False
        name = elector.name
        if name.startswith(LEASE_PREFIX):
            return not self._known(name)
        node = name.removeprefix(HEARTBEAT_PREFIX)
        if node == name or self._cluster.nodes.get(Key("", node)) is not None:
            return False
        return node not in holders

    def _ripe(self, now: float) -> list[LeaseRecord]:
        """Those that have rested, and are as they were."""
        ripe_at = now - self._rest_seconds
        found = []
        for name, (version, since) in self.waiting.items():
            contest = self._contests.get(name)
            record = contest.elector.record if contest is not None else None
            if since > ripe_at or record is None or record.resource_version != version:
                continue
            if _uid(record):
                found.append(record)
        return found

    def _delete(self, now: float, out: Effects) -> None:
        self._look(now)  # with what the read has found
        for record in self._ripe(now)[:AT_ONCE]:
            del self.waiting[record.name]
            out.calls.append(DeleteLease(record.name, _uid(record), record.resource_version))
            kind = "Service" if record.name.startswith(LEASE_PREFIX) else "Node"
            sentence = f"its {kind} was deleted, and nobody has held it for a while"
            out.transitions.append(Transition("Lease deleted", sentence, {"lease": record.name}))


def _uid(record: LeaseRecord) -> str:
    """What tells it from another of its name; empty where nothing does."""
    return str((record.raw.get("metadata") or {}).get("uid") or "")
