"""What this node holds, in all, and how often that changed: for metrics and for a short word."""

from __future__ import annotations

from l2announcer.core.contest import Contest
from l2announcer.core.model import Key

NONE: frozenset[Key] = frozenset()


class Tally:
    """The Services that may be answered for, `held_over` without an answer of the API server.

    `transitions` counts how often one was gained or lost, `hold_overs` how often one came to be
    held over.
    """

    def __init__(self) -> None:
        self.held: set[Key] = set()
        self.transitions = 0
        self.held_over: set[Key] = set()
        self.hold_overs = 0
        self._of: dict[str, tuple[frozenset[Key], frozenset[Key]]] = {}

    def note(self, contest: Contest) -> None:
        """Take in what became of a contest in its poll."""
        name = contest.elector.name
        held, held_over = self._of.get(name, (NONE, NONE))
        if (held, held_over) == (contest.held, contest.held_over):
            return
        self._of[name] = contest.held, contest.held_over
        self.transitions += len(held ^ contest.held)
        self.held -= held
        self.held |= contest.held
        self.hold_overs += len(contest.held_over - held_over)
        self.held_over -= held_over
        self.held_over |= contest.held_over

    def forget(self, name: str) -> None:
        """Take in that nothing is left of a contest."""
        self._of.pop(name, None)
