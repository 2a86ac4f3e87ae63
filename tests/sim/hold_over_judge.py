"""What must hold of a node that gets no answer from the API server, in worlds that hold over.

Rules of this file; a violation is a broken one:
- goes on: who answers and is told nothing by the API server goes on answering, unless it hears
  that another station has the address, gives the Lease up, or is stopped, moved or unplugged.
- quiet: who answers without a renewal behind it announces nothing.
- unasked: it begins to answer only after three probes, and a pause.
- ask first: it doesn't begin while another that would have heard those probes answers.

Two that answer may do so (see `excuses`) while nothing that the one with the Lease said has
reached the other. Where no frame is lost that is as long as one takes; where they could not hear
each other before, as long as it takes until the next probe.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import inf

from l2announcer.core.effects import Gratuitous, Message
from l2announcer.core.facts import Claimed, Fact, LeaseRefused, LeaseWritten, Refusal
from tests.sim.host import Host
from tests.sim.lease_judge import CLOCK_ERROR, Writer
from tests.sim.node import Node
from tests.sim.overlap import Overlaps, keeper
from tests.sim.plan import Plan
from tests.sim.stranger import Stranger
from tests.sim.timeline import Timeline

TENURE_SHARE = 0.9  # of a Lease's duration
PROBES = 3
PROBES_SECONDS = 0.4  # from the first to the last
PAUSE_SECONDS = 0.5  # the shortest
STEP_SECONDS = 1.0  # between two probes of one that holds over
LEAD_SECONDS = 0.5  # so long before its tenure ends it may begin to hold over
PACED_SECONDS = 0.005  # for which an announcement may wait behind another
SLACK_SECONDS = 0.002

Machine = Node | Stranger


@dataclass(slots=True)
class _Silence:
    """Since when a process does not answer for an address, and its last probes since then."""

    since: float = -inf
    probed_at: deque[float] = field(default_factory=partial(deque, maxlen=PROBES))

    @property
    def pause(self) -> float:
        """How long it had been silent when the first of them was sent."""
        return self.probed_at[0] - self.since if len(self.probed_at) == PROBES else -inf


class HoldOverJudge:
    """`breaks(rule, what)` is told of violations. `calm`: the segment loses nothing any more."""

    def __init__(
        self,
        plan: Plan,
        timeline: Timeline,
        overlaps: Overlaps,
        breaks: Callable[[str, str], None],
    ) -> None:
        self.calm = False
        self._plan = plan
        self._timeline = timeline
        self._overlaps = overlaps
        self._breaks = breaks
        self._answered_at: dict[tuple[Writer, str], float] = {}
        self._silences: dict[tuple[Writer, str], _Silence] = {}
        self._reached_at: dict[tuple[Node, str], float] = {}
        self._reached_by: dict[tuple[Node, str, bytes], float] = {}
        self._given_up_at: dict[tuple[Writer, str], float] = {}
        self._told_at: dict[Node, float] = {}
        self._refused: set[tuple[Writer, str]] = set()

    # What happens

    def reached(self, node: Node, claim: Claimed) -> None:
        """Take in that a claim reached a node's card."""
        if not claim.probe:
            address, now = str(claim.address), self._timeline.now
            self._reached_at[node, address] = now
            self._reached_by[node, address, claim.mac] = now

    def sends(self, node: Node, frame: Gratuitous, lease: str) -> None:
        """Check what a node sends unasked."""
        address = str(frame.announcement.address)
        if frame.message is Message.PROBE:
            silence = self._silences.get((node.process, address))
            if silence is None:
                silence = self._silences[node.process, address] = _Silence()
            silence.probed_at.append(self._timeline.now)
        elif self._holds_over(node, lease):
            self._breaks("quiet", f"{node} announces {address} while it holds over")

    def gives_up(self, process: Writer, lease: str) -> None:
        """Take in that a process hands out a release or a gift."""
        self._given_up_at[process, lease] = self._timeline.now

    def told(self, node: Node, fact: Fact) -> None:
        """Take in what a process has been told by the API server, be it by its silence."""
        if getattr(fact, "why", None) is Refusal.UNAVAILABLE:
            return
        self._told_at[node] = self._timeline.now
        if isinstance(fact, LeaseRefused):
            self._refused.add((node.process, fact.name))
        elif isinstance(fact, LeaseWritten):
            self._refused.discard((node.process, fact.record.name))

    def answers(self, node: Node, address: str, lease: str, *, before: bool, yes: bool) -> None:
        """Take in whether a node answers at this step, and did at the one before."""
        if not self._plan.holds_over:
            return
        key, now = (node.process, address), self._timeline.now
        if before and not yes:
            self._silences[key] = _Silence(now)
            self._check_reason(node, address, lease)
        elif yes:
            self._answered_at[key] = now

    # The checks

    def _check_reason(self, node: Node, address: str, lease: str) -> None:
        """Was there a reason to cease?"""
        last = self._answered_at.get((node.process, address), -inf)
        told = (
            node.disturbed_at,
            self._told_at.get(node, -inf),
            self._reached_at.get((node, address), -inf),
            self._given_up_at.get((node.process, lease), -inf),
        )
        core = node.announcer
        if core is None or core.resigning or node.frozen or not node.link_up:
            return
        refused = {(node.process, name) for name in (lease, keeper(node, lease))} & self._refused
        if max(told) < last and not refused:
            self._breaks("goes on", f"{node} ceased to answer for {address} without a reason")

    def check_return(
        self, node: Node, address: str, lease: str, others: list[Machine | Host]
    ) -> None:
        """Check one that begins to answer; `others` are those that answer, too."""
        if not self._holds_over(node, lease):
            return
        silence = self._silences.get((node.process, address), _Silence())
        if silence.pause < PAUSE_SECONDS * (1 - CLOCK_ERROR):
            what = f"{len(silence.probed_at)} probes after {silence.pause:.3f} s"
            self._breaks("unasked", f"{node} answers for {address} again: {what}")
        asked_at = self._timeline.now - PROBES_SECONDS
        for other in others:
            met = max(node.disturbed_at, other.disturbed_at, self._lossless_since)
            if isinstance(other, Host):
                met = max(met, other.answers_since)
            else:
                met = max(met, self._overlaps.since(other, address))
            if other.side == node.side and met < asked_at:
                self._breaks("ask first", f"{node} answers for {address} again, as {other} does")

    def probed_at(self, node: Node, address: str) -> float:
        """When a process last probed for an address before it answers."""
        silence = self._silences.get((node.process, address))
        return silence.probed_at[-1] if silence is not None and silence.probed_at else -inf

    def excuses(self, node: Node, address: str, other: Machine, lease: str) -> float:
        """Until when the node may answer beside the other; infinity: until something is known."""
        handed_out_at = self._overlaps.accepted_at(node.process, lease)
        ends_at = self._kept_at(node, lease) + self._tenure_seconds - 2 * LEAD_SECONDS
        given_up_at = self._given_up_at.get((node.process, lease), -inf)
        # Who gave the Lease up, and got no answer to that, may come back.
        if not self._plan.holds_over or (
            self._timeline.now < ends_at and given_up_at < handed_out_at
        ):
            return -inf
        if other.side != node.side:
            return inf
        began = max(self._overlaps.since(node, address), self._overlaps.since(other, address))
        if self._reached_by.get((node, address, other.mac), -inf) >= began:
            return -inf
        met = max(node.disturbed_at, other.disturbed_at, self._lossless_since)
        if met < began:
            return began + self._plan.frame_delay + PACED_SECONDS + SLACK_SECONDS
        step_seconds = STEP_SECONDS * (1 + CLOCK_ERROR)
        return met + step_seconds + 2 * self._plan.frame_delay + SLACK_SECONDS

    # What is known

    @property
    def _tenure_seconds(self) -> float:
        return self._plan.duration_seconds * TENURE_SHARE

    @property
    def _lossless_since(self) -> float:
        """Since when no frame gets lost; everybody is moved when the segment becomes calm."""
        return inf if self._plan.lost_frames and not self.calm else -inf

    def _age(self, node: Node, lease: str) -> float:
        return self._timeline.now - self._kept_at(node, lease)

    def _kept_at(self, node: Node, lease: str) -> float:
        """When the write was handed out that stands behind a node's tenure."""
        return self._overlaps.accepted_at(node.process, keeper(node, lease))

    def _holds_over(self, node: Node, lease: str) -> bool:
        """Can there be no renewal behind the node's tenure?"""
        over = self._age(node, lease) > self._tenure_seconds * (1 + CLOCK_ERROR)
        paused = self._overlaps.stood_still(node, lease)
        return self._plan.holds_over and over and not paused
