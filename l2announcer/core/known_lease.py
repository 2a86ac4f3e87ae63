"""What this node knows of one Lease: how it is, since when, and until when its holder has it.

Its age counts from the last change that was observed, on the own clock: by rule 6 of core.election
it decides from when on the Lease is free, and by rule 9 whose it is. Which of two views is the
later one decides the Elector (rule 8).
"""

from __future__ import annotations

from math import inf

from l2announcer.core import lease
from l2announcer.core.model import Holding, LeaseRecord, Under
from l2announcer.core.terms import Terms


class KnownLease:
    """One Lease as last observed; `record` is None where there is none.

    `last_holder` is the last one that was seen, `holder_before` the one before that, `vanished`
    what the holder said if the Lease is gone. `learnt_at` is when anything was last heard of it,
    the same as before included. `vacant_at` is from when on one that is gone may be made by
    anybody. `under` is what keeps it, if its holder's heartbeat does, or did when it vanished; then
    it is free since `freed_at`, infinity for not yet, and its holder has been heard of until
    `kept_until`, which core.node_leases says.
    """

    def __init__(self) -> None:
        self.record: LeaseRecord | None = None
        self.last_holder = ""
        self.holder_before = ""
        self.vanished: Holding | None = None
        self.learnt_at = -inf
        self.vacant_at = -inf
        self.restored = False  # was it found older than it had been?
        self.counts = True  # does it keep anything from others, as it is?
        self.was_own = False  # was it this process's own when it vanished?
        self.under: Under | None = None
        self.freed_at = inf
        self._gone_version = ""  # the last at which it cannot have been there any more
        self.kept_until = inf
        self._observed_at = -inf

    def seen(self, record: LeaseRecord, now: float, *, restored: bool) -> bool:
        """Take in how it is now; False if nothing changed that any client compares."""
        known, self.record = self.record, record
        self.learnt_at = now
        if record.holder not in {"", self.last_holder}:
            self.holder_before, self.last_holder = self.last_holder, record.holder
        if known is not None and record.spec == known.spec:
            return False
        self._observed_at = now
        self.under, self.freed_at, self.kept_until = record.under, inf, inf
        self.restored = restored
        return True

    def gone(self, now: float, *, version: str, own: bool) -> None:
        """Take in that there is none; `own`: this node may make it again at once.

        `version` is as of when, "" where nobody said so.
        """
        self._gone_version = version or self.version
        known, self.record = self.record, None
        self.learnt_at = now
        self.restored = False
        self.vanished = known.holding if known is not None else self.vanished
        self.was_own = own or (known is None and self.was_own)
        if own:
            self.under = None
        elif known is not None and known.holder and self.under is None:
            self.vacant_at = now + known.duration_seconds

    @property
    def version(self) -> str:
        """As of which resourceVersion it is known, gone or not; "" is not at all."""
        return self.record.resource_version if self.record is not None else self._gone_version

    def ours(self, terms: Terms) -> bool:
        """Does it name this node, written by this incarnation of it?"""
        return (
            self.record is not None
            and not self.restored
            and self.record.holder == terms.node
            and self.record.holding is not None
            and self.record.holding.boot == terms.holding.boot
            and self.record.holding.netns == terms.holding.netns
        )

    def given(self, terms: Terms) -> bool:
        """Was it handed over to this node, which has only to take it?"""
        return not self.restored and lease.given_to(self.record) == terms.node

    @property
    def held_until(self) -> float:
        """When it runs out; now or earlier means that it's free."""
        if self.under is not None:
            return self.freed_at
        if not self.counts:
            return -inf
        if self.record is None:
            return self.vacant_at
        return self._observed_at + self.record.duration_seconds if self.record.holder else -inf

    def free_at(self, answers_again_at: float, terms: Terms) -> float:
        """From when on another than its holder may take it, before ranks.

        `answers_again_at`: a write that would have taken it got no answer; then there were answers
        again. Its holder may have fared alike (rule 14 of core.election).
        """
        if self.under is not None:
            return max(self.freed_at, self._observed_at)
        if self.record is None:
            return self.held_until
        if not self.record.holder or not self.counts:
            return self._observed_at
        attempt_seconds = terms.renew_seconds + terms.request_seconds
        attempted_at = answers_again_at + min(attempt_seconds, terms.duration_seconds)
        return max(self.held_until, attempted_at)
