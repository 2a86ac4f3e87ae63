"""What the demo shows: steps, commands with their real output, and facts that were checked."""

from __future__ import annotations

import os
import sys
import time


class DemoError(Exception):
    """A step of the demo does not hold; the text says which fact is missing."""


class Console:
    """Prints to standard output, in colours on a terminal only."""

    def __init__(self) -> None:
        self.checked = 0
        self._steps = 0
        self._began = time.monotonic()
        self._colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def step(self, title: str) -> None:
        self._steps += 1
        self._print("\n" + self._paint("1", f"{self._steps}. {title}"))

    def say(self, text: str) -> None:
        self._print(text)

    def command(self, place: str, command: str, output: str) -> None:
        """A command that was run in `place` (empty: anywhere), and what it printed."""
        self._print(self._paint("36", f"{place}$ {command}"))
        if output.strip():
            self._print(output.rstrip("\n"))

    def require(self, fact: str, *, holds: bool, otherwise: str) -> None:
        """Say a fact that was checked; DemoError with `otherwise` when it does not hold."""
        if not holds:
            raise DemoError(otherwise)
        self.checked += 1
        self._print(self._paint("32", f"✓ {fact}"))

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colours else text

    def _print(self, text: str) -> None:
        print(text, flush=True)
