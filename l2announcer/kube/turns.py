"""So many calls at once: each has a connection, which is dear to both ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Lets `at_once` through, first come first served.

    Who has waited for `patience_seconds` goes all the same: those before may hang.
    """

    def __init__(self, *, at_once: int, patience_seconds: float) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._patience_seconds = patience_seconds

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Enter the block when it's our turn."""
        ours = await self._comes()
        try:
            yield
        finally:
            if ours:
                self._free.release()

    async def _comes(self) -> bool:
        if not self._free.locked():
            return await self._free.acquire()
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await self._free.acquire()
        except TimeoutError:
            return False
