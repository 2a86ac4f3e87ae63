"""What daemons ask of the API server when nothing happens, counted in its own audit log.

    python -m tests.bench.api [--services N,...] [--nodes N,...] [--modes service,node]
                              [--seconds S] [--qps Q]

Of each number of Services every Lease is held by one of the nodes, and is renewed; everything else
that is asked counts too. Beside what was counted stands what it should be: Services by renew
interval, or, where a node has more than its share of qps carries, as often as that allows.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from statistics import fmean

from l2announcer.core.candidacy import LEASE_PREFIX
from l2announcer.core.heartbeat import HEARTBEAT_PREFIX
from l2announcer.settings.options import Settings
from tests.bench.failover.cluster import Cluster
from tests.bench.failover.sides import OURS, Setup
from tests.bench.report import Row
from tests.bench.session import say, session
from tests.bench.steady import Steady
from tests.cluster.build import locate
from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.audit import Asked
from tests.cluster.daemon.site import Timing

SERVICES = "1,10,50,100"
NODES = "3"
MODES = {"service": False, "node": True}
SECONDS = 20.0
PARTS = 5
QPS = 100
TIMING = Timing(15, 5, 2)
TOLERANCE = 0.05

RATE, EXPECTED = "requests/s", "expected requests/s"
RENEWALS, HEARTBEATS = "update Leases of Services", "update Leases of nodes"
CONTROLLER = "update Lease of the controller"
READS, ALL = "read Leases", "all"


def kind(asked: Asked) -> str:
    """What a request is counted as."""
    if asked.resource != "leases":
        return f"{asked.verb} {asked.resource}"
    if asked.verb in {"get", "list", "watch"}:
        return READS
    if asked.verb != "update":
        return f"{asked.verb} Leases"
    if asked.name.startswith(LEASE_PREFIX):
        return RENEWALS
    return HEARTBEATS if asked.name.startswith(HEARTBEAT_PREFIX) else CONTROLLER


def rates(asked: Iterable[Asked], began: float, seconds: float) -> dict[str, list[float]]:
    """Requests a second of each kind, in each part of the time."""
    counts = Counter(
        (name, int(PARTS * (each.answered - began) / seconds))
        for each in asked
        for name in (kind(each), ALL)
    )
    names = sorted({name for name, _ in counts} | {RENEWALS, HEARTBEATS, READS, ALL})
    every = seconds / PARTS
    return {name: [counts[name, part] / every for part in range(PARTS)] for name in names}


def expected(held: Counter[str], setup: Setup, nodes: int) -> tuple[str, float]:
    """Which Leases are renewed all the time, and how often in a second."""
    interval = setup.timing.retry_period
    if setup.node_leases:
        return HEARTBEATS, nodes / interval
    return RENEWALS, sum(count / max(interval, count / setup.qps) for count in held.values())


def counted(steady: Steady, setup: Setup, seconds: float) -> Iterator[Row]:
    """Count for so long."""
    cluster, nodes = steady.cluster, len(steady.side.nodes)
    held = steady.held()
    since, began = cluster.audit.mark(), time.time()
    time.sleep(seconds)
    asked = cluster.audit.asked(DAEMON, since)
    within = [each for each in asked if began <= each.answered < began + seconds]
    mode = next(name for name, node_leases in MODES.items() if node_leases is setup.node_leases)
    labels: dict[str, str | int | float] = {
        "mode": mode,
        "nodes": nodes,
        "services": steady.count,
        "qps": setup.qps,
    }
    for name, samples in rates(within, began, seconds).items():
        yield Row(what=RATE, labels={**labels, "request": name}, samples=samples)
    name, rate = expected(held, setup, nodes)
    yield Row(what=EXPECTED, labels={**labels, "request": name}, samples=[rate])


def measured(
    cluster: Cluster, setup: Setup, numbers: Sequence[int], seconds: float, found: list[Row]
) -> None:
    """Count with so many Services, then with more, and add the rows to those found."""
    steady = Steady(cluster, "held")
    with steady.running(setup):
        for node in steady.side.nodes:
            steady.start(node)
        for number in sorted(numbers):
            steady.grow(number)
            rows = list(counted(steady, setup, seconds))
            found += rows
            told = ", ".join(
                f"{row.labels['request']} {fmean(row.samples):.2f}"
                for row in rows
                if any(row.samples)
            )
            say(f"{len(steady.side.nodes)} nodes, {number} Services: {told}")


def marks(rows: Sequence[Row]) -> Iterator[str]:
    """How far it is from where it should be, a sentence each."""
    rate = {_where(row): fmean(row.samples) for row in rows if row.what == RATE}
    for row in rows:
        where = _where(row)
        if row.what == EXPECTED:
            wanted = row.samples[0]
            verdict = "met" if rate[where] <= wanted * (1 + TOLERANCE) else "MISSED"
            yield f"{verdict:6}  {where}: {rate[where]:.2f}/s (at most {wanted:.2f})"
        elif row.labels["request"] == READS:
            yield f"{'MISSED' if rate[where] else 'met':6}  {where}: {rate[where]:.2f}/s (none)"


def _where(row: Row) -> str:
    labels = row.labels
    place = f"{labels['mode']} mode, {labels['nodes']} nodes, {labels['services']} Services"
    return f"{place}: {labels['request']}"


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.api", description=__doc__)
    parser.add_argument("--services", type=_numbers, default=SERVICES)
    parser.add_argument("--nodes", type=_numbers, default=NODES)
    parser.add_argument("--modes", default="service", help=f"some of {','.join(MODES)}")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--qps", type=int, default=QPS)
    given = parser.parse_args()
    given.modes = given.modes.split(",")
    if unknown := set(given.modes) - set(MODES):
        parser.error(f"no such mode: {', '.join(sorted(unknown))}")
    if "node" in given.modes and "lease_mode" not in {each.name for each in fields(Settings)}:
        parser.error("there is no setting leaseMode")
    return given


def main() -> int:
    given, kept = arguments(), list[Row]()

    def measure(directory: Path, found: list[Row]) -> None:
        for nodes in given.nodes:
            place = directory / str(nodes)
            place.mkdir()
            with Cluster(place, nodes, sides=[OURS]) as cluster:
                for mode in given.modes:
                    setup = Setup(timing=TIMING, node_leases=MODES[mode], qps=given.qps)
                    measured(cluster, setup, given.services, given.seconds, found)
        kept.extend(found)

    code = session("api", measure, needs=partial(locate, "etcd", "kube-apiserver"))
    print("\n".join(marks(kept)))
    return code


if __name__ == "__main__":
    sys.exit(main())
