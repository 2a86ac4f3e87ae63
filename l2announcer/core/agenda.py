"""Who is to be looked at now: what was touched, and what is due by time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from math import inf


class Agenda:
    """Names, each with at most one instant at which it is due."""

    def __init__(self) -> None:
        self._touched: set[str] = set()
        self._due_at: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []  # may hold instants that no longer count

    def touch(self, names: Iterable[str]) -> None:
        """Have them looked at in any case."""
        self._touched.update(names)

    def set(self, name: str, due_at: float) -> None:
        """Have it looked at then; infinity is never."""
        if self._due_at.get(name, inf) == due_at:
            return
        if due_at == inf:
            del self._due_at[name]
            return
        self._due_at[name] = due_at
        heapq.heappush(self._heap, (due_at, name))

    def take(self, now: float) -> list[str]:
        """Everything touched or due, once each, in the order of the names."""
        while self._heap and self._heap[0][0] <= now:
            due_at, name = heapq.heappop(self._heap)
            if self._due_at.get(name) == due_at:
                del self._due_at[name]
                self._touched.add(name)
        names, self._touched = sorted(self._touched), set()
        return names

    @property
    def next_at(self) -> float:
        """When the next one is due; minus infinity if one was touched since the last take."""
        if self._touched:
            return -inf
        while self._heap and self._due_at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else inf
