"""Pools, compiled: their ranges and what is free there, whom they serve, which are in conflict.

Rules of this file:
1. Pools of a higher priority come first, then the older ones, blocks in the order of the spec; ties
   go by name, then uid.
2. A pool is in conflict when two of its blocks overlap, or when it overlaps an older pool that is
   not in conflict itself, whatever the priorities. It follows from the pools as they are, never
   from how they came to be.
3. A pool that is disabled, in conflict, being deleted, or whose selector is bad gives nothing; all
   of them keep what they gave.
4. A block that can't be read harms itself only; while it stands, what the pool's last good version
   gave is kept.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from l2announcer.core.ipam.ranges import FreeList, Range, parse_block
from l2announcer.core.model import IPAddress, Key, Labels, Pool
from l2announcer.core.selectors import Matcher, Problem, compile_selector

PRIORITY = "l2announcer.io/priority"
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")


@dataclass(slots=True, kw_only=True)
class CompiledPool:
    """One pool. `kept` are ranges of an earlier version, `conflict` is a sentence."""

    pool: Pool
    free: tuple[FreeList, ...]
    kept: tuple[Range, ...]
    services: Matcher | Problem
    bad_blocks: tuple[str, ...]
    priority: int
    bad_priority: str
    conflict: str = ""
    filled: bool = False

    @property
    def name(self) -> str:
        return self.pool.key.name

    @property
    def age(self) -> tuple[str, str, str]:
        return self.pool.created, self.pool.key.name, self.pool.uid

    @property
    def turn(self) -> tuple[int, tuple[str, str, str]]:
        """Who is asked first for an address."""
        return -self.priority, self.age

    @property
    def total(self) -> int:
        return sum(each.range.size for each in self.free)

    @property
    def available(self) -> int:
        return sum(each.available for each in self.free)

    @property
    def closed(self) -> str:
        """Why it gives nothing at present, in words that fit behind its name; "" when it gives."""
        if self.pool.deleting:
            return "is being deleted"
        if self.pool.disabled:
            return "is disabled"
        if isinstance(self.services, Problem):
            return "has a bad serviceSelector"
        if self.conflict:
            return "is in conflict with another pool, or within itself"
        return ""

    @property
    def problems(self) -> list[str]:
        """All that is wrong with it, as sentences."""
        selector = str(self.services) if isinstance(self.services, Problem) else ""
        found = (self.conflict, *self.bad_blocks, selector, self.bad_priority)
        return [each for each in found if each]

    def selects(self, labels: Labels) -> bool:
        return isinstance(self.services, Matcher) and self.services.matches(labels)

    def contains(self, address: IPAddress) -> bool:
        return any(address in each.range for each in self.free)

    def has(self, address: IPAddress) -> bool:
        """Is the address in a block, or was it in one of the last good version?"""
        return self.contains(address) or any(address in each for each in self.kept)

    def gives(self, address: IPAddress) -> bool:
        """Is the address in a block, and not reserved there?"""
        return any(
            address in each.range and int(address) not in each.range.reserved for each in self.free
        )

    def take(self, address: IPAddress) -> None:
        """Mark as not free in every block that has the address."""
        for each in self.free:
            each.take(address)

    def keeps(self, address: IPAddress, labels: Labels) -> bool:
        """May a Service with these labels go on having the address?"""
        if isinstance(self.services, Matcher) and not self.services.matches(labels):
            return False
        return self.has(address)


class Pools:
    """All pools. `changed` tells that settle is due, then fill: nothing else is asked before it."""

    def __init__(self) -> None:
        self.changed = False
        self.ordered: list[CompiledPool] = []
        self._pools: dict[Key, CompiledPool] = {}
        self._fresh: list[CompiledPool] = []
        self._to_take: list[IPAddress] = []  # in the fresh ones

    def __bool__(self) -> bool:
        return bool(self._pools)

    def get(self, key: Key) -> Pool | None:
        compiled = self._pools.get(key)
        return compiled.pool if compiled is not None else None

    def see(self, pool: Pool) -> None:
        known = self._pools.get(pool.key)
        if known is not None and _spec(known.pool) == _spec(pool):
            known.pool = pool
            return
        self._pools[pool.key] = _compile(pool, known)
        self.changed = True

    def forget(self, key: Key) -> None:
        if self._pools.pop(key, None) is not None:
            self.changed = True

    def settle(self, occupied: Iterable[IPAddress]) -> None:
        """Work out what follows from a change of pools; `occupied` is all that is not free."""
        self.changed = False
        self.ordered = sorted(self._pools.values(), key=lambda each: each.turn)
        _mark_conflicts(sorted(self.ordered, key=lambda each: each.age))
        self._fresh = [each for each in self.ordered if not each.filled]
        self._to_take = list(occupied) if self._fresh else []
        self.fill(0, lambda _: True)

    @property
    def filling(self) -> bool:
        """Are there pools in which what is not free still counts as free?"""
        return bool(self._fresh)

    def fill(self, most: int, occupied: Callable[[IPAddress], bool]) -> None:
        """Take so many addresses in the pools that are new, those that are still not free."""
        for address in self._to_take[-most:] if most else ():
            if occupied(address):
                for compiled in self._fresh:
                    compiled.take(address)
        del self._to_take[len(self._to_take) - most :]
        if not self._to_take:
            for compiled in self._fresh:
                compiled.filled = True
            self._fresh = []

    def take(self, address: IPAddress) -> None:
        """Mark as not free in every range that has the address."""
        for compiled in self._pools.values():
            compiled.take(address)

    def give_back(self, address: IPAddress) -> None:
        """Mark as free in every range that has the address."""
        for compiled in self._pools.values():
            for each in compiled.free:
                each.give_back(address)


def _spec(pool: Pool) -> tuple[object, ...]:
    """All that matters of a pool beside its status."""
    return (
        pool.uid,
        pool.created,
        pool.deleting,
        pool.blocks,
        pool.service_selector,
        pool.disabled,
        pool.allow_first_last_ips,
        pool.annotations.get(PRIORITY),
    )


def _compile(pool: Pool, known: CompiledPool | None) -> CompiledPool:
    free = []
    bad = []
    for number, block in enumerate(pool.blocks):
        parsed = parse_block(block, first_last=pool.allow_first_last_ips)
        if isinstance(parsed, Range):
            free.append(FreeList(parsed))
        else:
            bad.append(f"spec.blocks[{number}]: {parsed}")
    earlier: tuple[Range, ...] = ()
    if bad and known is not None and known.pool.uid == pool.uid:
        earlier = (*(each.range for each in known.free), *known.kept)
    priority, bad_priority = _priority(pool)
    return CompiledPool(
        pool=pool,
        free=tuple(free),
        kept=earlier,
        services=compile_selector(pool.service_selector, "serviceSelector"),
        bad_blocks=tuple(bad),
        priority=priority,
        bad_priority=bad_priority,
    )


def _priority(pool: Pool) -> tuple[int, str]:
    """The number in the annotation, or 0 and a sentence on what is wrong with it."""
    text = pool.annotations.get(PRIORITY, "0").strip()
    if _NUMBER.fullmatch(text):
        return int(text), ""
    return 0, (
        f"{text!r} in annotation {PRIORITY} is not a whole number of at most nine digits; it counts"
        " as 0"
    )


def _mark_conflicts(ordered: list[CompiledPool]) -> None:
    sound = _Disjoint()
    for compiled in ordered:
        ranges = [each.range for each in compiled.free]
        compiled.conflict = _conflict_within(ranges) or _conflict_with(ranges, sound)
        if not compiled.conflict:
            for each in ranges:
                sound.add(each, compiled.name)


def _conflict_within(ranges: list[Range]) -> str:
    for one, other in pairwise(sorted(ranges, key=_place)):
        if one.overlaps(other):
            return (
                f"block {one} overlaps block {other} of this same pool; the pool gives no"
                " address until one of them is changed"
            )
    return ""


def _conflict_with(ranges: list[Range], sound: _Disjoint) -> str:
    for one in ranges:
        found = sound.overlapping(one)
        if found is not None:
            other, name = found
            return (
                f"block {one} overlaps block {other} of the older pool {name}; this pool gives no"
                " address until one of them is changed"
            )
    return ""


class _Disjoint:
    """Ranges of pools that don't overlap, in order: a pool of thousands of blocks stays cheap."""

    def __init__(self) -> None:
        self._places: list[tuple[str, int]] = []
        self._entries: list[tuple[Range, str]] = []

    def add(self, added: Range, pool: str) -> None:
        at = bisect_right(self._places, _place(added))
        self._places.insert(at, _place(added))
        self._entries.insert(at, (added, pool))

    def overlapping(self, wanted: Range) -> tuple[Range, str] | None:
        at = bisect_right(self._places, (wanted.family.value, wanted.last)) - 1
        if at >= 0 and self._entries[at][0].overlaps(wanted):
            return self._entries[at]
        return None


def _place(each: Range) -> tuple[str, int]:
    return each.family.value, each.first
