"""Who takes part in elections, and in which order they are to take what is free.

Rules of this file:
- Who takes part is known by its heartbeat: held, and seen to change within its duration, on the own
  clock; and by its Node object, which is deleted sooner than a heartbeat runs out. This node counts
  itself in whatever these say.
- The order of a group's candidates follows from objects that every node sees alike: by weighted
  rendezvous hash, so that a node that comes or goes moves no more than its share. The preferred
  node comes before it, a degraded node behind the full ones, one that is leaving behind all.
- A candidate is a node that the policies select for every Service of the group, and that can serve
  it, as far as that is known of others (core.endpoints).
- Whoever held the Lease last doesn't count: it ran out there, or was given up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import log

from l2announcer.core.cluster import Cluster
from l2announcer.core.effects import Effects, Transition
from l2announcer.core.election import Elector
from l2announcer.core.eligibility import judge
from l2announcer.core.heartbeat import HEARTBEAT_PREFIX
from l2announcer.core.lots import lot
from l2announcer.core.model import PREFERRED_NODE, Key, Node, Service
from l2announcer.core.selectors import service_labels
from l2announcer.core.terms import Terms

WEIGHT = "l2announcer.io/weight"  # of a Node
HEAVIEST = 1000
LAST_RANK = 20  # however many nodes there are: nobody waits for longer than a second
_WEIGHT_TEXT = re.compile(r"[0-9]{1,4}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A node that takes part. Its share of the groups goes by `weight`; 0 is never a favourite."""

    node: str
    weight: float = 1.0
    degraded: bool = False
    leaving: bool = False


def order(group: str, members: Iterable[Member], preferred: str = "") -> tuple[str, ...]:
    """The members' names, favourites first: the same wherever the same is known of them."""

    def place(member: Member) -> tuple[bool, bool, bool, float, str]:
        second = member.node != preferred
        score = _score(group, member)
        return member.leaving, member.degraded, second, -score, member.node

    return tuple(member.node for member in sorted(members, key=place))


def preferred_node(services: Iterable[Service]) -> str:
    """The node that the first of the Services asks for which asks for one; empty for none."""
    asked = (service.annotations.get(PREFERRED_NODE, "") for service in services)
    return next((node for node in asked if node), "")


def weight(node: Node) -> tuple[float, str]:
    """A Node's weight, and what is wrong with the annotation that says it; "" is nothing."""
    text = node.annotations.get(WEIGHT)
    if text is None:
        return 1.0, ""
    if _WEIGHT_TEXT.fullmatch(text) and float(text) <= HEAVIEST:
        return float(text), ""
    return 1.0, (
        f"Node {node.key.name}: annotation {WEIGHT} is {text!r}, which is no number from 0 to"
        f" {HEAVIEST}; it counts as 1"
    )


class Roster:
    """The nodes that take part, as this node sees them."""

    def __init__(self, node: str, cluster: Cluster) -> None:
        self._node = node
        self._cluster = cluster
        self._heartbeats: dict[str, Elector] = {}
        self._logged = ""

    def meet(self, elector: Elector) -> None:
        """Take in an Elector that knows of a node's heartbeat; those of other Leases are none."""
        if elector.name.startswith(HEARTBEAT_PREFIX):
            self._heartbeats[elector.name.removeprefix(HEARTBEAT_PREFIX)] = elector

    def forget(self, name: str) -> None:
        """Take in that nothing of a Lease is to be remembered any more."""
        if name.startswith(HEARTBEAT_PREFIX):
            self._heartbeats.pop(name.removeprefix(HEARTBEAT_PREFIX), None)

    def members(self, now: float) -> list[Member]:
        """Everybody who takes part now, this node among them, in the order of the names."""
        return [
            self._member(node)
            for node in sorted({*self._heartbeats, self._node})
            if node == self._node or (self._live(node, now) and self._known(node) is not None)
        ]

    def order(self, group: str, services: Sequence[Service], now: float) -> tuple[str, ...]:
        """The candidates for a Lease that stands for `services`, favourites first.

        Where there are none, as for the controller's, everybody who takes part is one.
        """
        return order(group, self._candidates(services, now), preferred_node(services))

    def terms_for(
        self, elector: Elector, group: str, services: Sequence[Service], terms: Terms, now: float
    ) -> Terms:
        """The terms with this node's rank for one Lease; none is needed where it isn't free.

        `group` is the first of the Leases that are held with it, `services` what they stand for.
        """
        if not elector.awaits_turn(now, terms):
            return terms
        rank = self.rank(group, services, now, besides=elector.last_holder)
        return replace(terms, rank=max(terms.rank, rank))

    def rank(self, group: str, services: Sequence[Service], now: float, *, besides: str) -> int:
        """How many candidates other than `besides` are to take it before this node."""
        rank = 0
        for node in self.order(group, services, now):
            if node == self._node:
                break
            rank += node != besides
        return min(rank, LAST_RANK)

    def turn(self, elector: Elector, now: float) -> int:
        """How many nodes are to write a Lease before this one, whatever it is about."""
        return self.rank(elector.name, (), now, besides=elector.last_holder)

    def poll(self, out: Effects) -> None:
        """Say once what is wrong with this node's weight."""
        node = self._cluster.node
        problem = weight(node)[1] if node is not None else ""
        if problem and problem != self._logged:
            out.transitions.append(Transition("weight", problem, warning=True))
        self._logged = problem

    def _live(self, node: str, now: float) -> bool:
        elector = self._heartbeats[node]
        held = elector.record is not None and elector.record.holder == node
        return held and elector.held_until > now

    def _member(self, node: str) -> Member:
        elector, known = self._heartbeats.get(node), self._known(node)
        record = elector.record if elector is not None else None
        said = record.holding if record is not None else None
        return Member(
            node=node,
            weight=weight(known)[0] if known is not None else 1.0,
            degraded=said is not None and said.degraded,
            leaving=(said is not None and said.leaving)
            or (known is not None and bool(judge(known))),
        )

    def _known(self, node: str) -> Node | None:
        return self._cluster.nodes.get(Key("", node))

    def _candidates(self, services: Sequence[Service], now: float) -> list[Member]:
        members = self.members(now)
        for service in services:
            labels = service_labels(service)
            policies = self._cluster.policies.in_force
            selectors = [policy.nodes for policy in policies if policy.services.matches(labels)]
            places = self._cluster.endpoints.places(service)
            members = [
                replace(member, leaving=True) if places.draining(member.node) else member
                for member in members
                if places.serving(member.node)
                and (node := self._known(member.node)) is not None
                and any(each.matches(node.labels) for each in selectors)
            ]
        return members


def _score(group: str, member: Member) -> float:
    """The weighted draw of a rendezvous hash: the highest has the chance of its share."""
    return -member.weight / log(lot(f"{group}/{member.node}"))
