"""What a benchmark found, as a table to read and as a file to compare by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

FOLDER = Path(__file__).parents[2] / "build" / "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One quantity, `what` with its unit, as measured several times; `labels` say of what."""

    what: str
    samples: Sequence[float]
    labels: Mapping[str, str | int | float] = field(default_factory=dict)

    def cells(self) -> dict[str, str | int | float]:
        return {
            "what": self.what,
            **self.labels,
            "n": len(self.samples),
            "min": round(min(self.samples), 3),
            "median": round(median(self.samples), 3),
            "max": round(max(self.samples), 3),
        }


def percentile(samples: Sequence[float], share: float) -> float:
    """The sample below which that share of all lies; 0.0 of none."""
    return sorted(samples)[int(share * (len(samples) - 1))] if samples else 0.0


def text(rows: Sequence[Row]) -> str:
    """All rows as aligned columns, numbers to the right."""
    cells = [row.cells() for row in rows]
    names = list(dict.fromkeys(name for row in cells for name in row))
    lines = [names, *([_shown(row.get(name, "")) for name in names] for row in cells)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    left = [isinstance(cells[0].get(name), str) for name in names] if cells else []
    return "\n".join(
        "  ".join(
            cell.ljust(width) if to_left else cell.rjust(width)
            for cell, width, to_left in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in lines
    )


def publish(name: str, rows: Sequence[Row]) -> Path:
    """Print the table, and write the rows as JSON into build/bench; returns that file."""
    print(text(rows))
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps([row.cells() for row in rows], indent=2) + "\n")
    return path


def _shown(cell: str | float) -> str:
    if isinstance(cell, float):
        digits = 1 if abs(cell) >= 100 else 2 if abs(cell) >= 10 else 3
        return f"{cell:,.{digits}f}"
    return str(cell)
