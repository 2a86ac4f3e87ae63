"""What happens to a Lease that our daemon and client-go's elector share, and what is seen of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from tests.bench.failover.answers import superfluous
from tests.bench.failover.asker import Kind
from tests.bench.failover.sides import CLIENT_GO, OURS, Setup
from tests.cluster.daemon.site import SHORT, Timing
from tests.cluster.mixed.pair import MOST_BETWEEN_TRIES, Pair, Term, terms

USUAL = Timing(15, 5, 2)
BEFORE_SECONDS = 0.3
FROZEN_BEYOND_SECONDS = 3.0

Deed = Callable[[Pair, str], None]
"""Something that is done to a pair whose holder has that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One thing that happens while `holder` has the Lease."""

    key: str
    holder: str
    timing: Timing
    strike: Deed
    heal: Deed
    moves: bool
    """The other is to answer after it; else the same again, or whoever comes first."""
    dies: bool = False
    lasts: float = 0.0

    @property
    def name(self) -> str:
        """For the table."""
        return f"{self.key} {self.timing.duration}/{self.timing.renew_deadline}/" + str(
            self.timing.retry_period
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was seen; times in seconds."""

    answers: str
    """Who alone answers in the end."""
    holds: str
    """Who holds the Lease then, by the API server's word: the side's name."""
    new_holder: float | None
    """From the event to the other's first answer; None where it never answered."""
    gap: float
    doubled: int
    """Frames in which one said that it has the address while the other had it."""
    both: float
    """How long client-go's elector believed that it leads while ours answered."""


def _nothing(pair: Pair, holder: str) -> None:
    del pair, holder


def _signals(how: signal.Signals) -> Deed:
    def deed(pair: Pair, holder: str) -> None:
        pair.cluster.kill(pair.side(holder).nodes[0], how)

    return deed


def _reachable(reachable: bool) -> Deed:
    def deed(pair: Pair, holder: str) -> None:
        pair.cluster.set_reachable(pair.side(holder).nodes[0], reachable)

    return deed


def _deleted(pair: Pair, holder: str) -> None:
    del holder
    pair.delete()


def _blanked(pair: Pair, holder: str) -> None:
    del holder
    pair.edit({"holderIdentity": ""})


def _given_to_the_other(pair: Pair, holder: str) -> None:
    other = pair.other(pair.side(holder))
    pair.edit({"holderIdentity": other.nodes[0].name})


def _given_to_a_third(pair: Pair, holder: str) -> None:
    del holder
    pair.edit({"holderIdentity": "somebody"})


def scenes(holder: str, timing: Timing) -> list[Scene]:
    """Everything that can happen to a holder, with these times."""
    frozen = timing.duration + MOST_BETWEEN_TRIES * timing.retry_period + FROZEN_BEYOND_SECONDS
    stop, proceed = _signals(signal.SIGSTOP), _signals(signal.SIGCONT)
    kill, term = _signals(signal.SIGKILL), _signals(signal.SIGTERM)
    found: list[tuple[str, Deed, Deed, bool, bool, float]] = [
        ("SIGTERM", term, _nothing, True, False, 0.0),
        ("SIGKILL", kill, _nothing, True, True, 0.0),
        ("SIGSTOP, SIGCONT", stop, proceed, True, False, frozen),
        ("cut off from the API server", _reachable(False), _reachable(True), True, False, 0.0),
        ("Lease deleted", _deleted, _nothing, False, False, 0.0),
        ("Lease blanked", _blanked, _nothing, False, False, 0.0),
        ("Lease given to the other", _given_to_the_other, _nothing, True, False, 0.0),
        ("Lease given to a third", _given_to_a_third, _nothing, False, False, 0.0),
    ]
    return [
        Scene(
            key=key,
            holder=holder,
            timing=timing,
            strike=strike,
            heal=heal,
            moves=moves,
            dies=dies,
            lasts=lasts,
        )
        for key, strike, heal, moves, dies, lasts in found
    ]


SCENES = tuple(
    scene
    for timing in (SHORT, USUAL)
    for holder in (OURS, CLIENT_GO)
    for scene in scenes(holder, timing)
)


def played(pair: Pair, scene: Scene) -> Outcome:
    """Let it happen once, from a pair of which neither runs to such a one."""
    holder = pair.side(scene.holder)
    other = pair.other(holder)
    with pair.elected(holder, Setup(timing=scene.timing)):
        at = time.monotonic()
        scene.strike(pair, scene.holder)
        if scene.moves:
            patience = 2 * scene.timing.duration + 10
            pair.cluster.until(
                f"{other.name} answers", lambda: pair.first_answer(other, at), patience
            )
        time.sleep(max(0.0, at + scene.lasts - time.monotonic()))
        scene.heal(pair, scene.holder)
        _come_to_rest(pair, scene)
        until = time.monotonic()
        answers = pair.answering()
        claims = pair.answers.claims_between(at - BEFORE_SECONDS, until)
        began, ended = pair.answers.longest_gap(at - BEFORE_SECONDS, until)
        first = pair.first_answer(other, at)
        died = at if scene.dies and scene.holder == CLIENT_GO else inf
        led = terms(pair.side(CLIENT_GO), died)
        names = {side.nodes[0].name: side.name for side in pair.sides}
        return Outcome(
            answers=answers,
            holds=names.get(pair.holder(), ""),
            new_holder=None if first is None else first - at,
            gap=ended - began,
            doubled=superfluous(claims, int(answers != scene.holder)),
            both=_both(pair, led, at - BEFORE_SECONDS, until),
        )


def _come_to_rest(pair: Pair, scene: Scene) -> None:
    """Until whatever either does about it, by its own rules, is over."""
    timing = scene.timing
    time.sleep(2 * timing.renew_deadline + MOST_BETWEEN_TRIES * timing.retry_period)
    pair.cluster.until("one answers", pair.answering)


def _both(pair: Pair, led: list[Term], since: float, until: float) -> float:
    """From the first to the last answer of ours within each term of the other, added up."""
    mac = pair.side(OURS).nodes[0].mac
    total = 0.0
    for term in led:
        begins, ends = max(since, term.began), min(until, term.ended)
        times = [
            each.at
            for each in pair.answers.claims_between(begins, ends)
            if each.mac == mac and each.kind is Kind.ANSWERED
        ]
        total += times[-1] - times[0] if times else 0.0
    return total
