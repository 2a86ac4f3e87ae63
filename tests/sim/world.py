"""One seed from start to end: chaos, then calm, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from l2announcer.core.lease import GIVEN_SECONDS
from tests.sim.api import LATEST_SECONDS, Api
from tests.sim.chaos import Chaos
from tests.sim.judge import Judge, Violation
from tests.sim.node import Node
from tests.sim.objects import addresses
from tests.sim.plan import Plan
from tests.sim.segment import Segment
from tests.sim.stage import Stage
from tests.sim.stranger import Stranger
from tests.sim.timeline import Timeline

SETTLING_SECONDS = 10.0
REST_SECONDS = 30.0  # of an address that somebody asks for
WATCHED_SECONDS = 10.0
LOOK_SECONDS = 0.5

Note = Callable[[float, str, object], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one seed gave. `node_seconds` is virtual time, added up over the nodes."""

    seed: int
    violations: tuple[Violation, ...]
    node_seconds: float
    events: int
    writes: int


class World:
    """Composes a seed's world."""

    def __init__(self, plan: Plan, note: Note | None = None) -> None:
        self.plan = plan
        timeline = self.timeline = Timeline()
        trace = None if note is None else (lambda who, what: note(timeline.now, who, what))
        api = self.api = Api(timeline, plan)
        judge = self.judge = Judge(plan, timeline, api, trace)
        self.segment = Segment(timeline, plan)
        names = [f"node{number}" for number in range(plan.nodes)]
        if plan.twin:
            names.append(names[0])
        for number, name in enumerate(names):
            node = Node(
                name,
                number,
                plan=plan,
                timeline=timeline,
                api=api,
                segment=self.segment,
                observer=judge,
            )
            judge.nodes.append(node)
            self.segment.stations.append(node)
        for number in range(plan.strangers):
            stranger = Stranger(
                number,
                plan=plan,
                timeline=timeline,
                api=api,
                segment=self.segment,
                observer=judge,
            )
            judge.strangers.append(stranger)
            self.segment.stations.append(stranger)
        stage = Stage(
            plan=plan,
            timeline=timeline,
            api=api,
            segment=self.segment,
            nodes=judge.nodes,
            strangers=judge.strangers,
            hosts=judge.hosts,
        )
        self.chaos = Chaos(stage, judge.trace)

    def run(self) -> Report:
        """Let the whole history happen, up to the first violation."""
        self.judge.trace("plan", self.plan)
        self.chaos.populate()
        self.chaos.begin()
        self._run(self.plan.chaos_seconds)
        if not self.judge.violations:
            self._settle()
        return Report(
            seed=self.plan.seed,
            violations=tuple(self.judge.violations),
            node_seconds=self.timeline.now * len(self.judge.nodes),
            events=self.timeline.events,
            writes=self.api.store.version,
        )

    def calm_network(self) -> None:
        """Let calls and frames arrive, and soon, from now on."""
        self.segment.calm = self.api.calm = self.judge.hold_over.calm = True

    def _settle(self) -> None:
        """Everything heals; somebody must answer within a bound, and go on."""
        self.judge.trace("calm", "begins")
        self.calm_network()
        self.chaos.calm()
        # What was under way may still arrive, and a Lease that it brings must run out.
        longest = float(self.plan.duration_seconds)
        if self.plan.strangers:  # who look again now and then only
            duration, deadline, period = self.plan.strangers_timing
            longest = max(longest, duration) + deadline + 5 * period
        settled = LATEST_SECONDS + longest + SETTLING_SECONDS
        if self.plan.asking:
            settled += REST_SECONDS
        self._run(settled)
        for _ in range(int(WATCHED_SECONDS / LOOK_SECONDS)):
            self._run(LOOK_SECONDS)
            if not self.judge.violations:
                self._look()

    def _look(self) -> None:
        judge = self.judge
        if judge.sharing.unanswered():
            self._run(2 * GIVEN_SECONDS)
        for what in judge.sharing.unanswered():
            judge.breaks("somebody answers", what)
        if self.plan.asking:
            self._look_at_askers()
            return
        if len(judge.services) != self.plan.services:
            judge.breaks("somebody answers", f"only {list(judge.services)} are given out")
        for address in judge.services:
            answering = judge.answering(address)
            if not answering and judge.changes_hands(address):
                self._run(GIVEN_SECONDS)
                answering = judge.answering(address)
            if len(answering) != 1 or answering[0] not in judge.eligible(address):
                judge.breaks("somebody answers", f"{answering} answer for {address}")

    def _look_at_askers(self) -> None:
        """Where calls are slower than a Lease lasts, it is the addresses that count."""
        given = self.judge.services
        for one in self.api.services():
            if not addresses(one) and one["spec"].get("loadBalancerIP") not in given:
                name = one["metadata"]["name"]
                self.judge.breaks("nobody waits", f"{name} has no address")

    def _run(self, seconds: float) -> None:
        judge = self.judge
        self.timeline.run(self.timeline.now + seconds, halted=lambda: bool(judge.violations))
