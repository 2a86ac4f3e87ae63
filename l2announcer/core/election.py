"""One Lease as a state machine: who may answer, and until when.

Compatible on the wire with client-go's LeaderElector: expiry by the age of the last observed change
on the own clock, never by written times; leaseTransitions counts changes of holder; every write is
conditional on the resourceVersion. L = the Lease's duration as written, R = the renew interval.

Rules of this file; without any one of them there is a history in which two nodes answer, or none:
 1. A tenure ends at the instant at which the accepted write was handed out + L - 10 % of L.
 2. Other clients compare records in whole seconds, so each write's renewTime is at least 1 s past
    the last one, and there is at most one renewal a second, and one attempt to take it.
 3. A tenure is void at once when somebody else wrote the Lease (even in our name), when it is gone,
    or when a release is handed out. Only an own write handed out later, and accepted, revives it.
    An own write whose answer was lost is known by its exact spec and holding, and counts from its
    own hand-out. (The spec alone is not enough: two nodes of one name that take the same Lease may
    both write one second past its renewTime.) Without a tenure only the answer counts: the last
    process on this node may have left the very same write under way.
 4. Every frame compares the tenure with the clock directly before it is sent (core.answers, lan).
 6. What became free (by a release that was seen, by running out, or because it never was and is
    wanted first now) is taken by rank: the k-th favourite waits k * 50 ms, so that equals don't
    stampede and a favourite that hangs costs little. Who resumes its own waits for nobody. A Lease
    that vanished without a release: its last holder may create it again at once, all others wait
    its last L.
 8. A newer version wins over an older view, that it is gone too. A consistent read or list wins
    over all that was known when it was asked for: where it is older, the store went back (it was
    restored from a backup). An own write found again so costs nothing while the tenure lasts, since
    nobody could take the Lease meanwhile. Any other is a stranger's, also where it names this node:
    who took it in the history that is lost may be answering still.
 9. A Lease that names this node is ours to resume only if this boot and network namespace wrote
    it, and only by an accepted write; otherwise it is waited for like a stranger's.
12. Silent first, release second. A Lease that this node holds and doesn't want is released, also
    when a late write brought it; one whose Service vanished is left to run out.
14. A tenure goes on past its end while the API server gives no answer (core.hold_over). So one who
    wants to take a Lease that ran out, and gets no answer either, or is denied, leaves it to its
    holder for one attempt more once there are answers again.
16. A Lease is given to a node that asked for it (core.hand_over says when) silent first, as a Lease
    of one second in the other's name with a count of transitions of its own. Who finds itself named
    so takes it at once, and the count stays. A gift whose fate is unknown is read about in silence.
"""

from __future__ import annotations

from math import inf

from l2announcer.core import lease
from l2announcer.core.attempts import Attempts
from l2announcer.core.drafts import draft
from l2announcer.core.effects import LeaseWrite, ReadLease
from l2announcer.core.facts import Refusal
from l2announcer.core.hand_outs import HandOut, HandOuts, Purpose, signature
from l2announcer.core.hold_over import HoldOver
from l2announcer.core.intent import Intent, Wish
from l2announcer.core.known_lease import KnownLease
from l2announcer.core.model import LeaseRecord, newer
from l2announcer.core.predecessor import NOBODY, Kind, Predecessor, predecessor
from l2announcer.core.tenure import Tenure
from l2announcer.core.terms import TENURE_SHARE, Terms

__all__ = ["Elector", "Wish"]


class Elector:
    """One candidate for one Lease: what it wants, and what it writes for that."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tenure = Tenure()
        self.known = KnownLease()
        self.predecessor = NOBODY
        self.renewed_at = -inf  # hand-out of the last write that was accepted
        self.hold_over = HoldOver()
        self._attempts = Attempts(name)
        self.intent = Intent(self.known, self._attempts, self.tenure)
        self._hand_outs = HandOuts()
        # How often the tenure was voided: what was handed out before can't revive it.
        self._voids = 0

    # Facts

    def observe(
        self, record: LeaseRecord | None, now: float, *, version: str = "", consistent: bool = False
    ) -> None:
        """Take in how the Lease is now; None is gone, as of resourceVersion `version`.

        `consistent` is a read or a list that was asked for after all that is known was learnt.
        """
        if record is not None:
            version = record.resource_version
        known, known_version = self.record, self.known.version
        older = bool(known_version) and not newer(version, known_version)
        if older and not consistent:
            return
        if record is None:
            own = known is not None and self._hand_outs.of(known) is not None
            self.known.gone(now, version=version, own=own)
            self._void()
            self.hold_over.answered()
            return
        kept = older and self.tenure.valid(now) and lease.held_alike(record, known)
        if not self.known.seen(record, now, restored=older and not kept):
            return
        self._attempts.changed()
        own_write = self._hand_outs.of(record)
        if own_write is None and not kept:
            self._void()
            self.hold_over.answered()
        elif own_write is not None and own_write.in_tenure:
            self._confirm(record, own_write)

    def written(self, record: LeaseRecord, now: float) -> None:
        """Take in that the write in flight was accepted."""
        self._hand_outs.done()
        self._attempts.written()
        self.hold_over.answered()
        self.observe(record, now)
        own = self._hand_outs.of(record)
        if own is not None and self.record is not None and self.record.spec == record.spec:
            self._confirm(record, own)
        # What was voided since the write began is confirmed by the next one only.
        self.intent.hurried |= self.tenure.holding_over

    def refused(self, why: Refusal, now: float) -> None:
        """Take in that the write in flight was refused, or got no answer."""
        write = self._hand_outs.done()
        if write is None:
            return
        if why is not Refusal.UNAVAILABLE:
            self._hand_outs.forget(write)
        if write.purpose is Purpose.WANT:
            return  # what stands in its way comes by the watch
        self.hold_over.refused(why, now)
        if write.purpose is Purpose.TRANSFER and why is not Refusal.CONFLICT:
            self.intent.declined = self.record.wanted if self.record is not None else None
        self._attempts.refused(write.purpose, why, now, made=self.record is not None)
        if why is Refusal.MISSING:
            self.observe(None, now)

    def read(self, record: LeaseRecord | None, why: Refusal | None, now: float) -> None:
        """Take in the outcome of a ReadLease."""
        consistent = self.known.learnt_at <= self._attempts.read_asked_at
        self._attempts.read(why, now)
        self.intent.hurried |= self.tenure.holding_over
        if why is None and (consistent or record is not None):
            self.observe(record, now, consistent=consistent)

    # Commands

    def want(self, wish: Wish) -> None:
        """Set what the node wants; silence comes at once, the release with the next poll."""
        if self.intent.want(wish) and wish is not Wish.HOLD:
            self._void()

    def hurry(self) -> None:
        """Renew as soon as rule 2 allows: whether the Lease is still ours is in doubt."""
        self.intent.hurried = True

    # Effects

    def poll(self, now: float, wall: float, terms: Terms) -> LeaseWrite | ReadLease | None:
        """Hand out the one call that is due, if any. `wall` is Unix time in seconds."""
        self._hold_over(now, terms)
        self.intent.seen(now)
        if self.intent.withheld or not self.due(now, terms):
            return None
        if self.intent.owes_read:
            self._attempts.begin_read(now)
            return ReadLease(self.name, renewal=self.tenure.valid(now) or self.transferring)
        return self._hand_out(self.intent.purpose(now, terms), now, wall, terms)

    def wake_at(self, now: float, terms: Terms) -> float:
        """When poll has something to do, or the tenure ends, if no fact comes before."""
        ends_at = self.tenure.until if self.tenure.until > now else inf
        ends_at = min(ends_at, self.hold_over.wake_at(self.tenure, now, self._keeping_since, terms))
        if self.intent.withheld or self.calling:
            return ends_at
        return min(ends_at, self._due_at(now, terms))

    def due(self, now: float, terms: Terms) -> bool:
        """Is there a call to hand out?"""
        return not self.calling and now >= self._due_at(now, terms)

    def busy(self, terms: Terms) -> bool:
        """Is a write under way, or a release still owed?"""
        owed = self.wish is Wish.RELEASE and self.ours(terms)
        return self._hand_outs.under_way is not None or owed

    def idle(self, now: float) -> bool:
        """Is there no Lease, no wish for one, no call under way, and nothing to remember?"""
        quiet = not self.calling and now >= self.held_until
        wished = self.wish is Wish.HOLD or self.intent.fence_at < inf
        return self.record is None and not wished and quiet

    def ours(self, terms: Terms) -> bool:
        """Does the Lease name this node, written by this incarnation of it?"""
        return self.known.ours(terms)

    def awaits_turn(self, now: float, terms: Terms) -> bool:
        """Is the Lease free, wanted, and not ours to resume, so that the rank counts?"""
        return self.wish is Wish.HOLD and self.held_until <= now and not self.ours(terms)

    def returning(self, now: float, terms: Terms) -> bool:
        """Is it silent, but may come back by the segment's leave, before any answer comes?"""
        if self.wish is not Wish.HOLD or self.tenure.valid(now) or not self.ours(terms):
            return False
        if not terms.node_leases:
            return self.hold_over.may_come_back(now, self._keeping_since, terms)
        right = terms.right
        if right is None or self.known.under != (terms.node, right.number):
            return False
        return right.tenure.valid(now) and right.tenure.holding_over

    def held_over_since(self, terms: Terms) -> float:
        """Since when it is held without an answer; infinity for not at all."""
        if not terms.node_leases:
            return self.hold_over.since
        return terms.right.hold_over.since if terms.right is not None and self.ours(terms) else inf

    def come_back(self, now: float, terms: Terms) -> None:
        """Hold over again: nobody else was heard."""
        if terms.right is not None:
            self.tenure.confirm(inf, terms.right.tenure)
        else:
            self.hold_over.come_back(self.tenure, now, terms)

    @property
    def taking(self) -> Purpose | None:
        """TAKE or RECEIVE while a write is under way that takes the Lease."""
        writing = self._hand_outs.under_way
        takes = writing is not None and writing.purpose in {Purpose.TAKE, Purpose.RECEIVE}
        return writing.purpose if writing is not None and takes else None

    @property
    def likely(self) -> bool:
        """Is such a write to be counted on? Not since one failed, until the Lease is another."""
        return not self._attempts.in_vain

    @property
    def transferring(self) -> bool:
        """Was the last write a transfer? Then only another one, of ours, may end the silence."""
        return self._hand_outs.transferring

    def given(self, terms: Terms) -> bool:
        """Was it handed over to this node, which has only to take it?"""
        return self.known.given(terms)

    @property
    def wish(self) -> Wish:
        """What the node wants of the Lease."""
        return self.intent.wish

    @property
    def record(self) -> LeaseRecord | None:
        """The Lease as it is known; None is no Lease."""
        return self.known.record

    @property
    def last_holder(self) -> str:
        """Who had it last, as far as it was observed."""
        return self.known.last_holder

    @property
    def held_until(self) -> float:
        """When the Lease as last observed runs out; now or earlier means that it's free."""
        return self.known.held_until

    @property
    def problem(self) -> str:
        """What stands in the way of writing it, in a sentence; empty for nothing."""
        return self._attempts.problem

    @property
    def calling(self) -> bool:
        """Is a call under way?"""
        return self._hand_outs.under_way is not None or self._attempts.reading

    def _due_at(self, now: float, terms: Terms) -> float:
        return self.intent.due_at(self._hand_outs, now, terms)

    @property
    def _keeping_since(self) -> float:
        """When the write under way was handed out that would keep the Lease."""
        writing = self._hand_outs.under_way
        keeps = writing is not None and writing.purpose is Purpose.RENEW
        return writing.handed_out_at if writing is not None and keeps else inf

    def _hold_over(self, now: float, terms: Terms) -> None:
        interruptions = self.hold_over.interruptions
        self.hold_over.step(self.tenure, now, self._keeping_since, terms)
        if self.hold_over.interruptions != interruptions:
            self._void()

    def _hand_out(self, purpose: Purpose, now: float, wall: float, terms: Terms) -> LeaseWrite:
        known = self.record or LeaseRecord(name=self.name, resource_version="", transitions=-1)
        self._note_predecessor(purpose, known, now, terms)
        if purpose in {Purpose.RELEASE, Purpose.TRANSFER}:
            self._void()
        renew_time = self._hand_outs.renew_time(wall, known, terms.node)
        new = draft(
            purpose,
            known,
            terms,
            renew_time,
            give_to=self.intent.give_to,
            declined=self.intent.declined,
            floor=self.intent.floor,
        )
        valid = self.tenure.valid(now)
        under = terms.right.tenure if terms.right is not None else None
        self._hand_outs.note(HandOut(purpose, signature(new), now, self._voids, valid, under))
        self.intent.handed_out(purpose, now)
        build = lease.asking if purpose is Purpose.WANT else lease.body
        return LeaseWrite(
            name=self.name,
            body=build(name=self.name, namespace=terms.namespace, read=known.raw, record=new),
            create=self.record is None,
            renewal=purpose is not Purpose.TAKE,
        )

    def _note_predecessor(
        self, purpose: Purpose, known: LeaseRecord, now: float, terms: Terms
    ) -> None:
        holding = self.known.vanished if self.record is None else known.holding
        if purpose is Purpose.TAKE:
            self.predecessor = predecessor(
                known, holding, "" if self.known.restored else terms.node
            )
        elif purpose is Purpose.RECEIVE:
            self.predecessor = Predecessor(Kind.GIVER, frozenset(holding.macs if holding else ()))
        elif purpose is Purpose.RENEW and not self.tenure.valid(now):
            own = self._hand_outs.of(known)
            # A take whose answer was lost is still a take: who had it may answer on.
            if own is None or own.purpose not in {Purpose.TAKE, Purpose.RECEIVE}:
                self.predecessor = NOBODY

    def _confirm(self, record: LeaseRecord, own: HandOut) -> None:
        self._hand_outs.confirm(own)
        if self.wish is Wish.HOLD and own.voids == self._voids:
            until = own.handed_out_at + record.duration_seconds * TENURE_SHARE
            self.tenure.confirm(until, own.under)
            self.renewed_at = max(self.renewed_at, own.handed_out_at)

    def _void(self) -> None:
        self.tenure.void()
        self._voids += 1
