"""The right to answer, as a deadline: the one mutable thing that control and data path share.

Only an Elector moves it; everything that puts a frame on the wire compares it with the clock
directly before it sends. A frozen process therefore falls silent by itself.
"""

from __future__ import annotations

from math import inf


class Tenure:
    """`until` is in seconds on CLOCK_BOOTTIME; minus infinity is no tenure."""

    __slots__ = ("until",)

    def __init__(self, until: float = -inf) -> None:
        self.until = until

    def valid(self, now: float) -> bool:
        return now < self.until

    def void(self) -> None:
        self.until = -inf
