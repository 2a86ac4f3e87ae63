"""A client that asks for a page again and again, and remembers what it got."""

from __future__ import annotations

import socket
import threading
import time
from itertools import pairwise
from types import TracebackType
from typing import NamedTuple, Self

from tests.lab.namespaces import Namespace

PAUSE_SECONDS = 0.02
PATIENCE_SECONDS = 1.0
MOST_REQUESTS = 3000
_REQUEST = b"GET / HTTP/1.0\r\n\r\n"


class Request(NamedTuple):
    """One request on a connection of its own; times in seconds on CLOCK_MONOTONIC."""

    began: float
    ended: float
    answered: bool


class Requests:
    """Asks `address`, port 80, from a namespace, in a thread, within a `with` block."""

    def __init__(self, namespace: Namespace, address: str) -> None:
        self.made: list[Request] = []
        self._namespace = namespace
        self._address = address
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"requests to {address}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        self._thread.join()

    @property
    def lost(self) -> int:
        return sum(not request.answered for request in self.made)

    @property
    def longest_gap(self) -> float:
        """Seconds between the ends of two answered requests with none in between, at most."""
        ends = [request.ended for request in self.made if request.answered]
        return max((after - before for before, after in pairwise(ends)), default=0.0)

    def answered_since(self, instant: float) -> int:
        """How many requests that began after an instant were answered."""
        return sum(request.answered and request.began > instant for request in list(self.made))

    def _run(self) -> None:
        while len(self.made) < MOST_REQUESTS and not self._enough.wait(PAUSE_SECONDS):
            began = time.monotonic()
            answered = self._ask()
            self.made.append(Request(began, time.monotonic(), answered))

    def _ask(self) -> bool:
        with self._namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE_SECONDS)
            try:
                connection.connect((self._address, 80))
                connection.sendall(_REQUEST)
                with connection.makefile("rb") as answer:
                    return answer.read().startswith(b"HTTP/1.0 200 ")
            except OSError:
                return False
