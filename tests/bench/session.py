"""A long measurement on a cluster of our own: set-up, a temporary directory, and its end.

What was measured is published however it ends; asked to end, it cleans up as after Ctrl-C.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench.report import Row, publish
from tests.cluster.build import ProgramsMissingError
from tests.lab.root import LabError, become_lab_root


def say(text: str) -> None:
    """Tell of progress, apart from the table."""
    print(text, file=sys.stderr, flush=True)


def session(
    name: str, measure: Callable[[Path, list[Row]], None], *, needs: Callable[[], object]
) -> int:
    """Run `measure`, which adds the rows of `name` as they come; the exit code.

    `needs` is called before it, to build what is missing.
    """
    found: list[Row] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        become_lab_root()
        needs()
        with tempfile.TemporaryDirectory() as directory:
            measure(Path(directory), found)
    except (LabError, ProgramsMissingError) as error:
        say(f"failed: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted: what was measured so far")
        return 130
    finally:
        if found:
            publish(name, found)
    return 0
