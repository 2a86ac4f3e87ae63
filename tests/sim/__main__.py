"""Runs seeds, or tells the whole history of one: python -m tests.sim --help."""

from __future__ import annotations

import argparse
import sys
import time

from tests.sim.plan import draw, draw_askers
from tests.sim.trace import line
from tests.sim.world import Report, World

PROGRESS_SECONDS = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds (default: 200)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--seed", type=int, help="this seed alone, with its trace")
    parser.add_argument("--askers", action="store_true", help="many ask for addresses")
    options = parser.parse_args()
    drawn, askers = (draw_askers, "--askers ") if options.askers else (draw, "")
    if options.seed is not None:
        report = World(drawn(options.seed), note=_print).run()
        return _finish([report], 0.0, askers=askers)
    began = shown = time.monotonic()
    reports = []
    for seed in range(options.first, options.first + options.seeds):
        reports.append(World(drawn(seed)).run())
        for violation in reports[-1].violations:
            print(f"seed {seed}: {violation}", flush=True)
        if time.monotonic() - shown > PROGRESS_SECONDS:
            shown = time.monotonic()
            print(f"{len(reports)} of {options.seeds} seeds, {_hours(reports):.1f} node-hours")
            sys.stdout.flush()
    return _finish(reports, time.monotonic() - began, askers=askers)


def _finish(reports: list[Report], seconds: float, *, askers: str) -> int:
    failing = [report.seed for report in reports if report.violations]
    violations = sum(len(report.violations) for report in reports)
    line = f"sim: {len(reports)} seeds, {_hours(reports):.1f} node-hours, {violations} violations"
    if seconds:
        line += f", {seconds:.0f} s"
    if failing:
        line += f"; first failing seed: python -m tests.sim {askers}--seed {failing[0]}"
    print(line)
    return 1 if failing else 0


def _hours(reports: list[Report]) -> float:
    return sum(report.node_seconds for report in reports) / 3600


def _print(now: float, who: str, what: object) -> None:
    print(f"{now:12.6f} {who:<10} {line(what)}")


if __name__ == "__main__":
    sys.exit(main())
