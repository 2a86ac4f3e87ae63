"""What this node would announce for each Service, the others of its group considered.

Rules of this file:
1. An address that a Service names and does not have is left out, and the reason says whose it is;
   all of them are where it does not have its Lease's name (core.claims).
2. Of a group (core.groups) every Service that some policy would have announced, on whatever node,
   must be announced here, or none is: whoever holds their Leases answers for all of them. Else
   nobody might ever hold them all, so the reason says which policies don't agree; or that this
   node has no endpoint of one of them (core.endpoints).
3. Those that no policy would have announced, or that are another load balancer's, are companions:
   their Leases are held with the rest, and nothing is announced for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from l2announcer.core.candidacy import lease_name
from l2announcer.core.claims import NOTHING
from l2announcer.core.cluster import Changes, Cluster
from l2announcer.core.groups import Group, Groups
from l2announcer.core.model import Key, Service
from l2announcer.core.policy import CompiledPolicy
from l2announcer.core.selection import Reason, Selection, answering_macs, asking, select
from l2announcer.core.views import View

NONE = Selection()


class Selections:
    """The selection of every Service that exists, kept true from what changes."""

    def __init__(self) -> None:
        self.by_service: dict[Key, Selection] = {}
        self.groups = Groups()
        self.macs: tuple[str, ...] = ()  # under which this node may come to answer
        self.contested: set[str] = set()  # the Leases of the groups that this node contests

    def of(self, key: Key) -> Selection:
        """What is selected for a Service; nothing for one that does not exist."""
        return self.by_service.get(key, NONE)

    def take(self, changes: Changes, cluster: Cluster) -> set[Key]:
        """Take in what changed; the Services whose selection was made anew."""
        services, policies = cluster.services, cluster.policies.in_force
        concerned = self.groups.take({key: services.get(key) for key in changes.services})
        if changes.everything:
            concerned |= set(services)
            self.macs = answering_macs(policies, cluster.node, cluster.links or ())
        for key in changes.endpoints:
            if services.get(key) is None:
                continue
            moved = self.groups.of(lease_name(key))
            concerned.update(moved.services if moved is not None else {key})
        groups: set[Group] = set()
        for key in concerned:
            service, name = services.get(key), lease_name(key)
            if service is None:
                self.by_service.pop(key, None)
                cluster.endpoints.forget(key)
            else:
                selection = select(service, policies, cluster.node, cluster.links or ())
                selection = self._without_denied(key, selection)
                self.by_service[key] = cluster.endpoints.narrow(service, selection)
            group = self.groups.of(name)
            if group is None:
                self.contested.discard(name)
            else:
                groups.add(group)
        for group in groups:
            self._judge(group, services, policies)
        return concerned

    def _without_denied(self, key: Key, selection: Selection) -> Selection:
        """Rule 1."""
        denied = self.groups.claims.denied.get(key)
        if not denied:
            return selection
        found = selection.announcements if lease_name(key) not in denied else ()
        left = tuple(each for each in found if each.address not in denied)
        reasons = (
            Reason(f"Service {key}", denial.sentence(claim)) for claim, denial in denied.items()
        )
        return Selection(left, (*selection.reasons, *reasons))

    def _judge(
        self, group: Group, services: View[Service], policies: Sequence[CompiledPolicy]
    ) -> None:
        """Rules 2 and 3."""
        unselected = [key for key in group.services if not self.by_service[key].announcements]
        pending = any(self.by_service[key].pending for key in group.services)
        if len(unselected) == len(group.services):
            self.contested.difference_update(group.leases)
            for key in group.services if pending else ():
                self.by_service[key] = replace(self.by_service[key], pending=True)
            return
        reasons = [
            reason for key in unselected for reason in self._dissent(key, services, policies)
        ]
        selections = {key: self.by_service[key] for key in group.services}
        if not reasons:
            self.contested.update(group.leases)
            leaving = tuple(reason for each in selections.values() for reason in each.leaving)
            for key, selection in selections.items():
                if selection.leaving != leaving:
                    self.by_service[key] = replace(selection, leaving=leaving)
            return
        self.contested.difference_update(group.leases)
        for key, selection in selections.items():
            left_out = (*selection.reasons, *reasons)
            self.by_service[key] = Selection(reasons=left_out, pending=pending)

    def _dissent(
        self, key: Key, services: View[Service], policies: Sequence[CompiledPolicy]
    ) -> Iterator[Reason]:
        """Why the others of its group can't be announced here, if it's because of this Service."""
        service, denied = services.get(key), self.groups.claims.denied.get(key, NOTHING)
        names = asking(service, policies, denied) if service is not None else []
        unable = self.by_service[key].unable
        if unable:
            sentence = (
                "shares an address or a Lease with others, so one node must announce them all; this"
                f" node cannot: it {unable.message}"
            )
            yield Reason(f"Service {key}", sentence)
        elif names:
            sentence = (
                "shares an address or a Lease with others, so one node must announce them all; this"
                " node does not announce it, and others might by CiliumL2AnnouncementPolicy"
                f" {', '.join(names)}: let the policies agree on nodes and interfaces"
            )
            yield Reason(f"Service {key}", sentence)
