"""What commands print: aligned columns, and colours where a person looks at a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import Enum

RESET = "\x1b[0m"
GAP = "   "
NOTHING = "-"  # in place of an empty cell, so that columns can be cut by a script


class Ink(Enum):
    """How a text stands out; the value is the terminal's code (ECMA-48, SGR)."""

    HEADING = "\x1b[1m"
    GOOD = "\x1b[32m"
    WAITS = "\x1b[33m"
    BAD = "\x1b[31m"


Row = tuple[Sequence[str], Ink | None]


def show(heading: Sequence[str], rows: Sequence[Row]) -> None:
    """Print a table; the last column of a row is in its ink, and is never padded."""
    lines = [heading, *([cell or NOTHING for cell in cells] for cells, _ in rows)]
    inks = [Ink.HEADING, *(ink for _, ink in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading) - 1)]
    for line, ink in zip(lines, inks, strict=True):
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        if ink is Ink.HEADING:
            print(inked(GAP.join([*padded, line[-1]]), ink))
        else:
            print(GAP.join([*padded, inked(line[-1], ink)]))


def inked(text: str, ink: Ink | None) -> str:
    """Colour the text, if it goes to a terminal and nobody asked for none ($NO_COLOR)."""
    if ink is None or os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"{ink.value}{text}{RESET}"


def complain(sentence: str) -> None:
    """Say what went wrong, apart from what was asked for."""
    print(f"l2announcer: {sentence}", file=sys.stderr)
