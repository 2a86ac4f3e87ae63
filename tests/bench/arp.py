"""How fast neighbours are answered: by the kernel, by a responder in Go and by ours, side by side.

Run by `python -m tests.bench.arp`. In every round each responder gets the same load in turn, so
that whatever else the machine does hits all alike; what counts are the ratios to the one in Go.
The kernel's row is also what the load itself can do: both run on one processor there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.load import FOREIGN_RATE, Heard, asked, stormed
from tests.bench.programs import NoProgramError, built
from tests.bench.report import Row, publish
from tests.bench.responders import ARP, ND, Bench, Protocol, built_bench
from tests.lab.namespaces import Lab
from tests.lab.root import LabError, become_lab_root

FEW, MANY = 1, 64
"""How many requests are outstanding."""
USUAL = 100
"""The number of addresses that most of the marks are about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured: everything in so many rounds, each of so many seconds or requests."""

    addresses: Sequence[int] = (1, USUAL, 1_000, 10_000)
    rounds: int = 7
    seconds: float = 0.3
    most: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Cell:
    """What one responder was asked; the storm's requests are for addresses of other nodes."""

    protocol: str
    responder: str
    outstanding: int
    addresses: int
    load: str = "own"


Found = Mapping[Cell, Sequence[Heard]]
Quantity = Callable[[Heard], float]

REPLIES = "replies/s"
P50 = "latency p50 us"
PROCESSOR = "cpu %"
PER_REPLY = "cpu us per reply"
LOST = "lost"
STALL = "loop stall p99 ms"

QUANTITIES: Mapping[str, Quantity] = {
    REPLIES: lambda heard: heard.replies_per_second,
    P50: lambda heard: heard.p50_us,
    "latency p99 us": lambda heard: heard.p99_us,
    PROCESSOR: lambda heard: 100 * heard.processor,
    PER_REPLY: lambda heard: 1e6 * heard.processor / max(heard.replies_per_second, 1),
    LOST: lambda heard: heard.lost,
}
STORM = f"foreign, {FOREIGN_RATE}/s"


def measured(bench: Bench, extent: Extent) -> list[Row]:
    """Every cell, in rounds; then how our loop stalls under full load; then the storm."""
    protocol = bench.protocol.name
    found: dict[Cell, list[Heard]] = defaultdict(list)
    stalls: dict[Cell, list[float]] = defaultdict(list)
    for addresses in extent.addresses:
        for responder in bench.responders:
            responder.grant(addresses)
            _ask(bench, extent, Cell(protocol, responder.name, MANY, addresses))  # to warm up
        for _ in range(extent.rounds):
            for outstanding in (FEW, MANY):
                for responder in bench.responders:
                    cell = Cell(protocol, responder.name, outstanding, addresses)
                    found[cell].append(_ask(bench, extent, cell))
            cell = Cell(protocol, bench.ours.name, MANY, addresses)
            bench.ours.say("watch")
            _ask(bench, extent, cell)
            stalls[cell].append(float(bench.ours.say("stall")))
    storm = _storm(bench, extent)
    return [
        *(row for what, quantity in QUANTITIES.items() for row in _rows(what, quantity, found)),
        *(Row(what=STALL, samples=late, labels=_labels(cell)) for cell, late in stalls.items()),
        *_rows(PROCESSOR, QUANTITIES[PROCESSOR], storm),
    ]


def _ask(bench: Bench, extent: Extent, cell: Cell) -> Heard:
    responder = next(each for each in bench.responders if each.name == cell.responder)
    return asked(
        bench,
        responder,
        addresses=cell.addresses,
        outstanding=cell.outstanding,
        seconds=extent.seconds,
        most=extent.most,
    )


def _storm(bench: Bench, extent: Extent) -> Found:
    protocol = bench.protocol.name
    found: dict[Cell, list[Heard]] = defaultdict(list)
    for _ in range(extent.rounds):
        for responder in (bench.go, bench.ours):
            cell = Cell(protocol, responder.name, 0, extent.addresses[-1], STORM)
            found[cell].append(stormed(bench, responder, seconds=extent.seconds))
    return found


def _rows(what: str, quantity: Quantity, found: Found) -> Iterator[Row]:
    for cell, runs in found.items():
        if what in {PROCESSOR, PER_REPLY} and cell.responder == "kernel":
            continue  # its work is done in the name of whoever sent the request
        samples = [quantity(heard) for heard in runs]
        if what == LOST and not any(samples):
            continue
        beside = [quantity(heard) for heard in found[_of_go(cell)]]
        yield Row(what=what, samples=samples, labels={**_labels(cell), **_to_go(samples, beside)})


def _of_go(cell: Cell) -> Cell:
    return Cell(cell.protocol, "go", cell.outstanding, cell.addresses, cell.load)


def _labels(cell: Cell) -> dict[str, str | int | float]:
    return {
        "responder": cell.responder,
        "outstanding": cell.outstanding,
        "addresses": cell.addresses,
        "protocol": cell.protocol,
        "load": cell.load,
    }


def _to_go(samples: Sequence[float], beside: Sequence[float]) -> dict[str, float]:
    """The median of the rounds' ratios to the responder in Go."""
    if not all(beside):
        return {}
    return {"to go": round(median(a / b for a, b in zip(samples, beside, strict=True)), 3)}


def marks(rows: Sequence[Row]) -> Iterator[str]:
    """How far ours is from where it should be in one protocol, a sentence each."""

    def row(what: str, outstanding: int, addresses: int, load: str = "own") -> Row:
        cell = Cell(protocol, "ours", outstanding, addresses, load)
        return next(r for r in rows if r.what == what and r.labels.items() >= _labels(cell).items())

    protocol = str(rows[0].labels["protocol"])
    most = max(int(each.labels["addresses"]) for each in rows)
    usual = row(REPLIES, MANY, USUAL)
    flat = median(row(REPLIES, MANY, most).samples) / median(usual.samples)
    storm = median(row(PROCESSOR, 0, most, STORM).samples)
    stall = max(median(each.samples) for each in rows if each.what == STALL)
    yield _mark(f"{REPLIES}, {MANY} outstanding, to go", float(usual.labels["to go"]), at_least=1.4)
    yield _mark(f"{REPLIES}, {most} addresses to {USUAL}", flat, at_least=0.9)
    to_go = float(row(P50, FEW, USUAL).labels["to go"])
    yield _mark(f"{P50}, {FEW} outstanding, to go", to_go, at_most=1.15)
    yield _mark(f"{PROCESSOR}, {STORM}", storm, at_most=1.0)
    yield _mark(f"{STALL}, {MANY} outstanding", stall, at_most=2.0)


def _mark(text: str, value: float, *, at_least: float = 0.0, at_most: float = float("inf")) -> str:
    verdict = "met" if at_least <= value <= at_most else "MISSED"
    wanted = f"at least {at_least}" if at_least else f"at most {at_most}"
    return f"{verdict:6}  {text}: {value:.2f} ({wanted})"


def main() -> None:
    try:
        become_lab_root()
        programs = built()
        found = {protocol.name: _all(programs, protocol) for protocol in (ARP, ND)}
    except (LabError, NoProgramError) as error:
        raise SystemExit(f"skipped: {error}") from error
    publish("arp", [row for rows in found.values() for row in rows])
    for name, rows in found.items():
        print(name, *marks(rows), sep="\n")


def _all(programs: Path, protocol: Protocol) -> list[Row]:
    with Lab() as lab:
        return measured(built_bench(lab, programs, protocol), Extent())


if __name__ == "__main__":
    main()
