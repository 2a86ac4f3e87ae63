"""Leases that their holder's heartbeat keeps: from when on they are free, and who is to be fenced.

A node in this mode renews its heartbeat alone. Its other Leases last without end, and say under
which number of the heartbeat (its count of transitions) they count. Every node goes by these rules,
in whichever mode it writes, and they concern only Leases that say so.

Rules of this file; without any one of them two nodes answer, or none:
18. Such a Lease is held as long as its number is the heartbeat's and somebody holds that, also when
    it has run out: its holder touches nothing else, so that no conflict on the Lease would stop it.
    It is free when the heartbeat has a later number, or was released under its own.
19. So a node that is silent is fenced first: its heartbeat, left alone for its duration, is
    released in its place by a conditional write, under a later number. Then its Leases are taken.
    A heartbeat of our own that says the other mode, from before a reboot, keeps nobody's right.
20. A heartbeat that is missing, or behind what Leases name, is no dead node: somebody deleted it,
    or our view is old. It is waited for as long as it lasts, and then made, fenced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from math import inf
from typing import NamedTuple

from l2announcer.core.candidacy import LEASE_PREFIX
from l2announcer.core.election import Elector, Wish
from l2announcer.core.heartbeat import HEARTBEAT_PREFIX, heartbeat_name
from l2announcer.core.lease import NODE
from l2announcer.core.model import LeaseRecord, Under
from l2announcer.core.terms import RANK_SECONDS, Terms


class _Beat(NamedTuple):
    """A node's heartbeat but for its renewals; `number` is -1 where there is none."""

    held: bool
    number: int


class NodeLeases:
    """What heartbeats keep, by the names of their nodes.

    `find` gives the Elector of a Lease's name, `rank` says how many are to write one before us.
    """

    def __init__(
        self, find: Callable[[str], Elector], rank: Callable[[Elector, float], int]
    ) -> None:
        self._find = find
        self._rank = rank
        self._noted: list[Elector] = []
        self._beats: dict[str, _Beat] = {}
        self._since: dict[str, float] = {}  # when a heartbeat was first seen so
        self._latest: dict[str, int] = {}  # the latest number that it was seen with
        self._under: dict[str, Under] = {}  # by Lease
        self._kept: dict[str, dict[str, int]] = {}  # the Leases' numbers, by node
        self._wanted: dict[str, set[str]] = {}  # those that we wait for, by node
        self._strangers: dict[str, Elector] = {}
        self._begun: bool | None = None

    def note(self, elector: Elector) -> None:
        """Take in that there is news of a Lease, which its Elector is about to be told."""
        self._noted.append(elector)

    def follow(self, now: float) -> AbstractSet[str]:
        """Take in what was noted; the Leases that are to be looked at for it."""
        noted, self._noted = self._noted, []
        return {name for elector in noted for name in self._follow(elector, now)}

    def forget(self, name: str) -> None:
        """Take in that nothing of a Lease is to be remembered any more."""
        before = self._under.pop(name, None)
        if before is not None:
            del self._kept[before.node][name]
            self._wanted[before.node].discard(name)
        node = _node_of(name)
        if node is not None and not self._kept.get(node):
            for each in (self._beats, self._since, self._latest, self._kept, self._wanted):
                each.pop(node, None)

    def _follow(self, elector: Elector, now: float) -> Iterable[str]:
        node = _node_of(elector.name)
        if node is None:
            self._index(elector, now)
            return ()
        beat = _beat(elector.record)
        if beat == self._beats.get(node):
            return ()
        self._take_in(node, beat, now)
        return tuple(self._kept.get(node, ()))

    def _index(self, elector: Elector, now: float) -> None:
        name, under, record = elector.name, elector.known.under, elector.record
        if name.startswith(LEASE_PREFIX) and record is not None and record.holding is None:
            self._strangers[name] = elector
        else:
            self._strangers.pop(name, None)
        if under == self._under.get(name):
            return
        self.forget(name)
        if under is not None:
            self._under[name] = under
            self._kept.setdefault(under.node, {})[name] = under.number
            self._wanted.setdefault(under.node, set())
            if under.node not in self._beats:
                self._take_in(under.node, _beat(self._heartbeat(under.node).record), now)

    def _take_in(self, node: str, beat: _Beat, now: float) -> None:
        self._beats[node], self._since[node] = beat, now
        self._latest[node] = max(self._latest.get(node, -1), beat.number)

    def refresh(self, electors: Iterable[Elector]) -> None:
        """Tell Electors, before their wishes are made up, since when their Leases are free."""
        for elector in electors:
            under = elector.known.under
            if under is not None:
                elector.known.freed_at = self._freed_at(under)

    def judge(self, elector: Elector, now: float, terms: Terms) -> Iterable[str]:
        """Tell an Elector, before its poll, what heartbeats mean for it; others to be looked at."""
        node = _node_of(elector.name)
        if node is not None:
            self._judge_heartbeat(node, elector, now, terms)
            return ()
        under = elector.known.under
        if under is None:
            return ()
        elector.known.freed_at = self._freed_at(under)
        held = self._beats[under.node].held
        elector.known.kept_until = self._heartbeat(under.node).held_until if held else -inf
        waits = elector.wish is Wish.HOLD and elector.known.freed_at == inf
        waits = waits and not elector.ours(terms)
        wanted = self._wanted[under.node]
        if waits is (elector.name in wanted):
            return ()
        if waits:
            wanted.add(elector.name)
        else:
            wanted.discard(elector.name)
        return (self._heartbeat(under.node).name,)

    def holds_back(self, now: float, node: str) -> str:
        """Why this node begins nothing in this mode yet; empty once it did, for good.

        No other client takes what lasts without end, so its node would be left out.
        """
        if self._begun is None:
            self._begun = bool(self._kept.get(node))  # by the process before this one
        for elector in () if self._begun else self._strangers.values():
            if elector.held_until > now and elector.record is not None:
                return (
                    f"leaseMode node begins when no other client holds a Lease; {elector.name} is"
                    f" held by {elector.record.holder}, which is no l2announcer"
                )
        self._begun = True
        return ""

    def _judge_heartbeat(self, node: str, elector: Elector, now: float, terms: Terms) -> None:
        if node != terms.node:
            elector.intent.fence_at = self._fence_at(node, elector, now, terms)
        elif elector.record is None and elector.known.was_own:
            elector.intent.floor = self._latest.get(node, -1) - 1  # what we wrote under it stands
            return
        record, kept = elector.record, self._kept.get(node)
        elector.known.counts = not (
            node == terms.node
            and (terms.node_leases or kept)
            and record is not None
            and record.holding is not None
            and record.holding.mode != NODE
        )
        if elector.intent.fence_at < inf or (node == terms.node and not elector.ours(terms)):
            elector.intent.floor = self._floor(node)
        if elector.record is None and elector.intent.floor >= 0:
            over_at = self._over_at(node, elector, terms)
            elector.known.vacant_at = max(elector.known.vacant_at, over_at)

    def _floor(self, node: str) -> int:
        """The latest number that the heartbeat has had, as far as is known."""
        kept = max(self._kept.get(node, {}).values(), default=-1)
        return max(kept, self._latest.get(node, -1))

    def _freed_at(self, under: Under) -> float:
        beat = self._beats[under.node]
        released = beat.number == under.number and not beat.held
        later = beat.number > under.number
        return self._since[under.node] if later or released else inf

    def _fence_at(self, node: str, elector: Elector, now: float, terms: Terms) -> float:
        """When another's heartbeat is to be fenced; the ranks count once it may be."""
        if not self._wanted.get(node):
            return inf
        over_at = self._over_at(node, elector, terms)
        return over_at + self._rank(elector, now) * RANK_SECONDS if over_at <= now else over_at

    def _over_at(self, node: str, elector: Elector, terms: Terms) -> float:
        if self._beats[node].held:
            return elector.intent.free_at(terms)
        return max(self._since[node] + terms.duration_seconds, elector.known.vacant_at)

    def _heartbeat(self, node: str) -> Elector:
        return self._find(heartbeat_name(node))


def _node_of(name: str) -> str | None:
    """Whose heartbeat it is; None for another Lease."""
    return name.removeprefix(HEARTBEAT_PREFIX) if name.startswith(HEARTBEAT_PREFIX) else None


def _beat(record: LeaseRecord | None) -> _Beat:
    if record is None:
        return _Beat(held=False, number=-1)
    return _Beat(held=bool(record.holder), number=record.transitions)
