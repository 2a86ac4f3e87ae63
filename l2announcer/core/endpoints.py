"""externalTrafficPolicy Local: only a node that has an endpoint of the Service may announce it.

Another node's service proxy would drop what arrives there (Kubernetes, Virtual IPs and Service
Proxies; the EndpointSlice API; KEP-1669, proxy terminating endpoints).

Rules of this file:
- A ready endpoint on this node is needed, or one that serves while it terminates: the proxy falls
  back to such where none is ready. If another node has a ready one, this node is leaving.
- Where no endpoint of the Service names its node, every node may: nobody can say where they are.
- EndpointSlices are watched only while such a Service is selected here, and only those of the
  Services of such names, unless they are many. A Service isn't announced before its own are listed,
  nor is its Lease given back, if this node has it: it may well be the one to go on.
- While the API server is away, what was last known of them counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from l2announcer.core.effects import Effects
from l2announcer.core.facts import Gone, Listed
from l2announcer.core.model import ALL, EndpointSlice, Key, Service, Span
from l2announcer.core.selection import Reason, Selection
from l2announcer.core.views import View

LOCAL = "Local"
NOWHERE = ""  # the node of an endpoint that names none
NAMES_LIMIT = 32  # they are part of a URL
NEEDLESS_SECONDS = 60.0  # for how long a watch that nobody needs goes on
SAID_LIMIT = 5  # nodes in a sentence


@dataclass(frozen=True, slots=True)
class Places:
    """The nodes that can serve a Service: by ready endpoints, else by terminating ones.

    `everywhere`: it makes no difference.
    """

    ready: frozenset[str] = frozenset()
    terminating: frozenset[str] = frozenset()
    everywhere: bool = False

    def serving(self, node: str) -> bool:
        return self.everywhere or node in self.ready or node in self.terminating

    def draining(self, node: str) -> bool:
        """Would another node serve better?"""
        return bool(self.ready) and node in self.terminating


EVERYWHERE = Places(everywhere=True)


class Endpoints:
    """The EndpointSlices of the Services that depend on them; and which these are.

    `node` is this node.
    """

    def __init__(self, node: str) -> None:
        self._node = node
        self._view: View[EndpointSlice] = View()
        self._by_service: dict[Key, set[Key]] = {}
        self._wanted: set[Key] = set()  # Services
        self._asked = Span()
        self._listed = Span()
        self._ends_at = inf  # of the watch, if nobody needs it

    # Facts. Each returns the Services that are to be selected anew.

    def listed(self, fact: Listed) -> set[Key]:
        if not self._asked.any:
            return set()
        # A list of another span is another watch's, asked for after all that is known was.
        other = fact.span != self._listed
        self._listed = fact.span
        slices = [found for found in fact.objects if isinstance(found, EndpointSlice)]
        self._view.replace(slices, fact.version, restored=fact.restored or other)
        self._by_service = {}
        for found in self._view.values():
            self._by_service.setdefault(found.service, set()).add(found.key)
        return set(self._wanted)

    def seen(self, found: EndpointSlice) -> set[Key]:
        known = self._view.get(found.key)
        if not self._asked.any or not self._view.see(found) or known == found:
            return set()
        return self._wanted & {self._file(known, present=False), self._file(found, present=True)}

    def gone(self, fact: Gone) -> set[Key]:
        known = self._view.get(fact.key)
        if not self._view.forget(fact.key, fact.version):
            return set()
        return self._wanted & {self._file(known, present=False)}

    def _file(self, found: EndpointSlice | None, *, present: bool) -> Key:
        """Have a slice among those of its Service, or not; which Service that is."""
        if found is None:
            return Key("", "")
        keys = self._by_service.setdefault(found.service, set())
        if present:
            keys.add(found.key)
        else:
            keys.discard(found.key)
        return found.service

    # Decisions

    def narrow(self, service: Service, selection: Selection) -> Selection:
        """Leave of a selection what this node can serve; and note what must be known for that."""
        if service.external_traffic_policy != LOCAL or not selection.announcements:
            self._wanted.discard(service.key)
            return selection
        self._wanted.add(service.key)
        about, places = f"Service {service.key}", self.places(service)
        pending = not self._listed.covers(service.key.name)
        if pending:
            why = "has externalTrafficPolicy Local, and its EndpointSlices aren't listed yet"
        elif not places.serving(self._node):
            why = "has externalTrafficPolicy Local and no endpoint on this node that is ready"
            why += f"; {_where(places.ready | places.terminating)}"
        elif places.draining(self._node):
            why = "has only terminating endpoints on this node, and"
            reason = Reason(about, f"{why} {_where(places.ready)} that are ready")
            return replace(selection, leaving=(reason,))
        else:
            return selection
        reason = Reason(about, why)
        return Selection(reasons=(*selection.reasons, reason), unable=reason, pending=pending)

    def places(self, service: Service) -> Places:
        """Which nodes can serve it, as far as is known."""
        if service.external_traffic_policy != LOCAL:
            return EVERYWHERE
        slices = [self._view.get(key) for key in self._by_service.get(service.key, ())]
        known = [found for found in slices if found is not None]
        ready = frozenset[str]().union(*(found.ready for found in known))
        draining = frozenset[str]().union(*(found.draining for found in known))
        named = ready.union(draining, *(found.idle for found in known))
        if NOWHERE in ready and named == {NOWHERE}:
            return EVERYWHERE
        return Places(ready - {NOWHERE}, draining - ready - {NOWHERE})

    def forget(self, key: Key) -> None:
        """Take in that a Service is gone."""
        self._wanted.discard(key)

    def poll(self, now: float, out: Effects) -> None:
        """Ask for what is needed and isn't watched; end what is needed no more."""
        names = frozenset(key.name for key in self._wanted)
        if names:
            self._ends_at = inf
            if not all(self._asked.covers(name) for name in names):
                asked = Span(names) if len(names) <= NAMES_LIMIT else ALL
                self._asked = out.endpoints = asked
        elif self._asked.any:
            self._ends_at = min(self._ends_at, now + NEEDLESS_SECONDS)
            if now >= self._ends_at:
                self._asked = self._listed = out.endpoints = Span()
                self._view, self._by_service, self._ends_at = View(), {}, inf
        out.wake_at = min(out.wake_at, self._ends_at)


def _where(nodes: frozenset[str]) -> str:
    if not nodes:
        return "no node has one"
    some = ", ".join(sorted(nodes)[:SAID_LIMIT])
    more = len(nodes) - SAID_LIMIT
    return f"there are such on {some}" + (f" and {more} more" if more > 0 else "")
