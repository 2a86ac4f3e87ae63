"""What the calls about one Lease have met: what is wrong, what to ask, when to try again."""

from __future__ import annotations

from math import inf

from l2announcer.core import lease
from l2announcer.core.facts import Refusal
from l2announcer.core.hand_outs import Purpose

RETRY_SECONDS = 2.0
TAKING = frozenset({Purpose.TAKE, Purpose.FENCE})
RELEASE_RETRY_SECONDS = 0.5  # a process that stops has little time, and must not hammer either


class Attempts:
    """One Lease's. `problem` is what stands in the way, in a sentence; empty for nothing.

    `retry_at` is before when no write or read is made, `answers_again_at` when there was an answer
    again after a write that would have taken the Lease had got none. `in_vain`: such a write was
    not accepted, and the Lease has not been seen to be another since.
    """

    def __init__(self, name: str) -> None:
        self.problem = ""
        self.retry_at = -inf
        self.answers_again_at = -inf
        self.in_vain = False
        self.reading = False
        self.read_asked_at = -inf
        self._name = name
        self._must_read = False
        self._take_unanswered = False

    def written(self) -> None:
        """Take in that a write was accepted."""
        self.problem = ""

    def changed(self) -> None:
        """Take in that the Lease is seen to be another: who has it by now is known."""
        self._take_unanswered = self.in_vain = False

    def refused(self, purpose: Purpose, why: Refusal, now: float, *, made: bool) -> None:
        """Take in that a write was not accepted; `made`: there was a Lease to write."""
        giving = purpose is Purpose.TRANSFER
        self.in_vain |= purpose is Purpose.TAKE
        match why:
            case Refusal.CONFLICT:
                # A lost race says nothing of the winner; a read does, also where the watch lags.
                self._must_read = True
            case Refusal.MISSING:
                if not made:
                    self.problem = lease.NO_NAMESPACE.format(self._name)
                    self.retry_at = now + RETRY_SECONDS
            case Refusal.INVALID | Refusal.DENIED:
                self.problem = f"the API server refuses writes of Lease {self._name}: {why.value}"
                self.retry_at = now if giving else now + RETRY_SECONDS
                # credentials that ran out, or a server that is starting: its holder is denied too
                self._take_unanswered |= why is Refusal.DENIED and purpose in TAKING
            case Refusal.UNAVAILABLE:
                self.problem = f"no answer from the API server to a write of Lease {self._name}"
                self._must_read |= giving
                if purpose not in {Purpose.TAKE, Purpose.RENEW}:
                    self.retry_at = now + RELEASE_RETRY_SECONDS
                self._take_unanswered |= purpose in TAKING

    def begin_read(self, now: float) -> None:
        """Take in that a read is handed out."""
        self._must_read, self.reading, self.read_asked_at = False, True, now

    def read(self, why: Refusal | None, now: float) -> None:
        """Take in the outcome of the read; `why` if there was no answer."""
        self.reading = False
        if why is not None:
            self._must_read = True
            self.retry_at = now + RETRY_SECONDS
        elif self._take_unanswered:
            self._take_unanswered, self.answers_again_at = False, now

    def owes_read(self, *, wished: bool) -> bool:
        """Is the Lease to be read before anything is written? `wished`: it's to be taken."""
        return self._must_read or (self._take_unanswered and wished)
