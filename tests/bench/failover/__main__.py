"""How long an address has no answer, or two, after a fault: our daemon and client-go's elector.

python -m tests.bench.failover [--faults KEY,...] [--rounds N]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from tests.bench import elector
from tests.bench.failover.cluster import Cluster
from tests.bench.failover.faults import FAULTS, Fault
from tests.bench.failover.rounds import Outcome, round_of
from tests.bench.report import Row
from tests.bench.session import say, session

ROUNDS = 5
NEW_MAC = "new MAC s"
GAP = "gap s"
DUPLICATES = "duplicates"


def rows(fault: Fault, outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """What was seen of one fault, side by side."""
    by_side = defaultdict(list)
    for outcome in outcomes:
        by_side[outcome.side].append(outcome)
    for side, found in by_side.items():
        labels = {"fault": fault.name, "Lease": fault.setup.label, "daemon": side}
        moved = [outcome.new_mac for outcome in found if outcome.new_mac is not None]
        if moved and not fault.everywhere:
            yield Row(what=NEW_MAC, labels=labels, samples=moved)
        yield Row(what=GAP, labels=labels, samples=[each.gap for each in found])
        yield Row(what=DUPLICATES, labels=labels, samples=[each.duplicates for each in found])


def measured(cluster: Cluster, faults: Sequence[Fault], rounds: int, found: list[Row]) -> None:
    """Let each fault strike so many times, and add its rows to those found."""
    began = time.monotonic()
    for setup, alike in groupby(faults, key=lambda fault: (fault.setup, fault.sides)):
        of = [side for side in cluster.sides if not setup[1] or side.name in setup[1]]
        with cluster.running(setup[0], of):
            for fault in alike:
                outcomes: list[Outcome] = []
                for number in range(1 if fault.everywhere else rounds):
                    outcomes += (latest := round_of(cluster, fault, of))
                    told = "  ".join(map(_told, latest))
                    say(f"[{time.monotonic() - began:5.0f} s] {fault.key} {number + 1}: {told}")
                found += rows(fault, outcomes)


def _told(outcome: Outcome) -> str:
    new = "-" if outcome.new_mac is None else f"{outcome.new_mac:.3f}"
    return f"{outcome.side} {new} gap {outcome.gap:.3f} dup {outcome.duplicates}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench.failover", description=__doc__)
    keys = [fault.key for fault in FAULTS]
    parser.add_argument("--faults", default="", help=f"some of {','.join(keys)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    wanted = given.faults.split(",") if given.faults else keys
    if unknown := set(wanted) - set(keys):
        parser.error(f"no such fault: {', '.join(sorted(unknown))} (there are {', '.join(keys)})")
    given.faults = [fault for fault in FAULTS if fault.key in wanted]
    return given


def main() -> int:
    given = arguments()

    def measure(directory: Path, found: list[Row]) -> None:
        with Cluster(directory) as cluster:
            measured(cluster, given.faults, given.rounds, found)

    return session("failover", measure, needs=elector.built)


if __name__ == "__main__":
    sys.exit(main())
