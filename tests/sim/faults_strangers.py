"""What happens to the nodes of strangers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from tests.sim.faults_machines import launch
from tests.sim.plan import Fault
from tests.sim.stage import Stage
from tests.sim.stranger import Stranger


class StrangerFaults:
    """Each act says in a sentence what it did."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    @property
    def acts(self) -> Mapping[Fault, Callable[[], str]]:
        return {Fault.STRANGER: self._happens}

    def _happens(self) -> str:
        stage = self._stage
        if not stage.strangers:
            return "there is none"
        stranger = stage.rng.choice(stage.strangers)
        acts = (self._dies, self._freezes, self._is_cut, self._is_parted)
        return f"{stranger} {stage.rng.choice(acts)(stranger)}"

    def _dies(self, stranger: Stranger) -> str:
        machine = self._stage.rng.random() < 0.3
        stranger.die(machine=machine)
        seconds = self._stage.later(partial(launch, stranger))
        return f"dies for {seconds:.3f} s, machine={machine}"

    def _freezes(self, stranger: Stranger) -> str:
        if not stranger.alive() or stranger.frozen:
            return "is frozen or down already"
        stranger.freeze()
        return f"freezes for {self._stage.later(stranger.resume):.3f} s"

    def _is_cut(self, stranger: Stranger) -> str:
        stranger.cut = True
        return f"is cut off for {self._stage.later(stranger.mend):.3f} s"

    def _is_parted(self, stranger: Stranger) -> str:
        stranger.stand(1 - stranger.side)
        return f"is on side {stranger.side} now"
