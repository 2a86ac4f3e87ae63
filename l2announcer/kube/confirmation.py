"""Since when nothing has shown that what is known of the Services is how they are.

Rules of this file:
- A watch that has died may look like one with nothing to tell, and renewals go on meanwhile. An
  event, a bookmark and a list show that it lives; bookmarks come about once a minute.
- Where none of them came for longer than a watch may be idle, what is known must be read again
  before it is relied upon; and once more after each such time, until one comes.
- LB IPAM keeps an address that was taken back for longer than that, by default.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

import structlog

from l2announcer.core.facts import Fact, Unconfirmed

log = structlog.get_logger(__name__)


async def watch(
    confirmed_at: Callable[[], float],
    *,
    post: Callable[[Fact], None],
    now: Callable[[], float],
    limit_seconds: float,
) -> None:
    """Post Unconfirmed whenever there was no sign for `limit_seconds`, for ever.

    `confirmed_at` is when the last one came, on the scale of `now`; minus infinity is never yet.
    """
    told_at = -inf
    while True:
        since = max(confirmed_at(), told_at)
        left_seconds = since + limit_seconds - now() if since > -inf else limit_seconds
        if left_seconds > 0:
            await asyncio.sleep(left_seconds)
            continue
        told_at = now()
        log.warning(
            "for too long nothing showed that what is known of Services is current: they are read",
            seconds=limit_seconds,
        )
        post(Unconfirmed())
