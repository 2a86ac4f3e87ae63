"""Which of this node's interfaces share one network segment: found out by what they overhear.

Two answers from one node for one address would make neighbours and switches see its MAC flap.
What was overheard holds until one of the two interfaces has another end, or lost its carrier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from l2announcer.core.facts import Overheard
from l2announcer.core.model import Link


class Segments:
    """Pairs of interfaces that share a segment, by name."""

    def __init__(self) -> None:
        self._pairs: set[frozenset[str]] = set()
        self._ends: dict[str, object] = {}

    def keep(self, links: Iterable[Link]) -> None:
        """Forget what was known of interfaces that are not connected as they were."""
        ends: dict[str, object] = {link.name: (link.end, link.usable) for link in links}
        changed = {name for name, end in self._ends.items() if ends.get(name) != end}
        self._pairs = {pair for pair in self._pairs if not pair & changed}
        self._ends = ends

    def join(self, fact: Overheard, links: Iterable[Link]) -> bool:
        """Take in what was overheard; False when it says nothing new."""
        pair = frozenset((fact.sender, fact.receiver))
        known = {link.name for link in links}
        if len(pair) == 1 or pair in self._pairs or not pair <= known:
            return False
        self._pairs.add(pair)
        return True

    def marked(self, links: Iterable[Link]) -> tuple[Link, ...]:
        """The links, with one word for each set of connected ones: its first name."""
        names = {link.name: link.name for link in links if any(link.name in p for p in self._pairs)}
        for _ in self._pairs:  # as often as the longest chain may ask for
            for pair in self._pairs:
                first = min(names[name] for name in pair)
                names |= dict.fromkeys(pair, first)
        return tuple(replace(link, segment=names.get(link.name, "")) for link in links)
