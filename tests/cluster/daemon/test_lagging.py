"""The API server's watch cache stands still, and reads and writes go on: nobody hears a thing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest

from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.announced import Announced, announced
from tests.cluster.daemon.site import SERVICES, SHORT, Site
from tests.lab.arp_witness import longest_gap
from tests.lab.cluster import PLANS

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

HELD_SECONDS = 2 * SHORT.duration + 1


@pytest.fixture
def served(relayed: Site) -> Iterator[Announced]:
    """A Service that one of two workers answers for."""
    relayed.run(SHORT)
    with announced(relayed) as service:
        yield service


def conflicts(site: Site, since: int) -> int:
    """How many writes of Leases came too late, by the versions that they knew."""
    asked = site.audit.asked(DAEMON, since)
    return sum((each.verb, each.resource, each.code) == ("update", "leases", 409) for each in asked)


def test_nobody_takes_a_lease_that_he_does_not_hear_of(served: Announced) -> None:
    """To the candidates it has run out; that their writes are refused tells them better."""
    site, relay, since = served.site, served.site.control_plane.relay, served.site.audit.mark()
    assert relay is not None
    before = site.lease(served.name)["spec"]
    began_at = time.monotonic()
    with relay.holding():
        site.until("a while", lambda: time.monotonic() > began_at + HELD_SECONDS)
        assert site.lease(served.name)["spec"]["renewTime"] != before["renewTime"]
        assert conflicts(site, since) > 0
    for name in PLANS:
        site.until(f"{name} watches", partial(site.reads, name))
    with announced(site) as newcomer:
        assert newcomer.holder
    assert site.lease(served.name)["spec"]["leaseTransitions"] == before["leaseTransitions"]
    assert served.answers == [served.holder]
    assert longest_gap(served.witness.claims) < 0.5
    served.all_answered_since(began_at)


def test_who_takes_over_reads_again_what_he_has_not_heard(served: Announced) -> None:
    """The Service is deleted, and its holder, who doesn't know either, goes."""
    site, relay = served.site, served.site.control_plane.relay
    assert relay is not None
    with relay.holding():
        site.api.delete(f"{SERVICES}/{served.name}")
        assert site.stop(served.holder) == 0
        site.until("the other takes it", lambda: site.holder(served.name) == served.other)
        taken_at = time.monotonic()
        site.until("a while", lambda: time.monotonic() > taken_at + SHORT.duration)
    assert served.answers == [served.holder]
