"""What was watched is no more to be had: another API server, or etcd, knows only what is now."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.announced import Announced, announced
from tests.cluster.daemon.site import LONG, Site
from tests.lab.arp_witness import longest_gap
from tests.lab.cluster import PLANS

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

POOLS = "ciliumloadbalancerippools"
BEGINS_AFRESH = '"event": "the watch has to begin afresh"'


def lists(site: Site, since: int) -> Counter[str]:
    """How often each resource was listed since a place in the audit log."""
    asked = site.audit.asked(DAEMON, since)
    return Counter(each.resource for each in asked if (each.verb, each.code) == ("list", 200))


def unharmed(served: Announced, before: dict[str, Any], began_at: float) -> None:
    """Its holder has gone on, and whatever is new is seen."""
    site = served.site
    for name in PLANS:
        site.until(f"{name} watches", partial(site.reads, name))
    with announced(site) as newcomer:
        assert newcomer.holder
    after = site.lease(served.name)["spec"]
    for field in ("holderIdentity", "leaseTransitions", "acquireTime"):
        assert after[field] == before[field]
    assert served.answers == [served.holder]
    assert longest_gap(served.witness.claims) < 0.5
    served.all_answered_since(began_at)


def test_what_was_watched_is_listed_once_and_nothing_is_missed(long_served: Announced) -> None:
    """Its watches end in order. The old one refuses new ones, the new one knows too little."""
    served, site = long_served, long_served.site
    before = site.lease(served.name)["spec"]
    since, began_at = site.audit.mark(), time.monotonic()
    site.control_plane.replace_api_server()
    site.until("listed", lambda: lists(site, since)[POOLS] == len(PLANS))
    unharmed(served, before, began_at)
    # of what changes often the new one may know enough
    assert max(lists(site, since).values()) == len(PLANS)
    site.settled = site.audit.mark()


def test_what_etcd_has_forgotten_is_listed_once(relayed: Site) -> None:
    """The API server lost its connection to etcd, which was compacted meanwhile: 410."""
    site = relayed
    site.run(LONG)
    with announced(site) as served:
        before = site.lease(served.name)["spec"]
        since, began_at = site.audit.mark(), time.monotonic()
        assert site.control_plane.relay is not None
        with site.control_plane.relay.away():
            site.control_plane.compact()
        for name in PLANS:
            site.until("410", lambda n=name: BEGINS_AFRESH in site.said(n), 30)  # type: ignore[misc]
        unharmed(served, before, began_at)
        assert set(lists(site, since).values()) == {len(PLANS)}
