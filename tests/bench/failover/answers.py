"""What a client heard of one address, and what can be said of it: gaps, and too many answers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from types import TracebackType
from typing import Self

from tests.bench.failover.asker import RECORD_BYTES, Kind, Record
from tests.bench.responders import put_first
from tests.lab.namespaces import STOP_SECONDS, Namespace

PATIENCE_SECONDS = 0.05
"""A reply that takes longer than this has not been given."""

_at = attrgetter("at")


@dataclass(slots=True)
class Answers:
    """Of one address: the requests, and the frames in which somebody says that he has it.

    Both in the order of their times, as far as this process has read. All times are seconds on
    CLOCK_MONOTONIC.
    """

    asked: list[Record] = field(default_factory=list)
    claims: list[Record] = field(default_factory=list)

    def claims_between(self, since: float, until: float) -> list[Record]:
        return between(self.claims, since, until)

    def macs(self, since: float, until: float) -> Counter[str]:
        """Who claimed the address, and how often."""
        return Counter(claim.mac for claim in self.claims_between(since, until))

    def longest_gap(self, since: float, until: float) -> tuple[float, float]:
        """From the last answer before some unanswered requests to the first after them.

        A time in which nobody asked is no gap. Both ends are 0 where every request was answered.
        """
        answered = defaultdict(list)
        for claim in self.claims_between(since, until):
            if claim.kind is Kind.ANSWERED:
                answered[claim.number].append(claim.at)
        longest, last, began = (0.0, 0.0), since, None
        for request in between(self.asked, since, until - PATIENCE_SECONDS):
            times = answered.get(request.number, ())
            at = next((at for at in times if 0 <= at - request.at < PATIENCE_SECONDS), None)
            if at is None:
                began = last if began is None else began
                continue
            if began is not None:
                longest, began = max(longest, (began, at), key=_length), None
            last = at
        return longest if began is None else max(longest, (began, until), key=_length)


def between(records: list[Record], since: float, until: float) -> list[Record]:
    """Those within some time, of records that another thread may be adding to."""
    found = records[:]
    return found[bisect_left(found, since, key=_at) : bisect_left(found, until, key=_at)]


def _length(gap: tuple[float, float]) -> float:
    return gap[1] - gap[0]


def superfluous(claims: Sequence[Record], changes: int) -> int:
    """How many of the claims must be taken away so that no node comes back after another.

    `changes` is how often the address was handed from one to another meanwhile: so many times the
    MAC may change, and what is more than that was answered by two.
    """
    runs = [(mac, len(list(group))) for mac, group in groupby(claims, key=lambda each: each.mac)]
    macs = sorted({mac for mac, _ in runs})
    # kept[used][mac]: at most so many claims are kept, ending with `mac`, after `used` changes
    kept = [dict.fromkeys(macs, 0) for _ in range(changes + 1)]
    for mac, length in runs:
        for used in range(changes, -1, -1):
            others = [kept[used - 1][other] for other in macs if other != mac] if used else []
            kept[used][mac] = max([kept[used][mac], *others]) + length
    total = sum(length for _, length in runs)
    return total - max((most for row in kept for most in row.values()), default=0)


class Client:
    """Asks for some addresses from a namespace within a `with` block."""

    def __init__(self, namespace: Namespace, addresses: Sequence[str], seconds: float) -> None:
        """`seconds` pass between two requests for one address."""
        self.answers = [Answers() for _ in addresses]
        self._namespace = namespace
        every = str(seconds / len(addresses))
        self._command = [sys.executable, "-m", "tests.bench.failover.asker", "eth0", every]
        self._command += addresses
        self._process: subprocess.Popen[bytes]
        self._reader = threading.Thread(target=self._read, name=f"who has {addresses[0]}")

    def __enter__(self) -> Self:
        self._process = self._namespace.popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        put_first(self._process.pid)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait(STOP_SECONDS)
        self._reader.join()

    def forget(self) -> None:
        """Start all records anew."""
        for answers in self.answers:
            answers.asked.clear()
            answers.claims.clear()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            rest = b""
            while raw := os.read(pipe.fileno(), 1 << 16):
                raw = rest + raw
                whole = len(raw) // RECORD_BYTES * RECORD_BYTES
                rest = raw[whole:]
                for record in Record.read(raw[:whole]):
                    answers = self.answers[record.address]
                    kept = answers.asked if record.kind is Kind.ASKED else answers.claims
                    kept.append(record)
