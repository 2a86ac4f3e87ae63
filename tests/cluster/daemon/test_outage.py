"""The API server goes away and comes back on the same port."""

import time
from functools import partial

import pytest

from l2announcer.kube.pace import PACE
from tests.cluster.daemon.announced import Announced, announced
from tests.lab.arp_witness import longest_gap
from tests.lab.cluster import PLANS

WATCHES_WITHIN_SECONDS = 6
WATCHES_AT_LAST_WITHIN_SECONDS = PACE.last_delay_seconds + WATCHES_WITHIN_SECONDS
OUTAGE_SECONDS = 30  # of Leases that last for 3

pytestmark = [pytest.mark.cluster, pytest.mark.lab]


def test_a_restart_within_the_tenure_costs_nothing(long_served: Announced) -> None:
    served, site = long_served, long_served.site
    before = site.lease(served.name)["spec"]
    with site.outage():
        pass
    site.until(
        "it is renewed", lambda: site.lease(served.name)["spec"]["renewTime"] != before["renewTime"]
    )
    for name in PLANS:
        site.until(f"{name} watches", partial(site.reads, name), WATCHES_WITHIN_SECONDS)
    # what is new is seen, by the controller and by a holder
    with announced(site) as newcomer:
        assert newcomer.holder
    after = site.lease(served.name)["spec"]
    for field in ("holderIdentity", "leaseTransitions", "acquireTime"):
        assert after[field] == before[field]
    assert served.answers == [served.holder]
    assert longest_gap(served.witness.claims) < 0.5


def test_through_a_long_outage_the_holder_answers_every_request(served: Announced) -> None:
    site, witness = served.site, served.witness
    before = site.lease(served.name)["spec"]
    began_at = time.monotonic()
    with site.outage() as stopped_at:
        site.until("it lasted", lambda: time.monotonic() > stopped_at + OUTAGE_SECONDS, 60)
    site.until(
        "it is renewed",
        lambda: site.lease(served.name)["spec"]["renewTime"] != before["renewTime"],
        20,
    )
    for name in PLANS:
        site.until(f"{name} watches", partial(site.reads, name), WATCHES_AT_LAST_WITHIN_SECONDS)
    assert served.answers == [served.holder]
    assert site.lease(served.name)["spec"]["leaseTransitions"] == before["leaseTransitions"]
    assert longest_gap(witness.claims) < 0.5
    served.all_answered_since(began_at)
    with announced(site) as newcomer:
        assert newcomer.holder
