"""Past a tenure's end, while the API server gives no answer: whether to go on answering.

A holder that gets no answer has not learnt that it lost. Falling silent would take every address
down together with the control plane. So it goes on, and what keeps two nodes apart meanwhile is
the segment itself.

Rules of this file (14 of core.election):
- Only a lack of answers prolongs. What a renewal meets, and what it means:
    time-out, refused, reset, TLS, 429, 5xx    no answer
    no outcome for a while                     no answer yet
    409                                        no answer, for one request time-out: a read will tell
    401, 403                                   no answer, for 30 s: a server that starts denies all
    404, 400, 422                              an answer
  An accepted write ends it, and so does a newer spec of the Lease from anybody else.
- The tenure is moved by a second at most, and only while it still stands: a poll that comes later
  (a frozen process, a loop that is stuck) finds it over.
- What was interrupted by such a missed step, by giving way to another station, or by a lost
  carrier is silent, and comes back by core.comeback alone: only while the Lease as last known still
  names this incarnation, the node wants it, and there is still no answer.
- A conflict that no read explains in time is silence too; but it may have been a write of our own
  whose answer was lost, so the way back is open. Once the segment gave leave, it counts as none.
- A limit, where one is set, ends it for good, until a write is accepted.
"""

from __future__ import annotations

from enum import Enum
from math import ceil, inf

from l2announcer.core.facts import Refusal
from l2announcer.core.tenure import Tenure
from l2announcer.core.terms import Terms

STEP_SECONDS = 1.0
LEAD_SECONDS = 0.5  # how long before a step ends the next one is made; so late may a poll be
STEPS_APART_SECONDS = 0.05  # many Leases make their steps in one poll
WHILE_SECONDS = 0.5  # without an outcome; a request that is answered takes less
DENIED_SECONDS = 30.0


class _Word(Enum):
    """What the API server said last about a write of the Lease."""

    ANSWER = "an answer"
    NOTHING = "nothing"
    CONFLICT = "conflict"
    DENIAL = "denial"


class Interruption(Enum):
    """Why a node that held over fell silent."""

    GAVE_WAY = "another station said that it has the address"
    MISSED = "this process was stopped for a moment"


class HoldOver:
    """One Lease's. `since` is when it began, infinity while a renewal stands behind the tenure.

    `interruptions` counts how often it was interrupted since, `interruption` is the last one.
    """

    def __init__(self) -> None:
        self.since = inf
        self.interruptions = 0
        self.interruption: Interruption | None = None
        self._word = _Word.ANSWER
        self._word_at = -inf  # when it was first said

    def answered(self) -> None:
        """Take in that a write was accepted, or that somebody else's was seen."""
        self.since = inf
        self.interruptions, self.interruption = 0, None
        self._hear(_Word.ANSWER, -inf)

    def refused(self, why: Refusal, now: float) -> None:
        """Take in the outcome of a write that was not accepted."""
        match why:
            case Refusal.UNAVAILABLE:
                self._hear(_Word.NOTHING, now)
            case Refusal.CONFLICT:
                self._hear(_Word.CONFLICT, now)
            case Refusal.DENIED:
                self._hear(_Word.DENIAL, now)
            case Refusal.MISSING | Refusal.INVALID:
                self._hear(_Word.ANSWER, now)

    def step(self, tenure: Tenure, now: float, asked_at: float, terms: Terms) -> None:
        """Prolong a tenure that ends soon, or take in that a step was missed.

        `asked_at` is when the write under way was handed out, infinity when there is none.
        """
        if not tenure.valid(now):
            if tenure.holding_over:
                missed = tenure.until > -inf
                self.interruption = Interruption.MISSED if missed else Interruption.GAVE_WAY
                self.interruptions += 1
        elif tenure.until - now <= LEAD_SECONDS and self.away(now, asked_at, terms):
            self.begin(tenure, now, terms)

    def begin(self, tenure: Tenure, now: float, terms: Terms) -> None:
        """Answer for one step from now on."""
        self.since = min(self.since, now)
        tenure.hold_over(min(now + STEP_SECONDS, self._ends_at(terms)))

    def come_back(self, tenure: Tenure, now: float, terms: Terms) -> None:
        """Answer again by the segment's leave: nobody else was heard."""
        if self._word is _Word.CONFLICT:
            self._hear(_Word.NOTHING, now)
        self.begin(tenure, now, terms)

    def may_come_back(self, now: float, asked_at: float, terms: Terms) -> bool:
        """Is there reason to answer again, if the segment gives leave?"""
        within = terms.holds_over and now < self._ends_at(terms)
        return (within and self._word is _Word.CONFLICT) or self.away(now, asked_at, terms)

    def away(self, now: float, asked_at: float, terms: Terms) -> bool:
        """Does the API server give no answer, so that there is reason to hold over?"""
        if not terms.holds_over or now >= self._ends_at(terms):
            return False
        match self._word:
            case _Word.NOTHING:
                return True
            case _Word.CONFLICT:
                return now < self._word_at + terms.request_seconds
            case _Word.DENIAL:
                return now < self._word_at + DENIED_SECONDS
            case _Word.ANSWER:
                return now >= asked_at + WHILE_SECONDS

    def wake_at(self, tenure: Tenure, now: float, asked_at: float, terms: Terms) -> float:
        """When the next step is due, or a write has been under way for a while."""
        if not terms.holds_over:
            return inf
        wake_at = asked_at + WHILE_SECONDS if now < asked_at + WHILE_SECONDS else inf
        if now < tenure.until - LEAD_SECONDS < inf:
            steps = ceil((tenure.until - LEAD_SECONDS) / STEPS_APART_SECONDS)
            wake_at = min(wake_at, steps * STEPS_APART_SECONDS)
        return wake_at

    def _hear(self, word: _Word, now: float) -> None:
        if word is not self._word:
            self._word, self._word_at = word, now

    def _ends_at(self, terms: Terms) -> float:
        return self.since + (terms.hold_over_limit_seconds or inf)
