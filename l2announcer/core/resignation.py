"""In which order a node that stops gives up its Leases.

Rule of this file: those of Services go first, since another node waits to answer for them; what
says that this node takes part, or does the cluster's chores, follows when they are gone. Each write
less at the API server makes theirs faster.
"""

from __future__ import annotations

from collections.abc import Collection

from l2announcer.core.contest import Contest
from l2announcer.core.terms import Terms


def gives_up(contest: Contest, among: Collection[Contest], terms: Terms) -> bool:
    """Is the Lease of this contest to go now, the node having begun to stop?"""
    return not contest.standing or over([each for each in among if not each.standing], terms)


def over(contests: Collection[Contest], terms: Terms) -> bool:
    """Is nothing owed to the API server any more?"""
    return not any(contest.elector.busy(terms) for contest in contests)
