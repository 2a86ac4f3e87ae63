"""How the daemon looks from outside: health, status, and the numbers that a scrape reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf

from l2announcer.core import explain
from l2announcer.core.announcer import Announcer
from l2announcer.core.model import Kind
from l2announcer.core.outcome import Outcome
from l2announcer.kube.reflector import Reflector
from l2announcer.lan.responder import ANSWERED, Responder
from l2announcer.metrics import AddressCount, EventCount, FrameCount, Metrics, WatchAge
from l2announcer.web.health import Check

STUCK_SECONDS = 30.0  # the pump steps every few seconds
STALE_WATCH_SECONDS = 300.0
DROPPED = frozenset(outcome.value for outcome in Outcome)  # what became of a frame that came in


class Observation:
    """Reads what the parts say of themselves. `reflectors` are set once there are some."""

    def __init__(
        self, announcer: Announcer, responder: Responder, *, now: Callable[[], float]
    ) -> None:
        self.reflectors: Mapping[Kind, Reflector] = {}
        self._announcer = announcer
        self._responder = responder
        self._now = now
        self._stepped_at = now()
        self._transitions = 0
        self._hold_overs = 0

    def stepped(self, now: float, metrics: Metrics) -> None:
        """Take in that the pump made a step."""
        self._stepped_at = now
        announcer = self._announcer
        if announcer.tally.transitions != self._transitions:
            metrics.lease_transitions.inc(announcer.tally.transitions - self._transitions)
            metrics.services_held.set(len(announcer.tally.held))
            self._transitions = announcer.tally.transitions
        metrics.hold_overs.inc(announcer.tally.hold_overs - self._hold_overs)
        metrics.services_held_over.set(len(announcer.tally.held_over))
        self._hold_overs = announcer.tally.hold_overs

    @property
    def summary(self) -> str:
        """One line for the service manager."""
        waiting = self._announcer.unlisted
        if waiting:
            return f"waiting for: {', '.join(waiting)}"
        services = len(self._announcer.cluster.services)
        return f"answering for {len(self._announcer.tally.held)} of {services} Services"

    def status(self) -> Mapping[str, object]:
        return {
            **explain.status(self._announcer, self._now()),
            "watches": {
                kind.value: {
                    "state": reflector.state.value,
                    "problem": reflector.problem,
                    "unreadable": [each.sentence for each in reflector.problems.values()],
                }
                for kind, reflector in self.reflectors.items()
            },
            "interfaceTroubles": self._troubles(),
        }

    def _troubles(self) -> dict[str, str]:
        """What is being tried, and what is left alone for a while after it failed."""
        links = self._announcer.cluster.links or ()
        unheard = {link.name: [each.why for each in link.unheard] for link in links}
        known = {
            name: f"interface {name}: {'; '.join(why)}" for name, why in unheard.items() if why
        }
        return known | self._responder.troubles

    def live(self) -> Sequence[Check]:
        age_seconds = self._now() - self._stepped_at
        reason = f"the pump made its last step {age_seconds:.0f} s ago"
        return [Check(name="pump", ok=age_seconds < STUCK_SECONDS, reason=reason)]

    def ready(self) -> Sequence[Check]:
        """Listed once, and heard of lately; what is not installed is no reason to be unready."""
        checks = list(self.live())
        for kind, reflector in self.reflectors.items():
            age_seconds = self._now() - reflector.last_confirmed_at
            fresh = reflector.listed and age_seconds < STALE_WATCH_SECONDS
            heard = "never" if age_seconds == inf else f"{age_seconds:.0f} s ago"
            # whoever reaches the port may ask: where the API server is stays in the log and /status
            reason = f"last heard of {heard}: {reflector.brief or 'the first list is under way'}"
            checks.append(Check(name=kind.value, ok=fresh, reason=reason))
        cluster, node = self._announcer.cluster, self._announcer.terms.node
        exists = not cluster.nodes.listed or cluster.node is not None
        reason = f"there is no Node {node}: set nodeName to this node's name in the cluster"
        checks.append(Check(name="node", ok=exists, reason=reason))
        found = cluster.links is not None
        reason = "the kernel has not listed them yet"
        checks.append(Check(name="interfaces", ok=found, reason=reason))
        return checks

    def frames(self) -> Iterator[FrameCount]:
        for interface, protocol, reason, frames in self._responder.counters():
            if reason == ANSWERED:
                yield FrameCount(interface, protocol.value, None, frames)
            elif reason in DROPPED:
                yield FrameCount(interface, protocol.value, reason, frames)

    def events(self) -> Iterator[EventCount]:
        """By whatever protocol."""
        counts: Counter[tuple[str, str]] = Counter()
        for interface, _, reason, count in self._responder.counters():
            if reason != ANSWERED and reason not in DROPPED:
                counts[interface, reason] += count
        for (interface, reason), count in counts.items():
            yield EventCount(interface, reason, count)

    def addresses(self) -> Iterator[AddressCount]:
        controller = self._announcer.controller
        if controller.ipam is None or controller.idle_because(self._now()):
            return
        for pool in controller.ipam.pools:
            available = pool.available
            yield AddressCount(pool.name, "available", available)
            yield AddressCount(pool.name, "used", pool.total - available)

    def watches(self) -> Iterator[WatchAge]:
        for kind, reflector in self.reflectors.items():
            if reflector.listed:
                yield WatchAge(kind.value, self._now() - reflector.last_confirmed_at)
