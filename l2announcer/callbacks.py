"""What callbacks of the event loop raise, such as a socket's reader: no task owns it."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

log = structlog.get_logger(__name__)


async def callbacks_failure() -> None:
    """Raise what the first callback that fails raises.

    What ends a connection is none: whoever waits for it is told that it's lost. (uvloop raises in
    its own callbacks where TLS still has something to say on a connection that was just closed.)
    """
    loop = asyncio.get_running_loop()
    failure: asyncio.Future[None] = loop.create_future()

    def fail(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError(context["message"])
        if "transport" in context:
            log.info("a connection broke off", why=str(error))
        elif not failure.done():
            failure.set_exception(error)

    loop.set_exception_handler(fail)
    try:
        await failure
    finally:
        loop.set_exception_handler(None)
