"""Where a control plane is: an address on loopback, or of a host in a lab."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from tests.lab.namespaces import Namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An IPv4 address, and the network namespace that has it; None is this process's own."""

    address: str = "127.0.0.1"
    namespace: Namespace | None = None

    def entrance(self) -> list[str]:
        """What to put in front of a command to run it there."""
        return [] if self.namespace is None else self.namespace.entrance()

    def inside(self) -> AbstractContextManager[None]:
        """Puts the calling thread there: a connection made in the block comes from there."""
        return nullcontext() if self.namespace is None else self.namespace.in_namespace()


HERE = Place()
