"""What has reached a process and is not yet read.

Rules of this file:
- What comes by one connection is read in its order; of several connections any may be read first.
"""

from __future__ import annotations

from enum import Enum
from random import Random
from typing import NamedTuple

from l2announcer.core.facts import Fact
from tests.sim.watch import Watch


class Way(Enum):
    """By which way a fact came, if not by a watch."""

    HERE = "from this machine itself"
    CALLS = "by the connection for calls"


class Received(NamedTuple):
    """A fact, by which way it came, and at which version where that was a watch."""

    fact: Fact
    way: Watch | Way = Way.HERE
    version: int = 0


class Inbox:
    """All that waits."""

    def __init__(self) -> None:
        self._waiting: list[Received] = []
        self._unread: list[Watch | Way] = []  # connections that wait

    def append(self, received: Received) -> None:
        self._waiting.append(received)

    def take(self) -> list[Received]:
        """What is read now."""
        if not self._unread:
            taken, self._waiting = self._waiting, []
            return taken
        taken = [one for one in self._waiting if one.way not in self._unread]
        self._waiting = [one for one in self._waiting if one.way in self._unread]
        return taken

    def hold_back(self, rng: Random) -> None:
        """Leave some connections unread until `release`."""
        ways = dict.fromkeys(one.way for one in self._waiting if one.way is not Way.HERE)
        calls_first = rng.random() < 0.5
        self._unread = [
            way for way in ways if (way is not Way.CALLS if calls_first else rng.random() < 0.5)
        ]

    def release(self) -> None:
        self._unread = []
