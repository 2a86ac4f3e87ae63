"""What is known of the cluster and of this node's links, and what of it has changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from l2announcer.core.effects import Effects
from l2announcer.core.endpoints import Endpoints
from l2announcer.core.facts import Gone, Links, Listed, Listens, Object, Overheard
from l2announcer.core.listening import Listening
from l2announcer.core.model import (
    EndpointSlice,
    Key,
    Kind,
    LeaseRecord,
    Link,
    Node,
    Policy,
    Pool,
    Service,
)
from l2announcer.core.policy import PolicyBook
from l2announcer.core.segments import Segments
from l2announcer.core.views import View


@dataclass(slots=True)
class Changes:
    """What changed since it was last asked.

    `endpoints` are the Services whose endpoints moved. `everything` says that more than single
    Services changed: policies, this node's labels, links.
    """

    services: set[Key] = field(default_factory=set)
    endpoints: set[Key] = field(default_factory=set)
    policies: set[Key] = field(default_factory=set)
    pools: set[Key] = field(default_factory=set)
    nodes: set[Key] = field(default_factory=set)
    everything: bool = False


class Cluster:
    """Every object but Leases, which their Electors know. `node_name` is this node."""

    def __init__(self, node_name: str) -> None:
        self._own = Key("", node_name)
        self.services: View[Service] = View()
        self.pools: View[Pool] = View()
        self.nodes: View[Node] = View()
        self.policies = PolicyBook()
        self.endpoints = Endpoints(node_name)
        self.links: tuple[Link, ...] | None = None
        self._segments = Segments()
        self._listening = Listening()
        self._changes = Changes()

    def listed(self, fact: Listed) -> None:
        objects, changes = fact.objects, self._changes
        version, restored = fact.version, fact.restored
        match fact.kind:
            case Kind.SERVICE:
                services = [item for item in objects if isinstance(item, Service)]
                changes.services |= self.services.replace(services, version, restored=restored)
            case Kind.POOL:
                pools = [item for item in objects if isinstance(item, Pool)]
                changes.pools |= self.pools.replace(pools, version, restored=restored)
            case Kind.POLICY:
                policies = [item for item in objects if isinstance(item, Policy)]
                self.policies.replace(policies, version, restored=restored)
                changes.everything = True
            case Kind.NODE:
                before, nodes = self.node, [item for item in objects if isinstance(item, Node)]
                changes.nodes |= self.nodes.replace(nodes, version, restored=restored)
                changes.everything |= not _selects_alike(before, self.node)
            case Kind.ENDPOINT_SLICE:
                changes.endpoints |= self.endpoints.listed(fact)
            case Kind.LEASE:
                pass
            case _:
                assert_never(fact.kind)

    def seen(self, found: Object) -> None:
        changes = self._changes
        match found:
            case Service():
                if self.services.see(found):
                    changes.services.add(found.key)
            case Pool():
                if self.pools.see(found):
                    changes.pools.add(found.key)
            case Policy():
                if self.policies.see(found):
                    changes.policies.add(found.key)
                    changes.everything = True
            case Node():
                known = self.nodes.get(found.key)
                # A kubelet's heartbeats are updates too, and there are many nodes.
                if self.nodes.see(found) and known != found:
                    changes.nodes.add(found.key)
                    changes.everything |= found.key == self._own and not _selects_alike(
                        known, found
                    )
            case EndpointSlice():
                changes.endpoints |= self.endpoints.seen(found)
            case LeaseRecord():
                pass
            case _:
                assert_never(found)

    def gone(self, fact: Gone) -> None:
        changes = self._changes
        match fact.kind:
            case Kind.SERVICE:
                if self.services.forget(fact.key, fact.version):
                    changes.services.add(fact.key)
            case Kind.POOL:
                if self.pools.forget(fact.key, fact.version):
                    changes.pools.add(fact.key)
            case Kind.POLICY:
                changes.everything |= self.policies.forget(fact.key, fact.version)
            case Kind.NODE:
                if self.nodes.forget(fact.key, fact.version):
                    changes.nodes.add(fact.key)
                    changes.everything |= fact.key == self._own
            case Kind.ENDPOINT_SLICE:
                changes.endpoints |= self.endpoints.gone(fact)
            case Kind.LEASE:
                pass
            case _:
                assert_never(fact.kind)

    def links_are(self, fact: Links) -> set[str]:
        """Take in the interfaces; the names of those that can't be used any more."""
        usable = {link.name for link in fact.links if link.usable}
        lost = {link.name for link in self.links or () if link.usable} - usable
        self._segments.keep(fact.links)
        self._listening.keep(fact.links)
        self.links = self._listening.marked(self._segments.marked(fact.links))
        self._changes.everything = True
        return lost

    def heard(self, fact: Overheard | Listens, now: float) -> None:
        """Take in what was found out about the interfaces by using them."""
        match fact:
            case Overheard():
                if self.links is not None and self._segments.join(fact, self.links):
                    self.links = self._segments.marked(self.links)
                    self._changes.everything = True
            case Listens():
                if self._listening.take(fact, now):
                    self._mark_unheard()
            case _:
                assert_never(fact)

    def poll(self, now: float, out: Effects) -> None:
        """Take in that time went by."""
        if self._listening.tries_again(now):
            self._mark_unheard()
        out.wake_at = min(out.wake_at, self._listening.next_at)

    def _mark_unheard(self) -> None:
        self.links = self._listening.marked(self.links or ())
        self._changes.everything = True

    def take_changes(self) -> Changes:
        """What changed since the last call."""
        changes, self._changes = self._changes, Changes()
        return changes

    @property
    def node(self) -> Node | None:
        """This node; None where no object of its name is known."""
        return self.nodes.get(self._own)

    @property
    def unlisted(self) -> list[str]:
        """What has not been listed once yet."""
        listed = {
            "services": self.services.listed,
            "policies": self.policies.view.listed,
            "pools": self.pools.listed,
            "nodes": self.nodes.listed,
            "links": self.links is not None,
        }
        return [name for name, done in listed.items() if not done]


def _selects_alike(before: Node | None, after: Node | None) -> bool:
    """Does every policy's nodeSelector say of both what it says of the other?"""
    if before is None or after is None:
        return before is after
    return before.labels == after.labels
