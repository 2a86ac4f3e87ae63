"""The people who create Services that ask for an address, and who edit pools.

Rules of this file:
- Nothing that they do is a reason to take an address from a Service that has one: pools grow, are
  disabled and enabled, and change their priority; who shares a key never has a port in common.
"""

from __future__ import annotations

from l2announcer.core.model import Kind
from tests.fakes.patching import MERGE_PATCH
from tests.fakes.resources import SERVICES
from tests.sim import objects
from tests.sim.objects import NAMESPACE, POOL, Json, resources
from tests.sim.stage import Stage

PREFIX_LENGTHS = (28, 27, 26, 25)  # each within the next


class Askers:
    """So many Services, `ask0` and on, and the pools of the world."""

    def __init__(self, stage: Stage) -> None:
        self._number = stage.plan.asking
        self._stage = stage
        self._api = stage.api
        self._size = 0
        self._more = False

    def populate(self) -> None:
        for number in range(self._number):
            self._create(number)

    def calm(self) -> None:
        """Everybody is there, and there is enough for all."""
        if self._number:
            self._size = len(PREFIX_LENGTHS) - 1
            self._edit_pool({"disabled": False, "blocks": self._blocks()})
        for number in range(self._number):
            self._create_if_missing(number)

    def change(self) -> str:
        """Create, delete or edit Services, several at once."""
        rng = self._stage.rng
        numbers = rng.sample(range(self._number), rng.randint(1, self._number))
        act = rng.choice((self._create_if_missing, self._delete, self._edit))
        for number in numbers:
            act(number)
        return f"{act.__name__} {numbers}"

    def change_pool(self) -> str:
        """Edit the pool, or make a second one."""
        match self._stage.rng.randrange(4):
            case 0 if self._size + 1 < len(PREFIX_LENGTHS):
                self._size += 1
                self._edit_pool({"blocks": self._blocks()})
                return f"grown to {self._blocks()}"
            case 1 if not self._more:
                self._more = True
                found = objects.pool("172.19.254.0/29", name="more")
                self._api.store.create(resources()[Kind.POOL], found, now=self._api.unix)
                return "one more"
            case 2:
                priority = str(self._stage.rng.randrange(-3, 4))
                patch = {"metadata": {"annotations": {"l2announcer.io/priority": priority}}}
                self._api.store.patch(resources()[Kind.POOL], patch, MERGE_PATCH, name=POOL)
                return f"of priority {priority}"
            case _:
                disabled = self._stage.rng.random() < 0.5
                self._edit_pool({"disabled": disabled})
                return f"disabled={disabled}"

    def _blocks(self) -> list[Json]:
        return [{"cidr": f"172.19.255.0/{PREFIX_LENGTHS[self._size]}"}]

    def _edit_pool(self, spec: Json) -> None:
        patch = {"spec": spec}
        self._api.store.patch(resources()[Kind.POOL], patch, MERGE_PATCH, name=POOL)

    def _create_if_missing(self, number: int) -> None:
        if self._api.find(Kind.SERVICE, f"ask{number}") is None:
            self._create(number)

    def _delete(self, number: int) -> None:
        name = f"ask{number}"
        if self._api.find(Kind.SERVICE, name) is not None:
            self._api.store.delete(SERVICES, namespace=NAMESPACE, name=name, now=self._api.unix)

    def _edit(self, number: int) -> None:
        name = f"ask{number}"
        if self._api.find(Kind.SERVICE, name) is not None:
            patch = {"metadata": {"labels": {"edit": str(self._stage.rng.randrange(1000))}}}
            self._api.store.patch(SERVICES, patch, MERGE_PATCH, namespace=NAMESPACE, name=name)

    def _create(self, number: int) -> None:
        found = objects.asking(number)
        self._api.store.create(SERVICES, found, namespace=NAMESPACE, now=self._api.unix)
