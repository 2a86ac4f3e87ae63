"""Looks at Services, a few at a time, so that nothing else waits for thousands of them.

Rules of this file:
1. A round takes in everything that is to be looked at when it begins. All of it lets go of what it
   has, in a settled order all of it keeps what it may, and only then each is given what it lacks.
2. What was let go of is nobody's before the round's end: an address is free only when all who had
   it were asked whether they keep it.
3. What became free is given, in the same round, to those that wait.
4. A Service of which a newer view came is given nothing by the older one: the next round does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from heapq import heappop, heappush

from l2announcer.core.ipam import status
from l2announcer.core.ipam.allocation import Allocation, Outcome
from l2announcer.core.ipam.ledger import Ledger
from l2announcer.core.ipam.pools import Pools
from l2announcer.core.ipam.requests import Request, Scope, request, serves
from l2announcer.core.model import IPAddress, Key, Service

Verdict = tuple[Key, Outcome | None]
Turn = tuple[bool, str, Key]


class Review:
    """Decides upon the Services of `services`, which somebody else keeps true."""

    def __init__(
        self, services: Mapping[Key, Service], pools: Pools, ledger: Ledger, scope: Scope
    ) -> None:
        self.outcomes: dict[Key, Outcome] = {}
        self._services = services
        self._pools = pools
        self._ledger = ledger
        self._scope = scope
        self._allocation = Allocation(pools, ledger)
        self._pending: set[Key] = set()
        self._marked: set[Key] = set()  # for the next round
        self._leaving: deque[Key] = deque()
        self._keeping: list[tuple[Turn, Request]] = []  # a heap
        self._giving: deque[Request] = deque()
        self._decided: dict[Key, tuple[IPAddress, ...]] = {}  # of those that let go
        self._before: dict[Key, Outcome | None] = {}  # of those in the round
        self._among_waiting = False  # is the round at its second part?

    def mark(self, key: Key) -> None:
        """Ask for a look at a Service."""
        self._marked.add(key)

    def mark_all(self) -> None:
        """Ask for a look at every Service; the round under way begins again."""
        self._keeping.clear()
        self._giving.clear()
        self._marked.clear()
        self._leaving = deque(self._services)
        self._among_waiting = False

    def begin_anew(self) -> None:
        """Forget everything that was decided."""
        self._pending.clear()
        self._before.clear()
        self.outcomes.clear()
        self._decided = dict.fromkeys(self._services, ())
        self.mark_all()

    def forget(self, key: Key) -> None:
        """Take in that a Service is gone."""
        self._ledger.leave(key)
        self.outcomes.pop(key, None)
        self._pending.discard(key)
        self._marked.discard(key)
        self._decided.pop(key, None)
        self._before.pop(key, None)

    def open(self, key: Key) -> bool:
        """Is there still to be decided upon the Service?"""
        return key in self._marked or key in self._before

    @property
    def idle(self) -> bool:
        return not (
            self._marked
            or self._before
            or self._leaving
            or self._keeping
            or self._giving
            or self._ledger.leaving
            or self._ledger.loosened
        )

    def work(self, steps: int) -> Iterator[Verdict]:
        """Go on by so many steps; who was decided upon by that, and what held before."""
        for _ in range(steps):
            if self._leaving:
                self._let_go(self._leaving.popleft())
            elif self._keeping:
                self._keep(heappop(self._keeping)[1])
            elif self._giving:
                yield from self._give(self._giving.popleft())
            elif self._ledger.leaving:
                self._ledger.settle_one()
            elif self._ledger.loosened and not self._among_waiting:
                self._among_waiting = True
                self._ledger.loosened = False
                self._leaving.extend(self._pending)
            elif self._before:
                key = next(iter(self._before))
                yield key, self._before.pop(key)
            elif self._marked or self._ledger.loosened:
                self._among_waiting = False
                self._leaving.extend(self._marked)
                self._marked = set()
            else:
                self._among_waiting = False
                return

    def _let_go(self, key: Key) -> None:
        service = self._services.get(key)
        if service is None:
            return
        before = self._before.get(key, self.outcomes.get(key))
        if not self._pools and before is None:
            return
        self._before[key] = before
        decided = self._decided.setdefault(key, self._ledger.held(key))
        self._ledger.leave(key)
        self.outcomes.pop(key, None)
        self._pending.discard(key)
        if serves(service, self._scope):
            asked = request(service, self._scope)
            has = (*status.shown(service), *decided)
            turn = not self._allocation.satisfies(asked, has), *asked.order
            heappush(self._keeping, (turn, asked))
        else:
            del self._decided[key]

    def _keep(self, asked: Request) -> None:
        decided = self._decided.pop(asked.key, ())
        service = self._services.get(asked.key)
        if service is not None:
            self._allocation.keep(asked, status.shown(service), decided)
            self._giving.append(asked)

    def _give(self, asked: Request) -> Iterator[Verdict]:
        key = asked.key
        service = self._services.get(key)
        if service is None or service.deleting or key in self._marked:
            return
        outcome = self._allocation.complete(asked)
        self.outcomes[key] = outcome
        if not outcome.satisfied:
            self._pending.add(key)
        elif key in self._before:
            yield key, self._before.pop(key)
