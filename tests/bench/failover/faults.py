"""What can happen to the holder of an address, or to all: how it is done, undone, how long.

Only faults are compared: client-go's elector knows no planned hand-over.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.failover.cluster import Cluster, Side
from tests.bench.failover.sides import OURS, Node, Setup
from tests.cluster.daemon.site import SHORT, Timing

USUAL = Timing(15, 5, 2)
"""The defaults, ours and Cilium's."""

Deed = Callable[[Cluster, Side, Node], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the table; `name` is its first column. All times are in seconds."""

    key: str
    name: str
    setup: Setup
    strike: Deed
    heal: Deed
    lasts: float = 0.0
    """So long at least before it is undone."""
    after: float = 3.0
    """So long is watched after that."""
    patience: float = 30.0
    """So long at most, from the beginning, is waited for another's answer."""
    same: bool = False
    """The same node is to answer again."""
    everywhere: bool = False
    """It strikes all at once, not one holder of each side."""
    sides: tuple[str, ...] = ()
    """Those that have it at all; nothing means both."""


def _signals(how: signal.Signals) -> Deed:
    return lambda cluster, _, node: cluster.kill(node, how)


def _start(cluster: Cluster, side: Side, node: Node) -> None:
    assert node.process is not None
    node.process.wait()
    cluster.start(side, node)


def _killed_and_restarted(cluster: Cluster, side: Side, node: Node) -> None:
    cluster.kill(node, signal.SIGKILL)
    cluster.restart(side, node)


def _nothing(cluster: Cluster, side: Side, node: Node) -> None:
    del cluster, side, node


def _link(up: bool) -> Deed:
    return lambda cluster, _, node: cluster.set_link(node, up)


def _carrier(up: bool) -> Deed:
    return lambda cluster, _, node: cluster.set_carrier(node, up)


def _reachable(reachable: bool) -> Deed:
    return lambda cluster, _, node: cluster.set_reachable(node, reachable)


def _api_server_killed(cluster: Cluster, side: Side, node: Node) -> None:
    del side, node
    cluster.control_plane.stop_api_server(signal.SIGKILL)


def _api_server_started(cluster: Cluster, side: Side, node: Node) -> None:
    del side, node
    cluster.control_plane.start_api_server()


def _moved(cluster: Cluster, side: Side, node: Node) -> None:
    target = next(each for each in side.nodes if each is not node)
    cluster.prefer(side, target.name)


def _anywhere(cluster: Cluster, side: Side, node: Node) -> None:
    del node
    cluster.prefer(side, None)


def _cordoned(cordoned: bool) -> Deed:
    return lambda cluster, _, node: cluster.cordon(node, cordoned=cordoned)


def _outage(key: str, text: str, seconds: float) -> Fault:
    return Fault(
        key=key,
        name=f"API server down for all for {text}",
        setup=Setup(timing=USUAL, services=5),
        strike=_api_server_killed,
        heal=_api_server_started,
        lasts=seconds,
        after=12.0,
        everywhere=True,
    )


def _killed(key: str, setup: Setup, *sides: str) -> Fault:
    return Fault(
        key=key,
        name="SIGKILL for good",
        setup=setup,
        strike=_signals(signal.SIGKILL),
        heal=_start,
        sides=sides,
    )


def _frozen(key: str, setup: Setup, seconds: float) -> Fault:
    return Fault(
        key=key,
        name=f"SIGSTOP {seconds:g} s, SIGCONT",
        setup=setup,
        strike=_signals(signal.SIGSTOP),
        heal=_signals(signal.SIGCONT),
        lasts=seconds,
        after=8.0,
    )


_ELSEWHERE = "(the API reachable over another link)"

FAULTS: tuple[Fault, ...] = (
    Fault(
        key="term",
        name="SIGTERM",
        setup=Setup(timing=USUAL),
        strike=_signals(signal.SIGTERM),
        heal=_start,
        patience=10.0,
    ),
    Fault(
        key="restart",
        name="SIGKILL, restarted by its unit",
        setup=Setup(timing=USUAL),
        strike=_killed_and_restarted,
        heal=_nothing,
        same=True,
    ),
    Fault(
        key="link",
        name=f"link down {_ELSEWHERE}",
        setup=Setup(timing=USUAL),
        strike=_link(up=False),
        heal=_link(up=True),
        lasts=3.0,
        patience=3.0,
    ),
    Fault(
        key="carrier",
        name=f"carrier lost {_ELSEWHERE}",
        setup=Setup(timing=USUAL),
        strike=_carrier(up=False),
        heal=_carrier(up=True),
        lasts=3.0,
        patience=3.0,
    ),
    Fault(
        key="cut",
        name="cut off from the API server, alone",
        setup=Setup(timing=USUAL),
        strike=_reachable(reachable=False),
        heal=_reachable(reachable=True),
        after=5.0,
    ),
    _killed("kill", Setup(timing=USUAL)),
    _frozen("stop", Setup(timing=USUAL), 30.0),
    Fault(
        key="move",
        name="asked for by another node (l2announcer move)",
        setup=Setup(timing=USUAL),
        strike=_moved,
        heal=_anywhere,
        sides=(OURS,),
    ),
    Fault(
        key="drain",
        name="kubectl cordon",
        setup=Setup(timing=USUAL),
        strike=_cordoned(cordoned=True),
        heal=_cordoned(cordoned=False),
        sides=(OURS,),
    ),
    _outage("api-60", "60 s", 60.0),
    _outage("api-300", "5 min", 300.0),
    _killed("kill-3", Setup(timing=SHORT)),
    _frozen("stop-3", Setup(timing=SHORT), 6.0),
    _killed("kill-node-3", Setup(timing=SHORT, node_leases=True), OURS),
)
