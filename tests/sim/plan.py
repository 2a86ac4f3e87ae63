"""What kind of world a seed gives: its size, its network, and which faults it knows.

Rules of this file:
- Faults come in any mixture. Half of the seeds know no hands that touch Leases, since the judge has
  to be milder with those (judge).
- A plan has one of two tempers: in a dense one a fault comes every few seconds, in a long one hours
  pass in which little happens but renewals, and now and then one thing.
- Whatever is drawn later comes from streams named after the seed, one for each part of the world:
  with one fault less, the others happen as before, as far as they can.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from random import Random
from typing import Final


class Fault(Enum):
    """What can go wrong, or merely change."""

    CRASH = "crash"
    REBOOT = "reboot"
    RESIGN = "resign"
    FREEZE = "freeze"
    SUSPEND = "clock stands still"
    CUT = "cut from the API"
    OUTAGE = "API outage"
    DENIED = "API denies"
    SLOW_WRITES = "slow writes"
    BROKEN_WATCH = "broken watch"
    LAGGING_WATCH = "lagging watch"
    SLOW_CALLS = "slow calls"
    COMPACTION = "compaction"
    WALL_STEP = "wall clock step"
    LINK = "link down"
    PARTITION = "partition of the segment"
    FOREIGN_HOST = "foreign host"
    PROBER = "prober"
    SERVICE = "Service changed"
    POLICY = "policy changed"
    LABEL = "node label changed"
    NODE = "Node deleted"
    ENDPOINTS = "endpoints moved"
    STRANGER = "agent of Cilium"
    LEASE_DELETED = "Lease deleted by hand"
    LEASE_CLEARED = "Lease cleared by hand"
    ASKER = "Service that asks for an address changed"
    POOL = "pool changed"
    SHARER = "Service that shares an address changed"
    SHARED_LEASE = "Lease of a Service that shares cleared by hand"


OF_SHARERS = frozenset({Fault.SHARER, Fault.SHARED_LEASE})
OF_ADDRESSES = frozenset({Fault.ASKER, Fault.POOL})
OF_LOCAL = frozenset({Fault.ENDPOINTS})  # draw_local
_ADDED = frozenset({Fault.SUSPEND})  # to a mixture that is drawn without it
_BY_HAND = frozenset({Fault.LEASE_DELETED, Fault.LEASE_CLEARED})

_OF_CONTROLLERS = (
    Fault.CRASH,
    Fault.RESIGN,
    Fault.FREEZE,
    Fault.CUT,
    Fault.BROKEN_WATCH,
    Fault.LAGGING_WATCH,
    Fault.SLOW_CALLS,
)

AMBUSHES = frozenset(
    {
        Fault.CRASH,
        Fault.CUT,
        Fault.FREEZE,
        Fault.SUSPEND,
        Fault.LEASE_CLEARED,
        Fault.LEASE_DELETED,
        Fault.RESIGN,
        Fault.SLOW_CALLS,
    }
)
"""What is worst while a write is under way."""

CILIUM: Final = (15, 5.0, 2.0)  # duration, renew deadline, retry period
CILIUM_FAST: Final = (3, 2.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One seed's world. Seconds, unless said; probabilities are for one call or frame.

    `without` are the faults left out, by their number in the history; `unjudged` are the rules of
    the judge that may be broken.
    """

    seed: int
    nodes: int
    twin: bool
    services: int
    duration_seconds: int
    renew_seconds: float
    timeout: float
    latency: float
    lost_calls: float
    refused_calls: float
    slow_calls: float
    frame_delay: float
    lost_frames: float
    doubled_frames: float
    chaos_seconds: float
    fault_gap: float
    faults: tuple[Fault, ...]
    asking: int = 0  # Services that ask for an address
    sharing: int = 0  # Services that share two addresses
    local: bool = False  # do Services need an endpoint on the node that announces them?
    holds_over: bool = False
    by_heartbeat: float = 0.0  # that a process keeps its Leases by a heartbeat
    quiet_seconds: float = 30.0  # before a Lease moves to its favourite
    strangers: int = 0  # nodes on which an agent of Cilium takes part
    strangers_timing: tuple[int, float, float] = CILIUM
    without: frozenset[int] = frozenset()
    unjudged: frozenset[str] = frozenset()

    def stream(self, name: str) -> Random:
        """The lots of one part of the world."""
        return Random(f"{self.seed}/{name}")


def draw_local(seed: int) -> Plan:
    """The plan of a seed in which endpoints move, and only nodes that have one may announce."""
    plan = draw(seed)
    faults = (*plan.faults, *(1 + len(plan.faults) // 3) * (Fault.ENDPOINTS,))
    return replace(plan, local=True, strangers=0, faults=faults)


def draw_askers(seed: int) -> Plan:
    """The plan of a seed in which many ask for addresses, and the controller changes often."""
    plan = draw(seed)
    rng = Random(seed + 2)
    return replace(
        plan,
        services=1,
        asking=rng.choice((6, 10, 14)),
        strangers=0,
        holds_over=False,
        duration_seconds=3,
        renew_seconds=0.75,
        timeout=rng.choice((1.5, 5.0)),
        latency=rng.choice((0.001, 0.05, 0.2)),
        chaos_seconds=60.0,
        fault_gap=rng.choice((0.1, 0.3, 1.0)),
        faults=(*_OF_CONTROLLERS, *(3 * (Fault.ASKER,)), Fault.POOL),
    )


def draw_sharers(seed: int) -> Plan:
    """The plan of a seed in which Services share addresses, and change often."""
    plan = draw(seed)
    rng = Random(seed + 4)
    kept = tuple(fault for fault in plan.faults if fault is not Fault.STRANGER)
    return replace(
        plan,
        services=1,
        sharing=rng.choice((2, 3, 4, 5)),
        strangers=0,
        faults=(*kept, *(max(len(kept), 2) * (Fault.SHARER,)), Fault.SHARED_LEASE),
    )


def draw_long(seed: int) -> Plan:
    """The plan of a seed in which hours pass, and a fault is rare."""
    plan = draw(seed)
    rng = Random(seed + 3)
    lease_seconds = rng.choice((15, 30, 60))
    return replace(
        plan,
        nodes=rng.choice((2, 3, 4, 6)),
        services=rng.choice((1, 1, 2)),
        strangers=0,
        duration_seconds=lease_seconds,
        renew_seconds=lease_seconds / rng.choice((3.5, 4.0, 5.0)),
        timeout=min(5.0, lease_seconds / 4),
        latency=rng.choice((0.0005, 0.005, 0.02)),
        lost_calls=min(plan.lost_calls, 0.01),
        refused_calls=min(plan.refused_calls, 0.01),
        slow_calls=min(plan.slow_calls, 0.02),
        chaos_seconds=3600.0 * rng.choice((1.0, 2.0, 4.0)),
        fault_gap=rng.choice((120.0, 600.0, 1200.0)),
    )


def draw_node_leases(seed: int) -> Plan:
    """The plan of a seed in which heartbeats keep the Leases of all processes, or of some."""
    plan = draw(seed)
    rng = Random(seed + 4)
    faults = tuple(fault for fault in plan.faults if fault is not Fault.STRANGER)
    return replace(
        plan,
        by_heartbeat=rng.choice((1.0, 1.0, 0.5)),
        faults=faults or (Fault.CRASH, Fault.CUT, Fault.FREEZE),
        strangers=0,
        services=rng.choice((1, 2, 3, 5)),
        quiet_seconds=rng.choice((1.0, 5.0, 30.0)),
    )


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    rng = Random(seed)
    lease_seconds = rng.choice((3, 5, 15, 30, 60))
    by_hand = rng.random() < 0.5
    left_out = OF_ADDRESSES | OF_SHARERS | OF_LOCAL | _ADDED
    left_out |= frozenset() if by_hand else _BY_HAND
    faults = [fault for fault in Fault if fault not in left_out]
    if rng.random() < 0.5:
        faults = rng.sample(faults, k=rng.choice((1, 2, 3)))
    lossy = rng.random() < 0.5
    troubled = rng.random() < 0.6
    strangers = rng.choice((0, 0, 1, 2)) if Fault.STRANGER in faults else 0
    plan = Plan(
        seed=seed,
        nodes=rng.choice((2, 2, 3, 3, 4)),
        twin=rng.random() < 0.15,
        services=rng.choice((1, 1, 2, 3)),
        duration_seconds=lease_seconds,
        renew_seconds=min(2.0, lease_seconds / 4),
        timeout=min(5.0, lease_seconds / 2),
        latency=rng.choice((0.0001, 0.0001, 0.001, 0.005, 0.05)),
        lost_calls=rng.choice((0.01, 0.05)) if troubled else 0.0,
        refused_calls=rng.choice((0.01, 0.05)) if troubled else 0.0,
        slow_calls=rng.choice((0.02, 0.1)) if troubled else 0.0,
        frame_delay=rng.choice((0.00002, 0.0002, 0.001)),
        lost_frames=rng.choice((0.01, 0.3)) if lossy else 0.0,
        doubled_frames=rng.choice((0.0, 0.1)),
        chaos_seconds=8.0 * lease_seconds + 40.0,
        fault_gap=rng.choice((0.15, 0.3, 0.6)) * lease_seconds,
        faults=tuple(faults),
        strangers=strangers,
        strangers_timing=rng.choice((CILIUM, CILIUM, CILIUM_FAST)),
        holds_over=rng.random() < 0.5,
    )
    added = rng.random() < 0.3
    return replace(plan, faults=(*faults, *_ADDED)) if added else plan
