"""Runs seeds, or tells the whole history of one: python -m tests.sim --help."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.sim.plan import Plan, draw, draw_askers, draw_long, draw_node_leases, draw_sharers
from tests.sim.shrink import MILDER, arguments, shrunk
from tests.sim.trace import line
from tests.sim.world import Report, World

PROGRESS_SECONDS = 5.0
DRAWN: Mapping[str, Callable[[int], Plan]] = {
    "dense": draw,
    "long": draw_long,
    "askers": draw_askers,
    "sharers": draw_sharers,
    "node-leases": draw_node_leases,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds (default: 200)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--hours", type=float, help="stop after so many node-hours")
    parser.add_argument(
        "--kind",
        choices=DRAWN,
        default="dense",
        help="many faults, hours with few of them, many that ask for addresses, some that share, or"
        " Leases that heartbeats keep",
    )
    parser.add_argument("--seed", type=int, help="this seed alone, with its trace")
    parser.add_argument("--without", default="", help="faults to leave out, by their numbers")
    parser.add_argument("--milder", default="", help=f"of {', '.join(MILDER)}")
    options = parser.parse_args()
    if options.seed is None:
        return _run(options)
    plan = DRAWN[options.kind](options.seed)
    milder = {name: MILDER[name] for name in options.milder.split(",") if name}
    without = frozenset(int(number) for number in options.without.split(",") if number)
    plan = replace(plan, without=without, **milder)
    return _finish([World(plan, note=_print).run()], 0.0, "")


def _run(options: argparse.Namespace) -> int:
    drawn = DRAWN[options.kind]
    began, cpu, shown = time.monotonic(), time.process_time(), time.monotonic()
    reports: list[Report] = []
    hint = ""
    for seed in range(options.first, options.first + options.seeds):
        if options.hours and _hours(reports) >= options.hours:
            break
        plan = drawn(seed)
        reports.append(World(plan).run())
        violations = reports[-1].violations
        for violation in violations:
            print(f"seed {seed}: {violation}", flush=True)
        if violations and not hint:
            smallest = arguments(shrunk(plan, violations[0].rule), plan)
            hint = f"python -m tests.sim --kind {options.kind} --seed {seed}"
            print(f"the smallest history found of it: {hint}{smallest}", flush=True)
        if time.monotonic() - shown > PROGRESS_SECONDS:
            shown = time.monotonic()
            rate = _hours(reports) / (time.process_time() - cpu)
            print(
                f"{len(reports)} of {options.seeds} seeds, {_hours(reports):.1f} node-hours,"
                f" {rate:.1f} for each second of CPU",
                flush=True,
            )
    return _finish(reports, time.monotonic() - began, hint)


def _finish(reports: list[Report], seconds: float, hint: str) -> int:
    violations = sum(len(report.violations) for report in reports)
    text = f"sim: {len(reports)} seeds, {_hours(reports):.1f} node-hours, {violations} violations"
    if seconds:
        text += f", {seconds:.0f} s"
    if hint:
        text += f"; first failing seed: {hint}"
    print(text)
    return 1 if violations else 0


def _hours(reports: list[Report]) -> float:
    return sum(report.node_seconds for report in reports) / 3600


def _print(now: float, who: str, what: object) -> None:
    print(f"{now:12.6f} {who:<10} {line(what)}")


if __name__ == "__main__":
    sys.exit(main())
