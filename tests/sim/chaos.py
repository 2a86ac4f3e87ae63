"""Draws faults and changes from the seed, and ends each of them after a while."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.sim.faults_machines import MachineFaults, launch
from tests.sim.faults_networks import NetworkFaults
from tests.sim.faults_objects import ObjectFaults
from tests.sim.faults_strangers import StrangerFaults
from tests.sim.node import Node
from tests.sim.plan import AMBUSHES, Fault
from tests.sim.stage import Stage

Act = Callable[[], str]


class Chaos:
    """Everything that goes wrong or changes until `calm`.

    Half of the faults that are worst while a write is under way wait for a node to hand one out.
    """

    def __init__(self, stage: Stage, trace: Callable[[str, object], None]) -> None:
        self.happened: set[int] = set()  # faults, by their number
        self._stage = stage
        self._trace = trace
        self._number = 0
        self._gaps = stage.plan.stream("gaps")
        self._networks = NetworkFaults(stage)
        self._objects = ObjectFaults(stage)
        self._acts: dict[Fault, Act] = {
            **MachineFaults(stage).acts,
            **StrangerFaults(stage).acts,
            **self._networks.acts,
            **self._objects.acts,
        }

    def populate(self) -> None:
        """What there is at the start."""
        stage = self._stage
        stage.rng = stage.plan.stream("start")
        self._objects.populate()
        for machine in stage.machines:
            stage.timeline.after(stage.rng.uniform(0.0, 3.0), partial(launch, machine))

    def begin(self) -> None:
        gap = self._gaps.expovariate(1.0 / self._stage.plan.fault_gap)
        self._stage.timeline.after(gap, self._next)

    def calm(self) -> None:
        """End everything, and make every object what it was at the start."""
        stage = self._stage
        stage.calm = True
        stage.rng = stage.plan.stream("calm")
        self._networks.calm()
        for node in stage.nodes:
            node.resume()
            if not node.link_up:
                node.set_link(up=True)
            launch(node)
        for stranger in stage.strangers:
            stranger.mend()
            launch(stranger)
        self._objects.calm()

    def _next(self) -> None:
        stage = self._stage
        if stage.calm:
            return
        self._number += 1
        number = self._number
        stage.rng = stage.plan.stream(f"fault {number}")
        fault = stage.rng.choice(stage.plan.faults)
        waits = fault in AMBUSHES and stage.rng.random() < 0.5
        if number not in stage.plan.without:
            if waits:
                victim = stage.node()
                victim.ambush = partial(self._strike, number, fault, victim)
            else:
                self._strike(number, fault, None)
        self.begin()

    def _strike(self, number: int, fault: Fault, victim: Node | None) -> None:
        stage = self._stage
        if stage.calm:
            return
        if victim is not None:
            stage.rng = stage.plan.stream(f"ambush {number}")
        stage.victim = victim
        self.happened.add(number)
        self._trace("fault", f"{number}: {fault.value} {self._acts[fault]()}")
        stage.victim = None
