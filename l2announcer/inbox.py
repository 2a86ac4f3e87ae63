"""Facts on their way to the pump."""

from __future__ import annotations

import asyncio

from l2announcer.core.facts import Fact


class Inbox:
    """A list that wakes one waiter. Unbounded, since the pump takes everything at each step."""

    def __init__(self) -> None:
        self._facts: list[Fact] = []
        self._filled = asyncio.Event()

    def post(self, fact: Fact) -> None:
        self._facts.append(fact)
        self._filled.set()

    def take(self) -> list[Fact]:
        """Everything posted since the last call, in order."""
        facts, self._facts = self._facts, []
        self._filled.clear()
        return facts

    async def wait(self, seconds: float) -> bool:
        """Return True as soon as there is a fact, False after `seconds` without one."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._filled.wait()
        except TimeoutError:
            return False
        return True
