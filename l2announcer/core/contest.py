"""One Lease with the Services that it stands for: elected together, each announced by itself.

Mostly that is one Service. Two can come to share a Lease's name, and then only together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf

from l2announcer.core.answers import Grant
from l2announcer.core.candidacy import Candidacy
from l2announcer.core.effects import Effects
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import Claimed
from l2announcer.core.hand_over import HandOver, Stance
from l2announcer.core.model import Announcement, Key, Service
from l2announcer.core.moves import Moving
from l2announcer.core.selection import Selection
from l2announcer.core.terms import Terms


class Contest:
    """One Lease with its candidacies. `standing` ones are wanted whatever the Services.

    A `strict` one is never held over: no segment would tell of another holder. `held` (what may be
    answered for), `held_over` of it, `grants`, `watched` and `wake_at` are as of the last poll.
    """

    def __init__(self, lease: str, *, standing: bool = False, strict: bool = False) -> None:
        self.elector = Elector(lease)
        self.hand_over = HandOver(self.elector)
        self.candidacies: dict[Key, Candidacy] = {}
        self.held: frozenset[Key] = frozenset()
        self.held_over: frozenset[Key] = frozenset()
        self.grants: list[Grant] = []
        self.watched: list[Announcement] = []
        self.wake_at = inf
        self._pending: set[Key] = set()  # Services that this node may come to announce
        self.standing = standing
        self._strict = strict

    def follow(self, key: Key, service: Service | None, selection: Selection) -> None:
        """Take in what this node would announce for a Service; None is a Service that's gone."""
        if selection.pending:
            self._pending.add(key)
        else:
            self._pending.discard(key)
        candidacy = self.candidacies.get(key)
        if candidacy is None and service is not None and selection.announcements:
            candidacy = self.candidacies[key] = Candidacy(service, self.elector)
        if candidacy is not None:
            before = self.services
            candidacy.selection = selection
            candidacy.service = service or candidacy.service
            self.hand_over.compare(before, self.services)

    def wish(self, *, known: bool, resigning: bool) -> None:
        """Say what the node wants of the Lease; `known`: one of its Services still exists.

        A Lease whose Services vanished is not released: another node may not know it yet. Nor is
        one while it isn't known whether this node can serve them.
        """
        selected = any(c.selection.announcements for c in self.candidacies.values())
        if (selected or self.standing) and not resigning:
            self.elector.want(Wish.HOLD)
        elif self.standing or (known and (resigning or not self._pending)):
            self.elector.want(Wish.RELEASE)
        else:
            self.elector.want(Wish.ABANDON)

    def claimed(self, claim: Claimed, now: float) -> bool:
        """Take in a claim; False when it's about nothing of this contest."""
        about = Announcement(claim.address, claim.interface)
        concerned = [
            candidacy
            for candidacy in self.candidacies.values()
            if about in candidacy.selection.announcements
        ]
        for candidacy in concerned:
            candidacy.claimed(claim, now)
        return bool(concerned)

    def announce_again(self, interfaces: Iterable[str], now: float) -> None:
        """Tell neighbours anew: what they learnt on these interfaces may not be so any more."""
        for candidacy in self.candidacies.values():
            candidacy.announce_again(interfaces, now)

    def interrupted(self, interfaces: Iterable[str]) -> None:
        """Take in that these interfaces had no carrier for a moment."""
        for candidacy in self.candidacies.values():
            candidacy.interrupted(interfaces)

    def move(self, now: float, terms: Terms, moving: Moving, stance: Callable[[], Stance]) -> None:
        """Take part in hand-overs of the Lease, before poll; `standing` ones never move."""
        if self.standing:
            return
        if not self.elector.transferring:  # a gift that is made once more is as settled as before
            self.hand_over.settled = all(each.settled for each in self.candidacies.values())
        self.hand_over.poll(now, terms, moving, stance)
        for candidacy in self.candidacies.values():
            candidacy.preparation.active = self.hand_over.wants
        ready = all(each.preparation.ready(now) for each in self.candidacies.values())
        self.elector.asks = self.hand_over.wants and ready

    def poll(self, now: float, wall: float, terms: Terms, out: Effects) -> list[Key]:
        """Add what is to be done now; the Services to be read."""
        if self._strict:
            terms = replace(terms, holds_over=False)
        call = self.elector.poll(now, wall, terms)
        if call is not None:
            out.calls.append(call)
        owed = [key for key, each in self.candidacies.items() if each.poll(now, terms, out)]
        self.candidacies = {
            key: each for key, each in self.candidacies.items() if each.selection.announcements
        }
        candidacies = self.candidacies.values()
        tenure = self.elector.tenure
        self.held = frozenset(self.candidacies) if tenure.valid(now) else frozenset()
        self.held_over = self.held if tenure.holding_over else frozenset()
        self.grants = [grant for each in candidacies for grant in each.grants]
        self.watched = [announcement for each in candidacies for announcement in each.watched]
        wake_ats = [each.wake_at for each in candidacies]
        own_at = min(self.elector.wake_at(now, terms), self.hand_over.wake_at)
        self.wake_at = min(own_at, *wake_ats, inf)
        if self.elector.record is None and self.elector.held_until > now:
            self.wake_at = min(self.wake_at, self.elector.held_until)
        return owed

    @property
    def services(self) -> list[Service]:
        """Those that it stands for here, in the order of their names."""
        return [each.service for _, each in sorted(self.candidacies.items())]

    def idle(self, now: float) -> bool:
        """Is there nothing left to follow, or to remember?"""
        followed = self.standing or self.candidacies or self._pending
        return not followed and self.elector.idle(now)
