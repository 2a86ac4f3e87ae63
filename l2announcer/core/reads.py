"""Consistent reads of Services: each answer counts for those alone who asked before it was sent.

A read is asked for because something began: a tenure, a doubt. The answer to an older read may have
left the API server before that, and must not be taken for this one's. So of each Service at most
one read is under way, and who asks meanwhile waits for the next.
"""

from __future__ import annotations

from collections.abc import Iterable

from l2announcer.core.effects import ReadService, ReadServices
from l2announcer.core.model import Key

READ_ALL_FROM = 9  # as many single reads at once cost more than one list


class Reads:
    """Which reads are owed, and which are under way."""

    def __init__(self) -> None:
        self._owed: set[Key] = set()
        self._all_owed = False
        self._one_by_one: set[Key] = set()
        self._together: frozenset[Key] | None = None  # for whom the list under way counts
        self._together_for_all = False

    def owe(self, keys: Iterable[Key], *, all_services: bool) -> None:
        """Take in who asks now: single Services, and whether somebody asks for all of them."""
        self._owed.update(keys)
        self._all_owed |= all_services

    def take(self) -> list[ReadService | ReadServices]:
        """The calls to hand out now."""
        under_way = self._one_by_one | (self._together or frozenset())
        free = self._owed - under_way
        many = len(free) >= READ_ALL_FROM
        if self._together is None and (self._all_owed or many):
            self._together, self._together_for_all = frozenset(free), self._all_owed
            self._owed -= free
            self._all_owed = False
            return [ReadServices()]
        if many:
            return []  # the list under way ends soon, and one more serves them all
        self._owed -= free
        self._one_by_one |= free
        return [ReadService(key) for key in sorted(free)]

    def one_is_done(self, key: Key) -> bool:
        """Take in that a ReadService has its outcome; does it count for who waits for it?"""
        asked = key in self._one_by_one
        self._one_by_one.discard(key)
        return asked and key not in self._owed

    def all_is_done(self) -> tuple[frozenset[Key], bool]:
        """Take in that ReadServices has its outcome: for whom it counts, and if for all."""
        keys, for_all = (self._together or frozenset()) - self._owed, self._together_for_all
        self._together, self._together_for_all = None, False
        return keys, for_all and not self._all_owed
