"""A demo whose lab stays: it runs in a child, which the command leaves behind at the end."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
STAYS = b"\0"


def run_in_child(demo: Callable[[Callable[[], None]], int]) -> int:
    """Run `demo` in a child process; its exit code, or 0 as soon as it says that it stays.

    `demo` gets a function to call when its lab is up and should stay. Until then it belongs to
    this process: it gets its SIGTERM and SIGINT, and ends with it.
    """
    reader, writer = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.setsid()  # what the terminal sends, the parent passes on
        _die_with_parent(signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

        def stay() -> None:
            _die_with_parent(0)
            os.write(writer, STAYS)
            os.close(writer)
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)

        return demo(stay)
    os.close(writer)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
    with os.fdopen(reader, "rb") as said:
        if said.read(1) == STAYS:
            return 0
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _die_with_parent(number: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(number), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
