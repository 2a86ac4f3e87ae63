"""The simulation as a place for histories: the client is asked a hundred times a second, too."""

from __future__ import annotations

from l2announcer.core.candidacy import lease_name
from l2announcer.core.model import PREFERRED_NODE, Key
from tests.fakes.patching import MERGE_PATCH
from tests.fakes.resources import LEASES, NODES, SERVICES
from tests.histories.site import Heard
from tests.sim.api import Health
from tests.sim.node import Node
from tests.sim.objects import LEASE_NAMESPACE, NAMESPACE
from tests.sim.plan import Plan
from tests.sim.world import World

START_SECONDS = 5.0
"""Until both nodes take part, and their Leases can be written without waiting for a second."""
ASK_SECONDS = 0.01
NAME = "app0"
LEASE = lease_name(Key(NAMESPACE, NAME))


def plan(seed: int) -> Plan:
    """Two nodes, one Service, the shortest Leases, and nothing that goes wrong by itself."""
    return Plan(
        seed=seed,
        nodes=2,
        twin=False,
        services=1,
        duration_seconds=3,
        renew_seconds=1.0,
        timeout=2.0,
        latency=0.001,
        lost_calls=0.0,
        refused_calls=0.0,
        slow_calls=0.0,
        frame_delay=0.0002,
        lost_frames=0.0,
        doubled_frames=0.0,
        chaos_seconds=0.0,
        fault_gap=1e9,
        faults=(),
        holds_over=True,
        quiet_seconds=1e9,
    )


class SimulatedSite:
    """A Site in virtual time. The judge of the simulation sees all that happens, too."""

    def __init__(self, seed: int) -> None:
        settled = plan(seed)
        self.lease_seconds = float(settled.duration_seconds)
        self.renew_seconds = settled.renew_seconds
        self.slack_seconds = 0.1
        self.stray = 1
        self.heard: list[Heard] = []
        self._world = World(settled)
        self._world.chaos.populate()
        first, second = self._world.judge.nodes
        self.nodes = first.name, second.name
        self._ask()
        self.run(START_SECONDS)

    @property
    def now(self) -> float:
        return self._world.timeline.now

    def run(self, seconds: float) -> None:
        timeline = self._world.timeline
        timeline.run(timeline.now + seconds, halted=lambda: bool(self._world.judge.violations))
        assert not self._world.judge.violations, self._world.judge.violations

    def stop(self, node: str) -> None:
        self._node(node).resign()

    def kill(self, node: str) -> None:
        self._node(node).die()

    def freeze(self, node: str, *, frozen: bool) -> None:
        found = self._node(node)
        found.freeze() if frozen else found.resume()

    def cut(self, node: str, *, cut: bool) -> None:
        found = self._node(node)
        found.cut = cut
        if cut:
            self._break_watches(found)

    def silence_api(self, *, silent: bool) -> None:
        self._world.api.health = Health.DOWN if silent else Health.WELL
        if silent:
            for node in self._world.judge.nodes:
                self._break_watches(node)

    def delete_lease(self) -> None:
        api = self._world.api
        api.store.delete(LEASES, namespace=LEASE_NAMESPACE, name=LEASE, now=api.unix)

    def prefer(self, node: str) -> None:
        patch = {"metadata": {"annotations": {PREFERRED_NODE: node}}}
        store = self._world.api.store
        store.patch(SERVICES, patch, MERGE_PATCH, namespace=NAMESPACE, name=NAME)

    def cordon(self, node: str, *, cordoned: bool) -> None:
        store = self._world.api.store
        store.patch(NODES, {"spec": {"unschedulable": cordoned}}, MERGE_PATCH, name=node)

    def _node(self, name: str) -> Node:
        return next(node for node in self._world.judge.nodes if node.name == name)

    def _ask(self) -> None:
        world = self._world
        for address in world.judge.services:
            for machine in world.judge.answering(address):
                self.heard.append(Heard(world.timeline.now, machine.name))
        world.timeline.after(ASK_SECONDS, self._ask)

    @staticmethod
    def _break_watches(node: Node) -> None:
        for watch in node.watches.values():
            watch.break_off()
