"""A callback of ours that fails ends the process; a connection that breaks off does not."""

import asyncio

import pytest
from structlog.testing import capture_logs

from l2announcer.callbacks import callbacks_failure


def broken() -> None:
    raise ZeroDivisionError("ours")


async def test_what_a_callback_raises_is_raised() -> None:
    asyncio.get_running_loop().call_soon(broken)
    with pytest.raises(ZeroDivisionError, match="ours"):
        async with asyncio.timeout(5):
            await callbacks_failure()


async def test_a_connection_that_breaks_off_is_told_of_and_no_more() -> None:
    """As uvloop tells it: with the transport that it is about."""
    loop = asyncio.get_running_loop()
    closed = RuntimeError("unable to perform operation on <TCPTransport>; the handler is closed")
    context = {"message": "Fatal error on SSL protocol", "exception": closed, "transport": None}
    with capture_logs() as logs:
        waiting = asyncio.create_task(callbacks_failure())
        await asyncio.sleep(0)
        loop.call_exception_handler(context)
        await asyncio.sleep(0)
        assert not waiting.done()
        loop.call_soon(broken)
        with pytest.raises(ZeroDivisionError):
            await waiting
    assert [entry["event"] for entry in logs] == ["a connection broke off"]
