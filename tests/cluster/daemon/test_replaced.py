"""An API server is replaced by another that has forgotten, like etcd, what was before it."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial

import pytest

from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.announced import Announced, announced
from tests.cluster.daemon.site import Site
from tests.lab.arp_witness import longest_gap
from tests.lab.cluster import PLANS

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

POOLS = "ciliumloadbalancerippools"
BEGINS_AFRESH = '"event": "the watch has to begin afresh"'


def lists(site: Site, since: int) -> Counter[str]:
    """How often each resource was listed since a place in the audit log."""
    asked = site.audit.asked(DAEMON, since)
    return Counter(each.resource for each in asked if (each.verb, each.code) == ("list", 200))


def test_what_was_watched_is_listed_once_and_nothing_is_missed(long_served: Announced) -> None:
    served, site = long_served, long_served.site
    before = site.lease(served.name)["spec"]
    since, began_at = site.audit.mark(), time.monotonic()
    site.control_plane.compact()
    site.control_plane.replace_api_server()
    for name in PLANS:
        site.until("410", lambda n=name: BEGINS_AFRESH in site.said(n))  # type: ignore[misc]
        site.until(f"{name} watches", partial(site.reads, name))
    # of what changes often the new one may know enough
    assert max(lists(site, since).values()) == lists(site, since)[POOLS] == len(PLANS)
    with announced(site) as newcomer:
        assert newcomer.holder
    after = site.lease(served.name)["spec"]
    for field in ("holderIdentity", "leaseTransitions", "acquireTime"):
        assert after[field] == before[field]
    assert served.answers == [served.holder]
    assert longest_gap(served.witness.claims) < 0.5
    assert abs(served.witness.unanswered(began_at, time.monotonic())) <= 1
