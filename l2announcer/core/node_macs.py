"""Which MACs are those of nodes: what the holders of Leases and the heartbeats say.

Rules of this file:
- Who carries one is no foreign host. If it says that it has an address of ours, it may have taken
  the Lease without our knowing yet, or have lost it without knowing: it is never to be ignored.
- What a Lease said last counts, for as long as the Lease is there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from l2announcer.core.facts import Claimed
from l2announcer.core.model import LeaseRecord


class NodeMacs:
    """Kept true from every Lease that is seen."""

    def __init__(self) -> None:
        self._by_lease: dict[str, tuple[str, ...]] = {}
        self._counts: Counter[str] = Counter()

    def seen(self, record: LeaseRecord) -> None:
        """Take in what a Lease says."""
        macs = record.holding.macs if record.holding is not None else ()
        if macs != self._by_lease.get(record.name, ()):
            self.gone(record.name)
            self._by_lease[record.name] = macs
            self._counts.update(macs)

    def gone(self, lease: str) -> None:
        """Take in that there is no such Lease."""
        for mac in self._by_lease.pop(lease, ()):
            self._counts[mac] -= 1
            if not self._counts[mac]:
                del self._counts[mac]

    def marked(self, claim: Claimed) -> Claimed:
        """The same claim, saying whether it is a node's."""
        return replace(claim, of_node=claim.mac.hex(":") in self._counts)
