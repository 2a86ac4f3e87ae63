"""What /status shows: for every Service one sentence that says why it is, or is not, here."""

from __future__ import annotations

from collections.abc import Mapping
from math import isinf

from l2announcer.core import lease
from l2announcer.core.announcer import Announcer
from l2announcer.core.candidacy import State, lease_name
from l2announcer.core.election import Elector
from l2announcer.core.eligibility import judge
from l2announcer.core.ipam import Ipam
from l2announcer.core.ipam.pools import CompiledPool
from l2announcer.core.model import Key
from l2announcer.core.roster import Member, weight
from l2announcer.core.terms import Terms


def status(announcer: Announcer, now: float) -> dict[str, object]:
    """Everything that this node knows and does, as plain data. `now` as for the Announcer."""
    cluster, heartbeat = announcer.cluster, announcer.heartbeat
    return {
        "node": announcer.terms.node,
        "waitingFor": announcer.unlisted,
        "resigning": announcer.resigning,
        "leaving": [str(reason) for reason in announcer.eligibility.reasons],
        "degraded": [str(reason) for reason in announcer.eligibility.lacks],
        "controller": _lease(announcer.controller.elector, announcer.terms, now),
        "heartbeat": _lease(heartbeat.contest.elector, heartbeat.terms(announcer.terms), now),
        "roster": {
            member.node: _member(announcer, member) for member in announcer.roster.members(now)
        },
        "ipam": ipam(announcer, now),
        "cleanUp": {
            "waiting": sorted(announcer.controller.leftovers.waiting),
            "problem": announcer.controller.leftovers.problem,
        },
        "renewSeconds": announcer.terms.renew_seconds,
        "interfaces": [
            {
                "name": link.name,
                "mac": link.mac.hex(":"),
                "usable": link.usable,
                "up": link.up,
                "carrier": link.carrier,
                "unheard": [each.why for each in link.unheard],
            }
            for link in cluster.links or ()
        ],
        "policies": {
            key.name: [str(problem) for problem in cluster.policies.problems.get(key, {}).values()]
            for key in cluster.policies.view
        },
        "services": {str(key): service(announcer, key, now) for key in cluster.services},
    }


def service(announcer: Announcer, key: Key, now: float) -> Mapping[str, object]:
    """Where one Service stands on this node."""
    reasons = [str(reason) for reason in announcer.selections.of(key).reasons]
    contest, candidacy = announcer.contests.get(lease_name(key)), announcer.candidacy(key)
    if contest is None or candidacy is None:
        return {"state": State.NOT_SELECTED.value, "why": "; ".join(reasons)}
    state, why = candidacy.state(now, announcer.terms)
    return {
        "state": state.value,
        "why": why,
        "addresses": [
            {"address": str(grant.announcement.address), "interface": grant.announcement.interface}
            for grant in candidacy.grants
        ],
        "leftOut": reasons,
        "leaving": [
            str(reason) for reason in (*announcer.eligibility.reasons, *candidacy.selection.leaving)
        ],
        "conflict": candidacy.conflict,
        "lease": {"name": lease_name(key), **_lease(candidacy.elector, announcer.terms, now)},
        "heldWith": [each.elector.name for each in contest.group if each is not contest],
        "favourites": list(announcer.roster.order(contest.group_name, contest.electorate, now)),
    }


def ipam(announcer: Announcer, now: float) -> dict[str, object]:
    """What was given of each pool, to whom, and who waits; or why that is not done here."""
    controller = announcer.controller
    why = controller.idle_because(now)
    if controller.ipam is None or why:
        return {"active": False, "why": why}
    standing = {key: _given(controller.ipam, key) for key in announcer.cluster.services}
    return {
        "active": True,
        "why": "",
        "problem": controller.hosts_problem,
        "pools": {pool.name: _pool(pool) for pool in controller.ipam.pools},
        "services": {str(key): given for key, given in standing.items() if given is not None},
    }


def _member(announcer: Announcer, member: Member) -> dict[str, object]:
    node = announcer.cluster.nodes.get(Key("", member.node))
    reasons = [str(reason) for reason in judge(node)] if node is not None else []
    marks = {"leaving": member.leaving and not reasons, "degraded": member.degraded}
    reasons += [f"its heartbeat says {mark}: see its own /status" for mark in marks if marks[mark]]
    return {
        "weight": member.weight,
        "degraded": member.degraded,
        "leaving": member.leaving,
        "reasons": reasons,
        "problem": weight(node)[1] if node is not None else "its Node object is not known",
    }


def _pool(pool: CompiledPool) -> dict[str, object]:
    """Counts are texts: those of an IPv6 block are beyond the numbers of JSON's readers."""
    return {
        "blocks": [str(each.range) for each in pool.free],
        "total": str(pool.total),
        "used": str(pool.total - pool.available),
        "available": str(pool.available),
        "priority": pool.priority,
        "closed": f"it {pool.closed}" if pool.closed else "",
        "problems": pool.problems,
    }


def _given(ipam: Ipam, key: Key) -> dict[str, object] | None:
    outcome, left_alone = ipam.standing(key)
    if left_alone:
        return {"addresses": [], "reason": "left_alone", "why": left_alone}
    if outcome is None:
        return None
    return {
        "addresses": [
            {"address": str(address), "pool": ", ".join(ipam.pools_with(address))}
            for address in outcome.addresses
        ],
        "reason": outcome.reason.value,
        "why": outcome.message,
    }


def _lease(elector: Elector, terms: Terms, now: float) -> dict[str, object]:
    until = elector.tenure.ends_at
    return {
        "holder": elector.record.holder if elector.record is not None else "",
        "transitions": elector.record.transitions if elector.record is not None else 0,
        "wantedBy": lease.wanted_by(elector.record),
        "heldOverSeconds": round(max(now - elector.held_over_since(terms), 0.0), 3),
        "tenureSeconds": 0.0 if isinf(until) else round(max(until - now, 0.0), 3),
        "problem": elector.problem,
    }
