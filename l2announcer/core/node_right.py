"""What a node's heartbeat carries: the right to all its Leases that say one number of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2announcer.core.tenure import Tenure

if TYPE_CHECKING:
    from l2announcer.core.hold_over import HoldOver


@dataclass(frozen=True, slots=True, eq=False)
class NodeRight:
    """One number's.

    Its `tenure` lasts as long as the heartbeat's, and is void for good when that has another
    number, or was interrupted. `hold_over` is the heartbeat's.
    """

    number: int
    tenure: Tenure
    hold_over: HoldOver
