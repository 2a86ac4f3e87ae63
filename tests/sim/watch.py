"""One node's list and watch of one kind: in order, but late, broken off, or of an older state."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Protocol

from l2announcer.core.facts import Gone, Listed, Seen
from l2announcer.core.model import ALL, Key, Kind
from tests.fakes.history import Event
from tests.fakes.refusals import Refusal
from tests.sim.api import Api
from tests.sim.objects import read, resources
from tests.sim.timeline import Timeline

Told = Listed | Seen | Gone


class Watcher(Protocol):
    """The process that watches."""

    cut: bool
    slow: bool
    lag_until: float

    def alive(self) -> bool: ...
    def told(self, watch: Watch, version: int, fact: Told) -> None: ...


class Watch:
    """Tells its process everything of one kind.

    `processed` is the version up to which the core has taken in what happened, `listed` that of
    the last list. `ended` is set when the process that watches is gone.
    """

    def __init__(
        self, kind: Kind, watcher: Watcher, api: Api, timeline: Timeline, rng: Random
    ) -> None:
        self.kind = kind
        self.processed = -1
        self.listed = -1
        self.ended = False
        self.span = ALL
        self._watcher = watcher
        self._api = api
        self._timeline = timeline
        self._rng = rng
        self._connected = False
        self._connection = 0
        self._received = -1
        self._last_at = 0.0
        self._connect()

    def changed(self, kind: Kind, version: int, fact: Seen | Gone) -> None:
        """Take in a change on the server."""
        if kind is self.kind and self._connected:
            self._send(version, fact)

    def break_off(self) -> None:
        """Lose the connection; what is under way is lost with it."""
        self._connection += 1
        self._connected = False
        wait = 0.05 if self._api.calm else self._rng.uniform(0.05, 2.0)
        self._timeline.after(wait, self._connect)

    def _connect(self) -> None:
        if self.ended or self._connected:
            return
        if self._watcher.cut or not self._api.accepts:
            self._timeline.after(0.5, self._connect)
            return
        self._connected = True
        if self._received >= 0 and self._rng.random() < 0.5:
            try:
                events = list(self._api.store.events(resources()[self.kind], self._received))
            except Refusal:
                events = None
            if events is not None:
                self._resume(events)
                return
        version, fact = self._list()
        self.listed = version
        self._send(version, fact)
        if version < self._api.store.version:
            self._resume(list(self._api.store.events(resources()[self.kind], version)))

    def _resume(self, events: list[Event]) -> None:
        for version, what, found in events:
            fact: Seen | Gone
            if what == "DELETED":
                meta = found["metadata"]
                key = Key(meta.get("namespace", ""), meta["name"])
                fact = Gone(self.kind, key, str(version))
            else:
                fact = Seen(self.kind, read(self.kind, found))
            self._send(version, fact)

    def _list(self) -> tuple[int, Listed]:
        """All objects as they are, or as a cache that lags still shows them."""
        store, resource = self._api.store, resources()[self.kind]
        objects, version = store._tables[resource].objects, store.version
        history = store._tables[resource].history
        if not self._api.calm and self._rng.random() < 0.3:
            known = max(history.horizon, self._received)
            earlier = min(max(known, version - self._rng.randrange(20)), version)
            objects, version = history.snapshot(objects, earlier), earlier
        listed = tuple(read(self.kind, found) for _, found in sorted(objects.items()))
        return version, Listed(self.kind, listed, str(version), span=self.span)

    def _send(self, version: int, fact: Told) -> None:
        at = self._timeline.now + self._api.latency(slow=self._watcher.slow)
        self._last_at = max(at, self._last_at, self._watcher.lag_until)
        deliver = partial(self._deliver, self._connection, version, fact)
        self._timeline.at(self._last_at, deliver)

    def _deliver(self, connection: int, version: int, fact: Told) -> None:
        if self.ended or connection != self._connection:
            return
        if self._watcher.cut:
            self.break_off()
            return
        self._received = version
        self._watcher.told(self, version, fact)
