"""Composes the core: takes facts in, gives effects out. It holds state and no rule of its own.

How to drive it: hand every fact to `handle`, then call `poll` once, carry out the effects, and call
again at `wake_at` or after the next fact, whichever comes first. An early call does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import assert_never

from l2announcer.core.admission import Admission
from l2announcer.core.agenda import Agenda
from l2announcer.core.answers import AnswerTable
from l2announcer.core.budget import Budget
from l2announcer.core.candidacy import Candidacy, lease_name
from l2announcer.core.cluster import Changes, Cluster
from l2announcer.core.coexistence import Operator
from l2announcer.core.contest import Contest
from l2announcer.core.controller import CONTROLLER_LEASE, Controller
from l2announcer.core.denials import Denials
from l2announcer.core.effects import Effects, Transition
from l2announcer.core.election import Elector
from l2announcer.core.eligibility import Eligibility
from l2announcer.core.facts import (
    Claimed,
    Fact,
    Gone,
    HostsRead,
    LeaseDeleted,
    LeaseRead,
    LeaseRefused,
    LeaseWritten,
    Links,
    Listed,
    Listens,
    Object,
    Overheard,
    Resign,
    Seen,
    ServiceRead,
    ServicesRead,
    StatusRefused,
    StatusWritten,
    Unconfirmed,
)
from l2announcer.core.gratuitous import Pacing
from l2announcer.core.heartbeat import Heartbeat
from l2announcer.core.ipam import Ipam, Scope
from l2announcer.core.lease_news import LeaseNews
from l2announcer.core.leftovers import Leftovers
from l2announcer.core.model import Key, Kind, LeaseRecord
from l2announcer.core.moves import Moves, Moving
from l2announcer.core.node_leases import NodeLeases
from l2announcer.core.reads import Reads
from l2announcer.core.renewals import took
from l2announcer.core.resignation import Resignation
from l2announcer.core.roll_call import Judges, RollCall
from l2announcer.core.roster import Roster
from l2announcer.core.selections import Selections
from l2announcer.core.tally import Tally
from l2announcer.core.terms import Terms

HELD_BACK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is settled at the start. `qps` is how many renewals a second this node may write."""

    terms: Terms
    qps: float = 10.0
    lb_ipam: bool = True
    serves_unclassed: bool = True  # Services without a loadBalancerClass
    address_rest_seconds: float = 30.0
    ipam_stands_by: bool = True  # while Cilium's operator is at work
    clean_up_seconds: float = 600.0  # after which a needless Lease is deleted; 0 is never


class Announcer:
    """One node's mind."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.terms = config.terms
        self.cluster = Cluster(self.terms.node)
        self.selections = Selections()
        controller = Contest(CONTROLLER_LEASE, standing=True, strict=True)
        self.heartbeat = Heartbeat(self.terms.node, node_leases=self.terms.node_leases)
        self.roster = Roster(self.terms.node, self.cluster)
        self.contests: dict[str, Contest] = {}
        self._standing = {
            self._add(contest).elector.name for contest in (controller, self.heartbeat.contest)
        }
        self.node_leases = NodeLeases(lambda name: self._contest(name).elector, self.roster.turn)
        self.tally = Tally()
        self.resigning = False
        scope = Scope(unclassed=config.serves_unclassed)
        rest_seconds = config.address_rest_seconds
        ipam = Ipam(rest_seconds=rest_seconds, scope=scope) if config.lb_ipam else None
        operator = Operator() if config.ipam_stands_by else None
        known, needless_seconds = self.selections.groups.known, config.clean_up_seconds
        leftovers = Leftovers(self.cluster, self.contests, known, needless_seconds)
        self.controller = Controller(controller.elector, self.cluster, ipam, operator, leftovers)
        self.eligibility = Eligibility(self.cluster)
        self._denials = Denials(self.selections.groups.claims)
        self._agenda = Agenda()
        self._budget = Budget(inf if self.terms.node_leases else config.qps)
        self._admission = Admission()
        self._judges = Judges(budget=self._budget, roster=self.roster, eligibility=self.eligibility)
        self._resignation = Resignation()
        self._roll_call = RollCall(
            self.contests, self._contest, self.selections, self._budget, self._resignation
        )
        self._moving = Moving(giving=Moves(), wanting=Moves())
        self._lease_news = LeaseNews(self.contests, self._elector, operator)
        self._reads = Reads()
        self._pacing = Pacing()
        self._stirred = False  # has anything come in since the last poll that calls for one?
        self._wake_at = -inf  # when something is due by time
        self._link_ends: Mapping[str, object] = {}  # what neighbours know of each interface

    # Facts

    def handle(self, fact: Fact, now: float) -> None:
        """Take in one fact. `now` is in seconds on CLOCK_BOOTTIME."""
        if not took(fact, self.contests, self.terms.node, now):
            self._stirred = True
            self._take(fact, now)

    def _take(self, fact: Fact, now: float) -> None:
        match fact:
            case Listed() | Gone() if fact.kind is Kind.LEASE:
                self._lease_news.take(fact, now)
            case Listed():
                self.cluster.listed(fact)
            case Seen():
                self._seen(fact.object, now)
            case Gone():
                self.cluster.gone(fact)
            case Links():
                self._interrupt(self.cluster.links_are(fact))
            case LeaseWritten() | LeaseRefused() | LeaseRead():
                self._lease_news.take(fact, now)
            case ServiceRead() | ServicesRead():
                self._read(fact, now)
            case HostsRead() | StatusRefused() | LeaseDeleted():
                self.controller.done(fact, now)
            case StatusWritten():
                self._seen(fact.object, now)
                self.controller.written(fact)
            case Overheard() | Listens():
                self.cluster.heard(fact, now)
            case Claimed():
                claim = self._lease_news.macs.marked(fact)
                self._agenda.touch(
                    n for n, contest in self.contests.items() if contest.claimed(claim, now)
                )
            case Unconfirmed():
                self._agenda.touch(n for n, each in self.contests.items() if each.begin_again(now))
            case Resign():
                self.resigning = True
                self._agenda.touch(self.contests)
            case _:
                assert_never(fact)
        self._agenda.touch(self.contests.keys() & self.node_leases.follow(now))
        self.heartbeat.follow(self.terms)

    def _interrupt(self, lost: set[str]) -> None:
        """Take in what can't be used any more, even if it can again before the next poll."""
        if lost:
            for contest in self.contests.values():
                contest.interrupted(lost)
            self._agenda.touch(self.contests)

    def _seen(self, found: Object, now: float) -> None:
        if isinstance(found, LeaseRecord):
            self._lease_news.seen(found, now)
        else:
            self.cluster.seen(found)

    def _elector(self, lease: str) -> Elector:
        """The Elector that a fact is about; its contest is looked at in the next poll."""
        self._agenda.touch((lease,))
        elector = self._contest(lease).elector
        self.node_leases.note(elector)
        return elector

    def _contest(self, lease: str) -> Contest:
        return self.contests.get(lease) or self._add(Contest(lease))

    def _add(self, contest: Contest) -> Contest:
        self.contests[contest.elector.name] = contest
        self.roster.meet(contest.elector)
        return contest

    def _read(self, fact: ServiceRead | ServicesRead, now: float) -> None:
        # A Service that a read did not find is not forgotten here: the watch says in its own order
        # whether it is gone. Until then nothing is answered for it.
        if isinstance(fact, ServiceRead):
            found = [fact.service] if fact.service is not None else []
            waiting = frozenset({fact.key} if self._reads.one_is_done(fact.key) else ())
            if any(self.selections.groups.claims.gains(each) for each in found):
                # Who else has the address we don't know yet, if our watch lags behind this read.
                self._reads.owe(waiting, all_services=bool(waiting))
                waiting = frozenset()
        else:
            found = list(fact.services or ())
            waiting, for_all = self._reads.all_is_done()
            if for_all:
                self.controller.services_read(answered=fact.services is not None)
        for service in found:
            self._seen(service, now)
        answered = {service.key for service in found}
        for key in waiting:
            candidacy = self.candidacy(key)
            if candidacy is not None:
                candidacy.read(answered=key in answered, now=now)
                self._agenda.touch((lease_name(key),))

    # Effects

    @property
    def unlisted(self) -> list[str]:
        """What must still be listed once before this node may contest anything."""
        return self.cluster.unlisted + ([] if self._lease_news.listed else ["leases"])

    @property
    def released(self) -> bool:
        """After Resign: is nothing owed to the API server any more?"""
        return self.resigning and self._resignation.over(self.contests.values(), self.terms)

    def candidacy(self, key: Key) -> Candidacy | None:
        """Where a selected Service stands here; None for one that isn't."""
        contest = self.contests.get(lease_name(key))
        return contest.candidacies.get(key) if contest is not None else None

    def poll(self, now: float, wall: float) -> Effects:
        """Everything that is to be done now. `wall` is Unix time in seconds."""
        out = Effects()
        if self.unlisted:
            return out
        if not self._stirred and now < self._wake_at:
            out.wake_at = self._wake_at
            return out
        self._stirred = False
        self.cluster.poll(now, out)
        changes = self.cluster.take_changes()
        self.controller.take(changes)
        tells = self.controller.elector.tenure.valid(now)
        self._denials.poll(self._select(changes), self.cluster.services, out, tells=tells)
        self.cluster.endpoints.poll(now, out)
        self._follow_links(now)
        if self.eligibility.update(changes, out):
            self._agenda.touch(self.contests)
        self._judge_node(changes, out)
        self._set_terms(now, wall, out)
        for moves in self._moving:
            self._agenda.touch(self.contests.keys() & moves.take_waiting(now))
        if self.resigning:
            self._agenda.touch(self._standing)
        called = self._elect(now, wall, out)
        owed: list[Key] = []
        table_stale = changes.everything
        for contest, terms in called:
            before = contest.grants, contest.watched
            owed += contest.poll(now, terms, out)
            if before != (contest.grants, contest.watched):
                table_stale = True
                self._pacing.keep(before[0], contest.grants)
            self.tally.note(contest)
        self._keep_time(called, now, out)
        self._reads.owe(owed, all_services=self.controller.poll(now, wall, out))
        out.calls += self._reads.take()
        if table_stale:
            self._install(out)
        out.frames = self._pacing.take(out.frames, now)
        moves_at = min(moves.next_at for moves in self._moving)
        out.wake_at = min(out.wake_at, self._agenda.next_at, self._pacing.next_at, moves_at)
        out.wake_at = min(out.wake_at, self._resignation.wake_at)
        self._wake_at = out.wake_at
        return out

    def _select(self, changes: Changes) -> set[Key]:
        concerned = self.selections.take(changes, self.cluster)
        for key in concerned:
            name, selection = lease_name(key), self.selections.of(key)
            if selection.announcements or selection.pending or name in self.contests:
                self._contest(name).follow(key, self.cluster.services.get(key), selection)
                self._agenda.touch((name,))
        return concerned

    def _follow_links(self, now: float) -> None:
        ends = {link.name: link.end for link in self.cluster.links or ()}
        moved = {name for name, end in self._link_ends.items() if ends.get(name, end) != end}
        self._link_ends = ends
        if moved:
            for contest in self.contests.values():
                contest.announce_again(moved, now)
            self._agenda.touch(self.contests)

    def _set_terms(self, now: float, wall: float, out: Effects) -> None:
        terms = self.config.terms
        leaving = bool(self.eligibility.reasons)
        holding = replace(terms.holding, macs=self.selections.macs, leaving=leaving)
        terms = self._budget.paced(replace(terms, holding=holding))
        passed_over, state = self._budget.take_passed_over(), self.heartbeat.state
        if terms.node_leases:
            terms = self._beat(self._held_back(terms, now, out), now, wall, out)
        if terms != self.terms or state != self.heartbeat.state:
            self.terms = terms
            self._agenda.touch(self.contests)
        elif terms.may_take:
            self._agenda.touch(passed_over & self.contests.keys())

    def _held_back(self, terms: Terms, now: float, out: Effects) -> Terms:
        """The terms of a node that may begin to keep Leases by its heartbeat, or may not yet."""
        why = self.node_leases.holds_back(now, terms.node)
        if why:
            out.wake_at = min(out.wake_at, now + HELD_BACK_SECONDS)
        if why != self.terms.holds_back:
            out.transitions.append(Transition("node leases", why or "begun", warning=bool(why)))
        return replace(terms, may_take=not why, holds_back=why)

    def _beat(self, terms: Terms, now: float, wall: float, out: Effects) -> Terms:
        """Do what is due about our heartbeat before all that it carries; the terms for that."""
        contest, own = self.heartbeat.contest, self.heartbeat.terms(terms)
        self.node_leases.judge(contest.elector, now, terms)
        among = self.contests.values()
        goes = self.resigning and self._resignation.gives_up(contest, among, terms, now)
        contest.wish(known=False, resigning=goes)
        self.heartbeat.poll(own, out)
        contest.elect(now, wall, own, out)
        self._agenda.set(contest.elector.name, contest.wake_at(now, own))
        return self.heartbeat.lend(now, terms)

    def _judge_node(self, changes: Changes, out: Effects) -> None:
        """Have our heartbeat say how this node is."""
        heartbeat = self.heartbeat
        if changes.everything:
            heartbeat.degraded = bool(self.eligibility.lacks)
            self._agenda.touch((heartbeat.contest.elector.name,))
        if changes.everything or changes.nodes:
            self.roster.poll(out)

    def _elect(self, now: float, wall: float, out: Effects) -> list[tuple[Contest, Terms]]:
        """Do what is due about Leases; all that were looked at, each with its terms."""
        names, terms = self._agenda.take(now), self.terms
        self.node_leases.refresh(self._contest(name).elector for name in names)
        called: list[tuple[Contest, Terms]] = []
        for contest in self._roll_call.take(names, now, terms, resigning=self.resigning):
            self._agenda.touch(self.node_leases.judge(contest.elector, now, terms))
            if contest is self.heartbeat.contest:
                its_terms = self.heartbeat.terms(terms)
                self.heartbeat.poll(its_terms, out)
            else:
                its_terms = self._judges.terms_for(contest, terms, now)
            elector = contest.elector
            elector.intent.withheld = self._admission.withholds(elector, now, its_terms)
            stance = partial(self._judges.stance, contest, now)
            contest.move(now, its_terms, self._moving, stance)
            contest.elect(now, wall, its_terms, out)
            if contest is not self.heartbeat.contest:  # renewed so rarely that it weighs nothing
                self._budget.count(elector, terms)
            called.append((contest, its_terms))
        return called

    def _keep_time(self, called: list[tuple[Contest, Terms]], now: float, out: Effects) -> None:
        """Note when each is to be looked at next, if ever."""
        uneasy = self._roll_call.close(contest for contest, _ in called)
        if uneasy:
            self._agenda.touch(uneasy)
            out.wake_at = now
        for contest, terms in called:
            name, idle = contest.elector.name, contest.idle(now)
            self._agenda.set(name, inf if idle else contest.wake_at(now, terms))
            if idle:
                self._forget(name)
        self._agenda.touch(self.contests.keys() & self._admission.take_next())

    def _forget(self, name: str) -> None:
        del self.contests[name]
        self.roster.forget(name)
        self.node_leases.forget(name)
        self.tally.forget(name)
        self._admission.leave(name)
        for moves in self._moving:
            moves.end(name)

    def _install(self, out: Effects) -> None:
        contests, links = self.contests.values(), self.cluster.links
        grants = [grant for contest in contests for grant in contest.grants]
        watched = [announcement for contest in contests for announcement in contest.watched]
        out.answers = AnswerTable(grants, watched, links or ())
