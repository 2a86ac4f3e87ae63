"""What a daemon costs its node: memory, processor time, and the time that it takes to start.

    python -m tests.bench.memory [--services N,...] [--seconds S] [--starts N]

One node holds every Lease, the others are candidates and hear of each renewal: the two extremes.
What a renewal costs who only hears of it is the candidate's processor time, less what it needs
without any Service, by the number of renewals that the API server's audit log counts.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, median
from types import TracebackType
from typing import Self

from tests.bench.failover.cluster import Cluster
from tests.bench.failover.sides import OURS, Node, Setup
from tests.bench.report import Row
from tests.bench.session import say, session
from tests.bench.steady import Steady
from tests.cluster.build import locate
from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.site import Timing

SERVICES = "0,100,1000"
SECONDS = 20.0
STARTS = 5
SETUP = Setup(timing=Timing(15, 5, 2), qps=1_000)
START_SECONDS = 30.0
MOST_MB = {100: 65.0}

MEMORY, PROCESSOR, START = "RSS MB", "processor s/s", "exec to READY s"
EVENT = "us per renewal heard of"
HOLDER, CANDIDATE = "holder of all", "candidate"


class Readiness:
    """The service manager's end of sd_notify(3): when a daemon says that it's ready.

    A context manager; `path` is what NOTIFY_SOCKET is to be.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def __enter__(self) -> Self:
        self._socket.bind(str(self.path))
        self._socket.settimeout(START_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def wait(self) -> None:
        """Return when the daemon that was started last is ready. Raises TimeoutError."""
        while self._socket.recv(4096) != b"READY=1":
            pass


@dataclass(slots=True, kw_only=True)
class Daemons:
    """The nodes of a cluster, the first of which holds what there is."""

    steady: Steady
    readiness: Readiness

    @property
    def holder(self) -> Node:
        return self.steady.side.nodes[0]

    @property
    def candidates(self) -> list[Node]:
        return self.steady.side.nodes[1:]

    def start(self, node: Node) -> float:
        """Start the daemon of a node; how many seconds passed until it was ready."""
        began = time.monotonic()
        self.steady.cluster.start(self.steady.side, node, NOTIFY_SOCKET=str(self.readiness.path))
        self.readiness.wait()
        return time.monotonic() - began

    def restart(self, node: Node) -> float:
        """Kill a daemon, so that it has its Leases still, and start it again."""
        process = node.process
        assert process is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
        return self.start(node)

    def role(self, node: Node) -> str:
        return HOLDER if node is self.holder else CANDIDATE


def memory_mb(node: Node) -> float:
    """What a daemon has in memory now."""
    assert node.process is not None
    pages = int(Path(f"/proc/{node.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor_seconds(node: Node) -> float:
    """How much a daemon has worked so far, the kernel's work for it included."""
    assert node.process is not None
    after_the_name = Path(f"/proc/{node.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_the_name[11]) + int(after_the_name[12])) / os.sysconf("SC_CLK_TCK")


def observed(daemons: Daemons, seconds: float, starts: int) -> Iterator[Row]:
    """What the daemons cost with the Services that are there."""
    steady = daemons.steady
    audit, nodes = steady.cluster.audit, steady.side.nodes
    since, began = audit.mark(), time.monotonic()
    before = [processor_seconds(node) for node in nodes]
    time.sleep(seconds)
    after = [processor_seconds(node) for node in nodes]
    lasted = time.monotonic() - began
    memory = [memory_mb(node) for node in nodes]
    used = [(end - begin) / lasted for begin, end in zip(before, after, strict=True)]
    asked = audit.asked(DAEMON, since)
    renewed = sum((each.verb, each.resource) == ("update", "leases") for each in asked)
    for role in (HOLDER, CANDIDATE):
        of_role = [place for place, node in enumerate(nodes) if daemons.role(node) == role]
        labels: dict[str, str | int | float] = {
            "services": steady.count,
            "role": role,
            "renewals/s": round(renewed / lasted, 1),
        }
        yield Row(what=MEMORY, labels=labels, samples=[memory[each] for each in of_role])
        yield Row(what=PROCESSOR, labels=labels, samples=[used[each] for each in of_role])
        took = [daemons.restart(nodes[of_role[0]]) for _ in range(starts)]
        if took:
            yield Row(what=START, labels=labels, samples=took)


def measured(
    cluster: Cluster,
    numbers: Sequence[int],
    seconds: float,
    starts: int,
    directory: Path,
    found: list[Row],
) -> None:
    """Observe daemons with so many Services, then with more, and add the rows to those found."""
    with Readiness(directory) as readiness:
        for number in sorted(numbers):
            daemons = Daemons(steady=Steady(cluster, f"kept-{number}"), readiness=readiness)
            with daemons.steady.running(SETUP):
                daemons.start(daemons.holder)
                daemons.steady.grow(number)
                for node in daemons.candidates:
                    daemons.start(node)
                daemons.steady.rest()
                rows = list(observed(daemons, seconds, starts))
            found += rows
            for row in rows:
                say(f"{number} Services: {row.labels['role']}: {row.what} {fmean(row.samples):.3f}")
    found += list(costs(found))


def costs(rows: Sequence[Row]) -> Iterator[Row]:
    """What a renewal costs who hears of it, once it's known what nothing costs."""
    worked = [row for row in rows if row.what == PROCESSOR and row.labels["role"] == CANDIDATE]
    idle = [fmean(row.samples) for row in worked if row.labels["services"] == 0]
    for row in worked:
        if idle and row.labels["services"]:
            renewals = float(row.labels["renewals/s"])
            samples = [1e6 * (sample - idle[0]) / renewals for sample in row.samples]
            yield Row(what=EVENT, labels=row.labels, samples=samples)


def marks(rows: Sequence[Row]) -> Iterator[str]:
    """How far it is from where it should be, a sentence each."""
    for row in rows:
        most = MOST_MB.get(int(row.labels["services"]))
        if row.what == MEMORY and most is not None:
            verdict = "met" if median(row.samples) <= most else "MISSED"
            named = f"{row.labels['services']} Services, {row.labels['role']}: {row.what}"
            yield f"{verdict:6}  {named} {median(row.samples):.1f} (at most {most:g})"


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.bench.memory", description=__doc__)
    parser.add_argument("--services", type=_numbers, default=SERVICES)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--starts", type=int, default=STARTS)
    given, kept = parser.parse_args(), list[Row]()

    def measure(directory: Path, found: list[Row]) -> None:
        with Cluster(directory, sides=[OURS]) as cluster:
            measured(cluster, given.services, given.seconds, given.starts, directory, found)
        kept.extend(found)

    code = session("memory", measure, needs=partial(locate, "etcd", "kube-apiserver"))
    print("\n".join(marks(kept)))
    return code


if __name__ == "__main__":
    sys.exit(main())
