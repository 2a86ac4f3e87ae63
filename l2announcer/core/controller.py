"""What one node does for the whole cluster: addresses for Services, and conditions on policies.

Rules of this file:
- Only in the tenure of the controller Lease, and only after a read of all Services that was asked
  for in that tenure: what the last controller wrote must be known before an address is given.
- LB IPAM stands by while Cilium's operator is at work, and begins with a read of its own after it.
- No address is given before those of the nodes and of the API server are known, or may not be read;
  they are read anew every minute, while there are pools. (An API server that starts denies
  everything for a while: rule 14 of core.election.)
- It deletes the Leases that nobody needs any more (core.leftovers).
- A policy's conditions tell of its problems; they are written on change, and never removed: a
  mended one turns to "False" (that is how Cilium's are read).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import assert_never

from l2announcer.core import conditions
from l2announcer.core.cluster import Changes, Cluster
from l2announcer.core.coexistence import CILIUM_OPERATOR_LEASE, Operator
from l2announcer.core.effects import (
    Effects,
    Event,
    ReadHosts,
    ReadLease,
    StatusWrite,
    Transition,
)
from l2announcer.core.election import Elector
from l2announcer.core.facts import HostsRead, LeaseDeleted, Refusal, StatusRefused, StatusWritten
from l2announcer.core.hold_over import DENIED_SECONDS
from l2announcer.core.ipam import Ipam
from l2announcer.core.leftovers import Leftovers
from l2announcer.core.model import Condition, Kind, Policy
from l2announcer.core.policy import CONDITION_TYPES
from l2announcer.core.status_writes import StatusWrites

CONTROLLER_LEASE = "l2announcer-controller"
SERVICES_RETRY_SECONDS = 1.0
HOSTS_SECONDS = 60.0
HOSTS_RETRY_SECONDS = 1.0


@dataclass(slots=True)
class _Tenure:
    """What was done in the present tenure."""

    read_asked: bool = False
    read_due_at: float = -inf
    read: bool = False
    hosts_known: bool = False
    hosts_due_at: float = -inf  # inf while they are being read


class Controller:
    """Feeds on what the Announcer knows; acts only while this node is the controller.

    `operator` is None where it makes no difference whether Cilium's is at work.
    """

    def __init__(
        self,
        elector: Elector,
        cluster: Cluster,
        ipam: Ipam | None,
        operator: Operator | None,
        leftovers: Leftovers,
    ) -> None:
        self.elector = elector
        self.leftovers = leftovers
        self.ipam = ipam
        self.operator = operator
        self.hosts_problem = ""
        self._denied_since = inf  # the reads of hosts
        self._stood_by = False
        self._cluster = cluster
        self._writes = StatusWrites()
        self._tenure: _Tenure | None = None

    def take(self, changes: Changes) -> None:
        """Take in what changed; done by every node, so that the next controller is warm."""
        for key in changes.policies:
            self._writes.seen(Kind.POLICY, key)
        if self.ipam is None:
            return
        for key in changes.pools:
            pool = self._cluster.pools.get(key)
            if pool is None:
                self.ipam.forget_pool(key)
            else:
                self.ipam.handle_pool(pool)
        for key in changes.services:
            service = self._cluster.services.get(key)
            if service is None:
                self.ipam.forget_service(key)
            else:
                self.ipam.handle_service(service)

    def services_read(self, *, answered: bool) -> None:
        """Take in the outcome of the read that poll asked for, after the Services that it found."""
        self.leftovers.services_read(answered=answered)
        if self._tenure is None or not self._tenure.read_asked or self._tenure.read:
            return
        self._tenure.read_asked = self._tenure.read = answered
        if answered and self.ipam is not None:
            self.ipam.begin()

    def done(self, fact: HostsRead | StatusRefused | LeaseDeleted, now: float) -> None:
        """Take in the outcome of a call that poll asked for."""
        match fact:
            case HostsRead():
                self.hosts_read(fact, now)
            case StatusRefused():
                self.refused(fact, now)
            case LeaseDeleted():
                self.leftovers.deleted(fact)
            case _:
                assert_never(fact)

    def hosts_read(self, fact: HostsRead, now: float) -> None:
        """Take in the addresses that no Service may be given."""
        denied = fact.why is Refusal.DENIED
        self._denied_since = min(self._denied_since, now) if denied else inf
        starting = denied and now < self._denied_since + DENIED_SECONDS
        unknown = starting or fact.why is Refusal.UNAVAILABLE
        if fact.hosts is not None and self.ipam is not None and not unknown:
            self.ipam.hosts_are(fact.hosts)
        self.hosts_problem = ""
        if fact.why is not None:
            self.hosts_problem = (
                f"the addresses of Nodes cannot be read ({fact.why.value}): one of them may be"
                " given to a Service"
            )
        if self._tenure is not None:
            self._tenure.hosts_known |= not unknown
            self._tenure.hosts_due_at = now + (HOSTS_RETRY_SECONDS if unknown else HOSTS_SECONDS)

    def standing_by(self, now: float) -> str:
        """Why LB IPAM stands by; "" when it doesn't."""
        if self.ipam is None or self.operator is None:
            return ""
        return self.operator.at_work(now)

    def idle_because(self, now: float) -> str:
        """Why LB IPAM gives no addresses here now; "" when it does."""
        if self.ipam is None:
            return "it is switched off (lbIpam: false)"
        if not self.elector.tenure.valid(now) or self._tenure is None:
            holder = self.elector.record.holder if self.elector.record is not None else ""
            return f"node {holder} is the controller" if holder else "no node is the controller"
        if why := self.standing_by(now):
            return why
        if not self._tenure.read:
            return "the Services are being read"
        if len(self._cluster.pools) and not self._tenure.hosts_known:
            return "the addresses of the Nodes are being read"
        return ""

    def written(self, fact: StatusWritten) -> None:
        if isinstance(fact.object, Policy):
            self._writes.written(fact.kind, fact.object.key)
        elif self.ipam is not None:
            self.ipam.written(fact)

    def refused(self, fact: StatusRefused, now: float) -> None:
        if fact.kind is Kind.POLICY:
            self._writes.refused(fact.kind, fact.key, fact.why, now)
        elif self.ipam is not None:
            self.ipam.refused(fact, now)

    def poll(self, now: float, wall: float, out: Effects) -> bool:
        """Add what is to be written. True: all Services are to be read first."""
        if not self.elector.tenure.valid(now):
            self._tenure = None
            self.leftovers.forget()
            return False
        if self._tenure is None:
            self._tenure = _Tenure()
        if not self._tenure.read:
            return self._read_is_due(self._tenure, now, out)
        to_read = self.leftovers.poll(now, out)
        for policy in self._cluster.policies.view.values():
            self._tell(policy, now, wall, out)
        out.wake_at = min(out.wake_at, self._writes.retry_at(now))
        if self.ipam is None or not self._may_give(self._tenure, now, out):
            return to_read
        writes, events, wake_at = self.ipam.poll(now, wall)
        out.calls += writes
        out.events += events
        out.wake_at = min(out.wake_at, wake_at)
        return to_read

    def _read_is_due(self, tenure: _Tenure, now: float, out: Effects) -> bool:
        """Are all Services to be read now? At most so often: a list is the dearest of all reads."""
        if tenure.read_asked:
            return False
        if now < tenure.read_due_at:
            out.wake_at = min(out.wake_at, tenure.read_due_at)
            return False
        tenure.read_asked, tenure.read_due_at = True, now + SERVICES_RETRY_SECONDS
        return True

    def _may_give(self, tenure: _Tenure, now: float, out: Effects) -> bool:
        """May LB IPAM go to work? Asks for what it lacks."""
        stood_by, why = self._stood_by, self.standing_by(now)
        self._stood_by = bool(why)
        if why:
            if not stood_by:
                out.transitions.append(Transition("LB IPAM stands by", why))
            if self.operator is not None:
                if self.operator.take_read(now):
                    out.calls.append(ReadLease(CILIUM_OPERATOR_LEASE))
                out.wake_at = min(out.wake_at, self.operator.wake_at)
            return False
        if stood_by:
            reason = "Cilium's operator does not renew its Lease any more"
            out.transitions.append(Transition("LB IPAM takes over", reason))
            tenure.read_asked = tenure.read = False
            tenure.read_due_at = now
            out.wake_at = now
            return False
        if not len(self._cluster.pools):
            return True
        if now >= tenure.hosts_due_at:
            tenure.hosts_due_at = inf
            out.calls.append(ReadHosts())
        out.wake_at = min(out.wake_at, tenure.hosts_due_at)
        return tenure.hosts_known

    def _tell(self, policy: Policy, now: float, wall: float, out: Effects) -> None:
        wanted = tuple(self._conditions(policy))
        merged = conditions.merged(policy.conditions, wanted, wall)
        if merged == policy.conditions or not self._writes.start(Kind.POLICY, policy.key, now):
            return
        patch = {
            "metadata": {"resourceVersion": policy.resource_version},
            "status": {"conditions": conditions.as_json(merged)},
        }
        out.calls.append(StatusWrite(Kind.POLICY, policy.key, patch))
        for condition in wanted:
            if condition.status == "True":
                message = (
                    f"{condition.message}; nodes that know a good version of the policy keep to"
                    " that, others leave it out"
                )
                out.events.append(
                    Event(Kind.POLICY, policy.key, policy.uid, "BadPolicy", message, warning=True)
                )

    def _conditions(self, policy: Policy) -> Iterator[Condition]:
        problems = self._cluster.policies.problems.get(policy.key, {})
        for type_, problem in problems.items():
            yield Condition(
                type=type_,
                status="True",
                reason="error",
                message=str(problem),
                observed_generation=policy.generation,
            )
        for standing in policy.conditions:
            if standing.type in CONDITION_TYPES and standing.type not in problems:
                mended = standing.status == "True" or standing.message
                generation = policy.generation if mended else standing.observed_generation
                yield Condition(
                    type=standing.type,
                    status="False",
                    reason="error",
                    observed_generation=generation,
                )
