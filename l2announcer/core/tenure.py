"""The right to answer, as a deadline: the one mutable thing that control and data path share.

Only an Elector prolongs it; everything that puts a frame on the wire compares it with the clock
directly before it sends. A frozen process therefore falls silent by itself. While it is held over
(core.hold_over), whoever hears that another station has the address ends it there and then.

It may stand on another one, and lasts no longer than that: a heartbeat's, which keeps many Leases
at once (core.node_leases).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


class Tenure:
    """`until` is in seconds on CLOCK_BOOTTIME; minus infinity is no tenure.

    `under` is what it stands on, if on anything; a `strict` one doesn't on what is held over.
    `holding_over` says that it has no renewal behind it any more; it outlasts `give_way`, so that
    the Elector can tell what happened.
    """

    __slots__ = ("_held_over", "strict", "under", "until")

    def __init__(self, until: float = -inf, under: Tenure | None = None) -> None:
        self.until = until
        self.under = under
        self.strict = False
        self._held_over = False

    @property
    def holding_over(self) -> bool:
        return self._held_over or (self.under is not None and self.under.holding_over)

    @property
    def parts(self) -> tuple[Tenure, ...]:
        """What must all be valid: itself."""
        return (self,)

    def valid(self, now: float) -> bool:
        """May be answered?"""
        if now >= self.until:
            return False
        under = self.under
        return under is None or (under.valid(now) and not (self.strict and under.holding_over))

    @property
    def ends_at(self) -> float:
        """When it ends if nothing prolongs it."""
        return self.until if self.under is None else min(self.until, self.under.ends_at)

    def announces(self, now: float) -> bool:
        """May be announced unasked?"""
        return self.valid(now) and not self.holding_over

    def confirm(self, until: float, under: Tenure | None) -> None:
        """Let an accepted renewal prolong it; one that would not changes nothing."""
        if until > self.until or under is not self.under:
            self.until, self.under, self._held_over = until, under, False

    def hold_over(self, until: float) -> None:
        """Prolong it without a renewal."""
        self.until, self._held_over = until, True

    def give_way(self) -> None:
        """Take in that another station says that it has the address."""
        if self.holding_over:
            self.until = -inf

    def void(self) -> None:
        self.until, self.under, self._held_over = -inf, None, False


@dataclass(frozen=True, slots=True)
class Joint:
    """A right that takes several tenures: it lasts while all of them do."""

    parts: tuple[Tenure, ...]

    @property
    def holding_over(self) -> bool:
        """Has one of them no renewal behind it?"""
        for part in self.parts:  # noqa: SIM110 - as in valid
            if part.holding_over:
                return True
        return False

    def valid(self, now: float) -> bool:
        """May be answered?"""
        for part in self.parts:  # noqa: SIM110 - thrice as fast, and groups may be large
            if now >= part.until:
                return False
        return True

    def announces(self, now: float) -> bool:
        """May be announced unasked?"""
        return self.valid(now) and not self.holding_over


Right = Tenure | Joint
