"""The programs in Go that the benches run beside ours, built by the Go of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.bench.report import FOLDER

SOURCES = Path(__file__).parent / "go"
PROGRAMS = FOLDER / "go"
BUILD_SECONDS = 300


class NoProgramError(Exception):
    """The programs can't be built; the text says why."""


def why_not() -> str:
    """Why they can't be built here, in one sentence; empty when they can."""
    if shutil.which("go") is None:
        return "the bench needs Go 1.23 or newer for its peer and its load: no `go` on the PATH"
    return ""


def built() -> Path:
    """Build what has changed, and return the folder with `load` and `responder`.

    NoProgramError when that is impossible.
    """
    reason = why_not()
    if reason:
        raise NoProgramError(reason)
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "CGO_ENABLED": "0",
        "GOCACHE": str(PROGRAMS / "cache"),
        "GOFLAGS": "",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    done = subprocess.run(
        ["go", "build", "-o", str(PROGRAMS) + os.sep, "./load", "./responder"],
        cwd=SOURCES,
        env=environment,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        raise NoProgramError(f"building the bench's Go programs failed: {done.stderr.strip()}")
    return PROGRAMS
