"""The stock leader elector that ours is measured against, and shares Leases with in the tests.

`python -m tests.bench.elector` builds it where that has not been done: a minute or two, once. The
program stays outside the checkout, beside those of the control plane, under a name that follows
from its source.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

from tests.cluster.build import cache, only_one_builder, scratch
from tests.cluster.gotool import BuildError, Progress, find_go

PROGRAM = "elector"
SOURCES = Path(__file__).parent / "go"
PARTS = (SOURCES / PROGRAM, SOURCES / "packet", SOURCES / "go.mod")


def place() -> Path:
    """Where the program is, or will be once it is built."""
    digest = hashlib.sha256()
    for part in PARTS:
        for file in sorted(part.iterdir()) if part.is_dir() else [part]:
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return cache() / f"{PROGRAM}-{digest.hexdigest()[:16]}" / PROGRAM


def why_not() -> str:
    """What to do where the program has not been built, in one sentence; empty when it has."""
    if os.access(place(), os.X_OK):
        return ""
    return f"{PROGRAM} not found: run `python -m tests.bench.elector` (some minutes, once)"


def built() -> Path:
    """Build the program where it is missing; where it is. Raises BuildError."""
    program, progress = place(), Progress()
    if not why_not():
        return program
    cache().mkdir(parents=True, exist_ok=True)
    with only_one_builder(progress), scratch() as work:
        if why_not():
            go = find_go(work, progress)
            # what go.sum does not vouch for is not built
            pinned = go.environment | {"GOFLAGS": "-mod=readonly -modcacherw"}
            unfinished = work / PROGRAM
            replace(go, environment=pinned).run(
                *("build", "-v", "-p", "2", "-trimpath", "-buildvcs=false"),
                *("-ldflags", "-s -w", "-o", str(unfinished), "."),
                step=f"compiling {PROGRAM}, with client-go (some minutes, once)",
                directory=SOURCES / PROGRAM,
            )
            program.parent.mkdir(exist_ok=True)
            unfinished.replace(program)
    return program


def main() -> int:
    """0 where the program is there at the end; 1, and a sentence, where it is not."""
    try:
        print(f"{PROGRAM}: {built()}")
    except BuildError as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
