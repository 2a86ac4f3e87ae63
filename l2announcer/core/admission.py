"""How many writes of Leases that the heartbeat keeps are under way at once.

Such Leases have no renewals, so that a node may hold thousands; when it takes over for another, or
was fenced, all of them are to be written. A few at a time are as fast as all, and nothing else that
is written then waits behind them.
"""

from __future__ import annotations

from itertools import islice

from l2announcer.core.election import Elector
from l2announcer.core.terms import Terms

AT_ONCE = 32


class Admission:
    """Leases by name; who finds no room waits for its turn."""

    def __init__(self, *, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._inside: set[str] = set()
        self._waiting: dict[str, None] = {}  # in order

    def withholds(self, elector: Elector, now: float, terms: Terms) -> bool:
        """Is it to wait? Then `take_next` will name it. What is answered for never waits."""
        name = elector.name
        if terms.right is None or not (elector.calling or elector.due(now, terms)):
            self.leave(name)
            return False
        if name in self._inside or elector.calling or elector.tenure.valid(now):
            return False
        if len(self._inside) >= self._at_once:
            self._waiting[name] = None
            return True
        self._waiting.pop(name, None)
        self._inside.add(name)
        return False

    def leave(self, name: str) -> None:
        """Take in that there is nothing to be written any more."""
        self._inside.discard(name)
        self._waiting.pop(name, None)

    def take_next(self) -> list[str]:
        """Those for whom there is room now."""
        room = max(self._at_once - len(self._inside), 0)
        return list(islice(self._waiting, room))
