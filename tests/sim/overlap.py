"""When two that answer for one address may not be blamed for it.

Rules of this file:
- Whose clock stood still cannot know that its tenure is over. The wire is its fence: it is excused
  until a claim of the other has reached it, made since the other began to answer.
- What a heartbeat keeps is held by the heartbeat's writes: when the Lease itself was written says
  nothing of how long its holder may answer.
- A hand that clears or deletes a Lease takes it from a holder that cannot know: until its watch has
  told it, or the wire has, it is excused.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import inf

from l2announcer.core.facts import Claimed
from l2announcer.core.heartbeat import heartbeat_name
from tests.sim.node import Node

Station = Hashable
Process = tuple[str, str, int]


def keeper(node: Node, lease: str) -> str:
    """The Lease whose writes stand behind a node's tenure of one."""
    by_heartbeat = node.announcer is not None and node.announcer.terms.node_leases
    return heartbeat_name(node.name) if by_heartbeat else lease


class Overlaps:
    """Who answers since when, whose claims reached whom when, and when accepted writes began.

    Times are true ones. Addresses are text.
    """

    def __init__(self) -> None:
        self._began: dict[tuple[Station, str], float] = {}
        self._ended: dict[str, float] = {}
        self._heard: dict[tuple[Station, str, bytes], float] = {}
        self._hand_outs: dict[tuple[Process, str, str], float] = {}  # by Lease and renewTime
        self._accepted: dict[tuple[Process, str], float] = {}
        self._taken: dict[tuple[Process, str], float] = {}

    def answers(self, station: Station, address: str, now: float, *, yes: bool) -> None:
        """Take in whether a station answers for an address now."""
        if yes:
            self._began.setdefault((station, address), now)
        elif self._began.pop((station, address), None) is not None:
            self._ended[address] = now

    def since(self, station: Station, address: str) -> float:
        """When a station began to answer; infinity if it does not."""
        return self._began.get((station, address), inf)

    def ended(self, address: str) -> float:
        """When somebody ceased to answer for an address last."""
        return self._ended.get(address, -inf)

    def hears(self, station: Station, claim: Claimed, now: float) -> None:
        """Take in that a claim, not a probe, reached a station that runs."""
        if not claim.probe:
            self._heard[station, str(claim.address), claim.mac] = now

    def hands_out(self, process: Process, lease: str, renew_time: str, now: float) -> None:
        """Take in that a process begins to write a Lease."""
        self._hand_outs[process, lease, renew_time] = now

    def accepted(self, process: Process, lease: str, renew_time: str, *, taken: bool) -> None:
        """Take in that the API server took such a write; `taken`: the Lease was another's."""
        handed_out_at = self._hand_outs.get((process, lease, renew_time))
        if handed_out_at is not None:
            self._accepted[process, lease] = handed_out_at
            if taken:
                self._taken[process, lease] = handed_out_at
        self._hand_outs = {
            key: at for key, at in self._hand_outs.items() if key[:2] != (process, lease)
        }

    def accepted_at(self, process: Process, lease: str) -> float:
        """When the last write of a process began that the API server took."""
        return self._accepted.get((process, lease), -inf)

    def tenure_since(self, process: Process, lease: str) -> float:
        """When the write began by which a process last took the Lease."""
        return self._taken.get((process, lease), -inf)

    def stood_still(self, node: Node, lease: str) -> bool:
        """Did the clocks stand still since the write on which a tenure may rest began?"""
        return self.accepted_at(node.process, keeper(node, lease)) <= node.paused_at

    def unheard(self, station: Station, address: str, other: Station, mac: bytes) -> bool:
        """Has no claim of the other reached the station since the other began to answer?"""
        return self._heard.get((station, address, mac), -inf) < self.since(other, address)
