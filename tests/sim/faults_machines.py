"""What happens to machines and to the processes on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from tests.sim.node import Node
from tests.sim.plan import Fault
from tests.sim.stage import Stage
from tests.sim.stranger import Stranger


class MachineFaults:
    """Each act says in a sentence what it did."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    @property
    def acts(self) -> Mapping[Fault, Callable[[], str]]:
        return {
            Fault.CRASH: partial(self._die, reboot=False),
            Fault.REBOOT: partial(self._die, reboot=True),
            Fault.RESIGN: self._resign,
            Fault.FREEZE: partial(self._freeze, suspended=False),
            Fault.SUSPEND: partial(self._freeze, suspended=True),
            Fault.WALL_STEP: self._step_wall,
            Fault.LINK: self._link,
        }

    def _die(self, *, reboot: bool) -> str:
        node = self._stage.node()
        if not node.alive():
            return f"{node} is down already"
        node.die()
        if reboot:
            node.boot()
        return f"{node} for {self._stage.later(partial(launch, node)):.3f} s"

    def _resign(self) -> str:
        node = self._stage.node()
        node.resign()
        return f"{node} for {self._stage.later(partial(launch, node)):.3f} s"

    def _freeze(self, *, suspended: bool) -> str:
        node = self._stage.node()
        if not node.alive() or node.frozen:
            return f"{node} is frozen or down already"
        if suspended:
            node.suspend()
        else:
            node.freeze()
        return f"{node} for {self._stage.later(node.resume):.3f} s"

    def _step_wall(self) -> str:
        node = self._stage.node()
        node.clock.wall_offset += self._stage.rng.choice((-3600.0, -2.0, 0.7, 5.0, 86400.0))
        return f"{node} now {node.clock.wall_offset:+} s"

    def _link(self) -> str:
        node = self._stage.node()
        node.set_link(up=False)
        return f"{node} for {self._stage.later(partial(node.set_link, up=True)):.3f} s"


def launch(machine: Node | Stranger) -> None:
    """Start the process, unless it runs."""
    if not machine.alive():
        machine.launch()
