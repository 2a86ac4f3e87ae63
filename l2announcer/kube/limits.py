"""The client's own rate limit: a token bucket, as k8sClientRateLimit.qps and .burst."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

MOST_HELD_SECONDS = 30.0  # whoever asks for more, a proxy perhaps, means no watch of ours


class TokenBucket:
    """At most `burst` requests at once and `qps` a second in the long run, first come first served.

    `now` gives seconds. `qps` of 0 or less means no limit.
    """

    def __init__(self, *, qps: float, burst: int, now: Callable[[], float]) -> None:
        self._qps = qps if qps > 0 else inf
        self._burst = float(max(burst, 1))
        self._now = now
        self._tokens = self._burst
        self._counted_at = now()
        self._held_until = -inf

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long, within reason: the server asked for it."""
        seconds = min(seconds, MOST_HELD_SECONDS)
        self._held_until = max(self._held_until, self._now() + seconds)

    async def take(self) -> None:
        """Return when the next request may go out."""
        if (held_seconds := self._held_until - self._now()) > 0:
            await asyncio.sleep(held_seconds)
        if self._qps == inf:
            return
        now = self._now()
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._qps)
        self._counted_at = now
        self._tokens -= 1
        if self._tokens >= 0:
            return
        try:
            await asyncio.sleep(-self._tokens / self._qps)
        except asyncio.CancelledError:
            self._tokens += 1
            raise
