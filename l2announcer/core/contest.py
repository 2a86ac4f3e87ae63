"""One Lease with the Services that it stands for: elected together, each announced by itself.

Mostly that is one Service. Two can come to share a Lease's name, and then only together. Services
that share an address have several Leases: contests that stand together, as a group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf

from l2announcer.core.answers import Grant
from l2announcer.core.candidacy import Candidacy
from l2announcer.core.company import Company, Part
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
    answered for), `held_over` of it, `grants` and `watched` are as of the last poll. `group` are
    all that stand together, this one among them, in the order of the Leases' names; `company` are
    their Electors, and `part` is what the node does about this one for the sake of the others.
    """

    def __init__(self, lease: str, *, standing: bool = False, strict: bool = False) -> None:
        self.elector = Elector(lease)
        self.elector.tenure.strict = strict
        self.hand_over = HandOver(self.elector)
        self.group: tuple[Contest, ...] = (self,)
        self.company = Company([self.elector])
        self.part: Part | None = None
        self.candidacies: dict[Key, Candidacy] = {}
        self.held: frozenset[Key] = frozenset()
        self.held_over: frozenset[Key] = frozenset()
        self.grants: list[Grant] = []
        self.watched: list[Announcement] = []
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
            candidacy.company = self.company
        if candidacy is not None:
            before = self.services
            candidacy.selection = selection
            candidacy.service = service or candidacy.service
            self.group[0].hand_over.compare(before, self.services)

    def stand_together(self, group: tuple[Contest, ...], company: Company) -> None:
        """Be held with these others from now on; `company` are the Electors of all."""
        self.group, self.company = group, company
        for candidacy in self.candidacies.values():
            candidacy.company = company

    def stand_alone(self) -> None:
        """Be held without others from now on."""
        if len(self.group) > 1:
            self.stand_together((self,), Company([self.elector]))

    def wish(
        self, *, known: bool, resigning: bool, kept: bool = False, part: Part | None = None
    ) -> None:
        """Say what the node wants of the Lease; `known`: one of its Services still exists.

        One that the heartbeat has `kept` is free as soon as that is released.
        A Lease whose Services vanished is not released: another node may not know it yet. Nor is
        one while it isn't known whether this node can serve them. `part` is given where the node
        contests a group: every Lease of it is wanted, whatever it stands for.
        """
        self.part = part
        wanted = self.standing or part is not None
        wanted = wanted or any(c.selection.announcements for c in self.candidacies.values())
        if wanted and not resigning and part is not Part.LEAVE:
            self.elector.want(Wish.HOLD)
        elif resigning and kept:
            self.elector.want(Wish.ABANDON)
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

    def begin_again(self, now: float) -> bool:
        """Check what is answered for anew before it is relied upon; False where nothing is.

        Not while the API server gives no answer: then there is nobody to ask.
        """
        unsure = self.company.right.holding_over or self.company.problem
        if unsure or not self.company.right.valid(now) or not self.candidacies:
            return False
        for candidacy in self.candidacies.values():
            candidacy.begin_again()
        return True

    def announce_again(self, interfaces: Iterable[str], now: float) -> None:
        """Tell neighbours anew: what they learnt on these interfaces may not be so any more."""
        for candidacy in self.candidacies.values():
            candidacy.announce_again(interfaces, now)

    def interrupted(self, interfaces: Iterable[str]) -> None:
        """Take in that these interfaces had no carrier for a moment."""
        for candidacy in self.candidacies.values():
            candidacy.interrupted(interfaces)

    def move(self, now: float, terms: Terms, moving: Moving, stance: Callable[[], Stance]) -> None:
        """Take part in hand-overs, before poll; `standing` ones never move.

        Of a group the first Lease moves, and the rest follows whoever has it.
        """
        if self.standing:
            return
        if self is not self.group[0]:
            self.hand_over.stand_back(moving)
            return
        candidacies = [each for one in self.group for each in one.candidacies.values()]
        if not self.elector.transferring:  # a gift that is made once more is as settled as before
            self.hand_over.settled = all(each.settled for each in candidacies)
        self.hand_over.poll(now, terms, moving, stance)
        for candidacy in candidacies:
            candidacy.preparation.active = self.hand_over.wants
        ready = all(each.preparation.ready(now) for each in candidacies)
        self.elector.intent.asks = self.hand_over.wants and ready

    def elect(self, now: float, wall: float, terms: Terms, out: Effects) -> None:
        """Add what is to be done about the Lease now."""
        if self._strict:
            terms = replace(terms, holds_over=False)
        call = self.elector.poll(now, wall, terms)
        if call is not None:
            out.calls.append(call)

    def poll(self, now: float, terms: Terms, out: Effects) -> list[Key]:
        """Add what is to be done for the Services now; those to be read.

        To be called once `elect` was, for all of the group.
        """
        if self._strict:
            terms = replace(terms, holds_over=False)
        owed = [key for key, each in self.candidacies.items() if each.poll(now, terms, out)]
        self.candidacies = {
            key: each for key, each in self.candidacies.items() if each.selection.announcements
        }
        candidacies = self.candidacies.values()
        right = self.company.right
        self.held = frozenset(self.candidacies) if right.valid(now) else frozenset()
        self.held_over = self.held if right.holding_over else frozenset()
        self.grants = [grant for each in candidacies for grant in each.grants]
        self.watched = [announcement for each in candidacies for announcement in each.watched]
        return owed

    def wake_at(self, now: float, terms: Terms) -> float:
        """When there is something to do, if no fact comes before; to be asked after all polls."""
        if self._strict:
            terms = replace(terms, holds_over=False)
        elector = self.elector
        wake_at = min(elector.wake_at(now, terms), self.hand_over.wake_at)
        wake_at = min(wake_at, *(each.wake_at for each in self.candidacies.values()), inf)
        # That it runs out concerns the others of its group, whatever this node wants of it.
        matters = elector.record is None or len(self.group) > 1
        return min(wake_at, elector.held_until) if matters and elector.held_until > now else wake_at

    @property
    def at_rest(self) -> bool:
        """Is there nothing under way that takes all of the group?"""
        return not self.hand_over.wants and all(c.at_rest for c in self.candidacies.values())

    @property
    def services(self) -> list[Service]:
        """Those that it stands for here, in the order of their names."""
        return [each.service for _, each in sorted(self.candidacies.items())]

    @property
    def electorate(self) -> list[Service]:
        """All that are elected together with those, themselves included."""
        return [service for contest in self.group for service in contest.services]

    @property
    def group_name(self) -> str:
        """The Lease by which nodes are ranked for all of the group."""
        return self.group[0].elector.name

    def idle(self, now: float) -> bool:
        """Is there nothing left to follow, or to remember?"""
        followed = self.standing or self.candidacies or self._pending
        return not followed and self.elector.idle(now)
