"""What can go wrong with an API server on demand: faults that a test plants and takes away."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum, auto


class Action(Enum):
    """What happens to a request instead of, or after, its due answer."""

    REFUSE = auto()
    """The connection breaks before anything is done."""
    HANG = auto()
    """Nothing is done and nothing is said until the client gives up."""
    ANSWER = auto()
    """Nothing is done; the answer is the fault's HTTP `code`."""
    DELAY = auto()
    """All is done as asked, `seconds` later."""
    LOSE_ANSWER = auto()
    """All is done as asked, and the connection breaks instead of an answer."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault. Empty `verbs` or `resources` mean all; `times` is how often it still strikes.

    `resources` are named as in RBAC, without the group: `leases`, `services/status`.
    """

    action: Action
    verbs: Collection[str] = ()
    resources: Collection[str] = ()
    times: int | None = None
    code: int = 500
    seconds: float = 0.0


@dataclass(slots=True)
class Faults:
    """All faults in force. `watches_stalled` keeps open watches silent, bookmarks included."""

    planted: list[Fault] = field(default_factory=list)
    watches_stalled: bool = False

    def plant(self, fault: Fault) -> Fault:
        self.planted.append(fault)
        return fault

    def clear(self) -> None:
        self.planted.clear()
        self.watches_stalled = False

    def strike(self, verb: str, resource: str) -> Fault | None:
        """The first fault that this request meets; counts it."""
        for fault in self.planted:
            if fault.times == 0:
                continue
            if verb in (fault.verbs or (verb,)) and resource in (fault.resources or (resource,)):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
