"""Who is looked at in one poll, what each does for its group, and on which terms.

Rules of this file:
- What a node does about one Lease of a group depends on who holds the rest. So when what one Lease
  has to say to the others changed, all are looked at; a mere renewal concerns that Lease alone.
- Every Lease that a contested group lacks is followed here too, whether or not it exists yet, and
  whether or not anything is announced by it.
- All wishes come before all calls: what is to be silent is silent before anything is handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from l2announcer.core.budget import Budget
from l2announcer.core.company import Company, Part, lead, left_because, part, terms_of
from l2announcer.core.contest import Contest
from l2announcer.core.election import Elector
from l2announcer.core.eligibility import Eligibility
from l2announcer.core.hand_over import Stance
from l2announcer.core.resignation import Resignation
from l2announcer.core.roster import Roster, preferred_node
from l2announcer.core.selections import Selections
from l2announcer.core.terms import Terms

Posture = tuple[str, bool, bool, bool, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """Who says on which terms a Lease is contested, and where the nodes stand for it."""

    budget: Budget
    roster: Roster
    eligibility: Eligibility

    def terms_for(self, contest: Contest, terms: Terms, now: float) -> Terms:
        """The terms on which a Lease is contested in this very poll."""
        elector = contest.elector
        terms = self.budget.terms_for(elector, terms)
        if contest.part is not Part.TAKE_AT_ONCE and elector.awaits_turn(now, terms):
            services = contest.electorate
            terms = self.roster.terms_for(elector, contest.group_name, services, terms, now)
        return terms_of(contest.part, self.eligibility.terms_for(contest, terms))

    def stance(self, contest: Contest, now: float) -> Stance:
        """Where the nodes stand for one Lease."""
        services = contest.electorate
        order = self.roster.order(contest.group_name, services, now)
        return Stance(order=order, preferred=preferred_node(services))


@dataclass(slots=True, kw_only=True)
class _Gathering:
    """A group as it was when all of it was looked at last; `whole` while it is being looked at."""

    group: tuple[Contest, ...]
    members: tuple[str, ...]
    terms: Terms
    resigning: bool
    room: bool
    missing: int
    postures: dict[str, Posture]
    at_rest: bool = True
    whole: bool = True


class RollCall:
    """Gives each of `contests` its company and its part in it; `find` makes what is missing."""

    def __init__(
        self,
        contests: Mapping[str, Contest],
        find: Callable[[str], Contest],
        selections: Selections,
        budget: Budget,
        resignation: Resignation,
    ) -> None:
        self._contests = contests
        self._find = find
        self._selections = selections
        self._budget = budget
        self._resignation = resignation
        self._gatherings: dict[str, _Gathering] = {}  # by each of their Leases

    def take(
        self, names: Iterable[str], now: float, terms: Terms, *, resigning: bool
    ) -> list[Contest]:
        """Say for each of these, and for whom it concerns, what the node wants; all of them."""
        groups, contested = self._selections.groups, self._selections.contested
        parts: dict[str, Part | None] = {}
        for name in names:
            if name in parts:
                continue
            members = groups.members(name) if name in contested else (name,)
            if len(members) == 1:
                self._gatherings.pop(name, None)
                self._find(name).stand_alone()
                parts[name] = None
            elif self._concerns_itself(name, members, now, terms, resigning=resigning):
                parts[name] = self._find(name).part
            else:
                parts |= self._gather(members, now, terms, resigning=resigning)
        called = [(self._find(name), its_part) for name, its_part in sorted(parts.items())]
        for contest, its_part in called:
            known = groups.known(contest.elector.name)
            among = self._contests.values()
            goes = resigning and self._resignation.gives_up(contest, among, terms, now)
            kept = terms.node_leases and contest.elector.known.under is not None
            contest.wish(known=known, resigning=goes, kept=kept, part=its_part)
        return [contest for contest, _ in called]

    def close(self, called: Iterable[Contest]) -> set[str]:
        """Take in that these were polled: whose whole group is to be looked at right now."""
        uneasy: set[str] = set()
        known = [(each, self._gatherings.get(each.elector.name)) for each in called]
        for contest, gathering in known:
            if gathering is not None and not contest.at_rest:
                gathering.at_rest = False
                if not gathering.whole:
                    uneasy.add(contest.elector.name)
        for _, gathering in known:
            if gathering is not None:
                gathering.whole = False
        return uneasy

    def _concerns_itself(
        self, name: str, members: tuple[str, ...], now: float, terms: Terms, *, resigning: bool
    ) -> bool:
        """Has what happened to one Lease of a group nothing to do with the others?"""
        gathering, contest = self._gatherings.get(name), self._find(name)
        return (
            gathering is not None
            and gathering.members is members
            and gathering.group is contest.group
            and gathering.terms is terms
            and gathering.resigning is resigning
            and gathering.at_rest
            and contest.at_rest
            and gathering.postures[name] == _posture(contest.elector, now, terms)
            and gathering.room is self._budget.has_room(gathering.missing, terms)
        )

    def _gather(
        self, members: tuple[str, ...], now: float, terms: Terms, *, resigning: bool
    ) -> dict[str, Part | None]:
        """Bring the contests of one group together."""
        group = tuple(self._find(name) for name in members)
        electors = [contest.elector for contest in group]
        if any(contest.group != group for contest in group):
            company = Company(electors)
            for contest in group:
                contest.stand_together(group, company)
        leader = lead(electors, now, terms)
        missing = [each for each in electors if not (each.ours(terms) or each.taking)]
        room = self._budget.has_room(len(missing), terms)
        if not room:
            self._budget.pass_over(members[0])
        because = "" if resigning else left_because(leader, electors, room=room)
        group[0].company.left_because = because
        gathering = _Gathering(
            group=group[0].group,
            members=members,
            terms=terms,
            resigning=resigning,
            room=room,
            missing=len(missing),
            postures={each.name: _posture(each, now, terms) for each in electors},
        )
        self._gatherings |= dict.fromkeys(members, gathering)
        return {name: part(leader, place, room=room) for place, name in enumerate(members)}


def _posture(elector: Elector, now: float, terms: Terms) -> Posture:
    """What one Lease has to say to the others of its group."""
    record, tenure = elector.record, elector.tenure
    held = record is not None and elector.held_until > now
    return (
        record.holder if record is not None and held else "",
        elector.ours(terms),
        elector.taking is not None,
        tenure.valid(now),
        tenure.holding_over,
    )
