"""On which terms this node takes part in elections: its name, its timing, its limits."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from l2announcer.core.gratuitous import DEFAULT_SCHEDULE, Schedule
from l2announcer.core.lease import ENDLESS_SECONDS
from l2announcer.core.model import Holding
from l2announcer.core.node_right import NodeRight

TENURE_SHARE = 0.9  # of L; the rest is the margin for the rate error of two clocks
STEP_SECONDS = 0.25  # one Lease more or less is no reason to look at every other
RANK_SECONDS = 0.05  # how long a favourite that is alive needs at most to take what became free


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """In whose name, and on which terms, this node takes part in elections now.

    `duration_seconds` is L, `renew_seconds` R; `may_take` is false while the node has all that its
    renewals can carry. `rank` counts the nodes that are to take a free Lease before this one.
    `announce_in_use` announces what a foreign host answers for. A write takes `request_seconds` at
    most. `holds_over`: the node goes on answering while the API server gives no answer, for
    `hold_over_limit_seconds`, 0 for as long as that lasts. With `spread` it asks for what is placed
    better here, after `quiet_seconds` in which nothing of that changed.

    With `node_leases` the Leases are kept by this node's heartbeat: by `right`, while it has one.
    `holds_back` says why it begins nothing yet in this mode; empty for nothing.
    """

    node: str
    namespace: str
    holding: Holding
    duration_seconds: int = 15
    renew_seconds: float = 2.0
    may_take: bool = True
    rank: int = 0
    spread: bool = True
    quiet_seconds: float = 30.0
    schedule: Schedule = DEFAULT_SCHEDULE
    announce_in_use: bool = False
    request_seconds: float = 5.0
    holds_over: bool = False
    hold_over_limit_seconds: float = 0.0
    node_leases: bool = False
    right: NodeRight | None = None
    holds_back: str = ""

    @property
    def written_seconds(self) -> int:
        """The duration to write into a Lease."""
        return self.duration_seconds if self.right is None else ENDLESS_SECONDS


def rarest_seconds(terms: Terms) -> float:
    """The longest interval between two renewals: a third of the tenure, so that two may fail."""
    return max(terms.duration_seconds * TENURE_SHARE / 3, terms.renew_seconds)


def pace(held: int, qps: float, terms: Terms) -> tuple[float, bool]:
    """How often `held` Leases are renewed, in seconds, and whether one more may be taken.

    Renewals wait behind nothing; where `qps` writes a second can't carry them all, they become
    rarer, up to the rarest, and beyond that nothing is taken.
    """
    rarest = rarest_seconds(terms)
    wanted = ceil(held / qps / STEP_SECONDS) * STEP_SECONDS
    renew_seconds = max(terms.renew_seconds, min(wanted, rarest))
    return renew_seconds, (held + 1) / qps <= rarest
