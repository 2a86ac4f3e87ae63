"""One Service on this node: from being selected over holding its Lease to announcing it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import partial
from math import inf

from l2announcer.core.announcing import Announcing
from l2announcer.core.answers import Grant
from l2announcer.core.comeback import Comeback, pause_seconds
from l2announcer.core.company import Company
from l2announcer.core.effects import Effects, Event, Transition
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import Claimed
from l2announcer.core.first_answer import AHEAD_SECONDS, FirstAnswer
from l2announcer.core.model import Announcement, Key, Kind, Service
from l2announcer.core.predecessor import Kind as Predecessor
from l2announcer.core.preparation import Preparation
from l2announcer.core.selection import Selection
from l2announcer.core.terms import Terms
from l2announcer.core.waiting import why_not_held

LEASE_PREFIX = "cilium-l2announce-"
CONFLICT_REPORT_SECONDS = 60.0


def lease_name(key: Key) -> str:
    """The name that Cilium gives to a Service's Lease. Whose it is of two, core.claims says."""
    return f"{LEASE_PREFIX}{key.namespace}-{key.name}"


class State(Enum):
    """Where a Service stands on this node."""

    NOT_SELECTED = "not selected"
    CANDIDATE = "candidate"
    CHECKING = "checking"
    IN_DOUBT = "in doubt"
    ADDRESS_IN_USE = "address in use"
    ANNOUNCING = "announcing"
    HOLDING_OVER = "holding over"
    RETURNING = "returning"
    RESIGNED = "resigned"


_BAD = {State.ADDRESS_IN_USE, State.HOLDING_OVER, State.RETURNING}


class Candidacy:
    """Follows one Service; the Elector of its Lease is given, since two Services may share it.

    `company` are the Leases that must be held for it, its own among them.
    """

    def __init__(self, service: Service, elector: Elector) -> None:
        self.service = service
        self.elector = elector
        self.company = Company([elector])
        self.selection = Selection()
        self.conflict = ""  # the last one heard of, in a sentence
        self.preparation = Preparation()
        self._announcing: Announcing | None = None
        self._was_valid = False  # the tenure, after the last poll
        self._ahead_since: float | None = None  # when checks began that no tenure has followed yet
        self._held_over_since = inf
        self._reported: dict[tuple[Announcement, str], float] = {}
        self._logged: tuple[State, str] = (State.NOT_SELECTED, "")

    def claimed(self, claim: Claimed, now: float) -> None:
        """Take in that another station says it has an address, or asks before it takes one."""
        if self._announcing is not None:
            self._announcing.claimed(claim, now)

    def read(self, *, answered: bool, now: float) -> None:
        """Take in the outcome of the read that poll asked for."""
        if self._announcing is not None:
            self._announcing.read(answered=answered, now=now)
        else:
            self.preparation.read(answered=answered, now=now)

    def begin_again(self) -> None:
        """Be silent until it has gone through everything that comes before the first answer."""
        self._announcing = None

    def announce_again(self, interfaces: Iterable[str], now: float) -> None:
        """Tell neighbours anew: what they learnt on these interfaces may not be so any more."""
        if self._announcing is not None:
            self._announcing.announce_again(interfaces, now)

    def interrupted(self, interfaces: Iterable[str]) -> None:
        """Take in that these interfaces had no carrier for a moment."""
        if self._announcing is not None:
            self._announcing.interrupted(interfaces)

    def poll(self, now: float, terms: Terms, out: Effects) -> bool:
        """Advance; add frames, Events and transitions. True: the Service is to be read."""
        company = self.company
        valid = company.right.valid(now)
        ahead = not valid and company.taking(now)
        self._note_hold_over(now, terms, out)
        if not (valid or ahead or company.returning(now, terms)):
            self._announcing = self._ahead_since = None
            self.preparation.want(self.selection.announcements)
            self._log(now, terms, out)
            return self.preparation.take_read(now)
        announcing = self._announcing
        if announcing is None or not self._goes_on(now, valid=valid, ahead=ahead):
            announcing = self._announcing = self._begin(now, terms)
            self._ahead_since = now
        announcing.tenure = company.right
        announcing.want(self.selection.announcements)
        if ahead:
            announcing.look_ahead(now, out)
            self._log(now, terms, out)
            return announcing.take_read(now)
        self._ahead_since = None
        new = announcing.poll(now, company.renewed_at, out)
        if not valid and announcing.answered:
            company.come_back(now, terms)
        self._was_valid = company.right.valid(now)
        for announcement, mac in announcing.conflicts.items():
            self._report_conflict(announcement, mac, now, out)
        announcing.conflicts.clear()
        if new:
            pairs = ", ".join(f"{a.address} on {a.interface}" for a in new)
            whence = self._whence() if new == announcing.answered else ""
            self._tell(out, "Announced", f"this node answers for {pairs}{whence}", warning=False)
        if announcing.in_doubt:
            company.hurry()
        self._log(now, terms, out)
        return announcing.take_read(now)

    def _goes_on(self, now: float, *, valid: bool, ahead: bool) -> bool:
        """Does what was begun still count? Of checks made ahead of the tenure for a moment only."""
        if self._ahead_since is not None:
            return ahead or (valid and now < self._ahead_since + AHEAD_SECONDS)
        return not ahead and valid is self._was_valid

    def _begin(self, now: float, terms: Terms) -> Announcing:
        company = self.company
        checks = FirstAnswer(
            since=now,
            lease_seconds=terms.duration_seconds,
            predecessor=company.predecessor,
            announce_in_use=terms.announce_in_use,
            prepared=self.preparation.take(now),
        )
        who = f"{terms.node}/{terms.holding.boot}/{self.elector.name}"
        comeback = Comeback(partial(pause_seconds, who), company.interruptions)
        return Announcing(company.right, checks, terms.schedule, comeback)

    def _whence(self) -> str:
        """From whom it got the Lease, where that was planned."""
        if self.elector.predecessor.kind is not Predecessor.GIVER:
            return ""
        return f", handed over by {self.elector.known.holder_before}"

    def _note_hold_over(self, now: float, terms: Terms, out: Effects) -> None:
        """Tell of it once it is over: before, the API server takes no Event."""
        since, before = self.elector.held_over_since(terms), self._held_over_since
        self._held_over_since = since
        if before < since:
            sentence = (
                "the API server gave no answer for longer than a Lease lasts; this node answered on"
                f" without one, for {now - before:.0f} s at most"
            )
            self._tell(out, "HeldOver", sentence, warning=True)

    @property
    def settled(self) -> bool:
        """Is all answered for that is selected, or just was? No foreign host has it, then."""
        announcing = self._announcing
        if announcing is None or announcing.watched:
            return False
        return set(self.selection.announcements) <= set(announcing.answered)

    @property
    def at_rest(self) -> bool:
        """Is there nothing that other Leases of its company have to do with now?"""
        if self._announcing is None:
            return not self.preparation.active
        return self.settled and self._was_valid and not self._announcing.in_doubt

    @property
    def grants(self) -> list[Grant]:
        """What is answered for, as long as the tenure lasts."""
        if self._announcing is None:
            return []
        return [Grant(each, self.company.right) for each in self._announcing.answered]

    @property
    def watched(self) -> list[Announcement]:
        """What is being checked: claims for it must be heard, answers not given."""
        return self._announcing.watched if self._announcing else self.preparation.watched

    @property
    def wake_at(self) -> float:
        return self._announcing.wake_at if self._announcing else self.preparation.wake_at

    def state(self, now: float, terms: Terms) -> tuple[State, str]:
        """Where the Service stands here, and one sentence that says why."""
        if not self.selection.announcements:
            return State.NOT_SELECTED, "; ".join(str(reason) for reason in self.selection.reasons)
        if self.company.left_because:
            return State.CANDIDATE, self.company.left_because
        if self.elector.wish is not Wish.HOLD:
            return State.RESIGNED, "this node is stopping and gives up its Leases"
        announcing = self._announcing
        if self.company.returning(now, terms):
            return State.RETURNING, self._why_returning()
        if not self.elector.tenure.valid(now):
            leaving = terms.holding.leaving or bool(self.selection.leaving)
            return State.CANDIDATE, why_not_held(self.elector, now, terms, leaving=leaving)
        if not self.company.right.valid(now):
            return State.CANDIDATE, self.company.why_not(now, terms)
        if self.company.right.holding_over:
            return State.HOLDING_OVER, self._what_is_held_over()
        if announcing is not None and announcing.answered:
            pairs = (f"{a.address} on {a.interface}" for a in announcing.answered)
            return State.ANNOUNCING, ", ".join(pairs)
        if announcing is not None and announcing.in_use:
            found = announcing.in_use.items()
            hosts = ", ".join(f"{a.address} on {a.interface} by {mac}" for a, mac in found)
            return State.ADDRESS_IN_USE, f"another host answers for {hosts}; it must give it up"
        if announcing is not None and announcing.in_doubt:
            sentence = "another station says that it has the address; whether the Lease and the"
            return State.IN_DOUBT, f"{sentence} Service are still ours is being checked"
        return State.CHECKING, "Lease held; the Service is read again and the address probed"

    def _what_is_held_over(self) -> str:
        answered = self._announcing.answered if self._announcing is not None else []
        pairs = ", ".join(f"{a.address} on {a.interface}" for a in answered)
        return (
            f"the API server gives no answer to renewals of Lease {self.elector.name}; until it"
            f" does, or another node claims it, this one answers for {pairs or 'nothing yet'}"
        )

    def _why_returning(self) -> str:
        interruption = self.company.interruption
        why = interruption.value if interruption is not None else "the right to answer ended"
        return (
            f"{why}, and the API server gives no answer to renewals of Lease {self.elector.name};"
            " this node answers again when nobody else says that the address is there"
        )

    def _report_conflict(
        self, announcement: Announcement, mac: str, now: float, out: Effects
    ) -> None:
        """Tell of a foreign host, once a minute for each address and MAC."""
        sentence = (
            f"another host with MAC {mac} says on {announcement.interface} that it has"
            f" {announcement.address}; give one of the two another address"
        )
        self.conflict = sentence
        if now < self._reported.get((announcement, mac), -inf) + CONFLICT_REPORT_SECONDS:
            return
        recent = {k: at for k, at in self._reported.items() if now < at + CONFLICT_REPORT_SECONDS}
        self._reported = {**recent, (announcement, mac): now}
        keys = {
            "service": str(self.service.key),
            "address": str(announcement.address),
            "interface": announcement.interface,
        }
        out.transitions.append(Transition("address conflict", sentence, keys, warning=True))
        self._tell(out, "AddressConflict", sentence, warning=True)

    def _tell(self, out: Effects, reason: str, message: str, *, warning: bool) -> None:
        key, uid = self.service.key, self.service.uid
        out.events.append(Event(Kind.SERVICE, key, uid, reason, message, warning=warning))

    def _log(self, now: float, terms: Terms, out: Effects) -> None:
        state, why = self.state(now, terms)
        if (state, why) == self._logged:
            return
        self._logged = (state, why)
        keys = {"service": str(self.service.key), "lease": self.elector.name}
        if self.elector.record is not None:
            keys["holder"] = self.elector.record.holder
        warning = state in _BAD or bool(self.elector.problem)
        out.transitions.append(Transition(state.value, why, keys, warning=warning))
