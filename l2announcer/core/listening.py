"""Where this node cannot listen, though the kernel shows the interface as one that could be used.

Rules of this file:
- What cannot be opened is not announced: nobody would hear the questions. Other interfaces, and the
  other address family, go on.
- After a pause, which doubles up to a minute, it counts as usable again, and is opened when it's
  needed. Until that succeeds the node is degraded (core.eligibility).
- An interface that is not what it was is another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf

from l2announcer.core.facts import Listens
from l2announcer.core.model import Ear, Link, Unheard

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 60.0


@dataclass(slots=True)
class _Failure:
    why: str
    pause_seconds: float
    until: float
    rests: bool = True  # until the pause is over


class Listening:
    """What could not be opened, and until when it's left alone."""

    def __init__(self) -> None:
        self._failures: dict[Ear, _Failure] = {}
        self._links: dict[int, Link] = {}

    def take(self, fact: Listens, now: float) -> bool:
        """Take in where it listens, and where it can't; False when that says nothing new."""
        opened = [self._failures.pop(ear) for ear in fact.opened if ear in self._failures]
        failed = False
        for ear, why in fact.failed.items():
            known = self._failures.get(ear)
            if known is not None and known.rests:
                continue
            failed, pause = True, FIRST_SECONDS
            if known is not None:
                pause = min(2 * known.pause_seconds, LONGEST_SECONDS)
            self._failures[ear] = _Failure(why, pause, now + pause)
        return failed or bool(opened)

    def keep(self, links: Iterable[Link]) -> None:
        """Forget what was known of interfaces that aren't as they were; `links` as the kernel's."""
        found = {link.index: link for link in links}
        self._failures = {
            ear: failure
            for ear, failure in self._failures.items()
            if found.get(ear.interface) == self._links.get(ear.interface)
        }
        self._links = found

    def marked(self, links: Iterable[Link]) -> tuple[Link, ...]:
        """The links, with what is not heard there."""
        unheard: dict[int, list[Unheard]] = {}
        for ear, failure in self._failures.items():
            mark = Unheard(ear.family, failure.why, failure.rests)
            unheard.setdefault(ear.interface, []).append(mark)
        return tuple(replace(each, unheard=tuple(unheard.get(each.index, ()))) for each in links)

    def tries_again(self, now: float) -> bool:
        """Is a pause over? Once for each."""
        over = [each for each in self._failures.values() if each.rests and each.until <= now]
        for failure in over:
            failure.rests = False
        return bool(over)

    @property
    def next_at(self) -> float:
        """When the next pause is over."""
        return min((each.until for each in self._failures.values() if each.rests), default=inf)
