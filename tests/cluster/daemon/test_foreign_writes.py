"""Somebody else writes a holder's Lease: it is silent at once, and keeps to what was written."""

import time

import pytest

from tests.cluster.daemon.announced import Announced
from tests.lab.arp_witness import Claim, longest_gap
from tests.lab.cluster import PLANS

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

STRANGERS_SECONDS = 4
DELIVERY_SECONDS = 0.25  # of a watch event, on a busy machine


def claims_since(served: Announced, instant: float) -> list[Claim]:
    return [claim for claim in served.witness.claims if claim.at >= instant]


def test_a_deleted_lease_is_made_again_by_its_holder_alone(served: Announced) -> None:
    site = served.site
    uid = site.lease(served.name)["metadata"]["uid"]
    assert site.api.delete(served.lease).ok
    site.until("it is made again", lambda: site.lease(served.name))
    deleted_at = time.monotonic()
    site.answered(served.witness, served.holder)
    assert site.lease(served.name)["metadata"]["uid"] != uid
    assert site.holder(served.name) == served.holder
    assert served.answers == [served.holder]
    site.until("the others' wait is over", lambda: time.monotonic() > deleted_at + 3.5)
    assert site.holder(served.name) == served.holder
    assert served.answers == [served.holder]


def test_a_lease_that_is_given_to_somebody_else_is_his_for_its_duration(served: Announced) -> None:
    site = served.site
    before = site.transitions(served.name)
    given = {"holderIdentity": "somebody", "leaseDurationSeconds": STRANGERS_SECONDS}
    given_at = time.monotonic()
    site.patch(served.lease, {"spec": given, "metadata": {"labels": {"his": "own"}}})
    silent_at = time.monotonic() + DELIVERY_SECONDS
    site.until("it is taken back", lambda: site.holder(served.name) != "somebody")
    taken_at, taker = time.monotonic(), site.holder(served.name)
    site.answered(served.witness, taker)
    assert taker in {served.holder, served.other}
    assert taken_at - given_at >= STRANGERS_SECONDS
    claims = claims_since(served, silent_at)
    assert {claim.mac for claim in claims} == {PLANS[taker].mac}
    assert claims[0].at >= given_at + STRANGERS_SECONDS
    lease = site.lease(served.name)
    assert lease["spec"]["leaseTransitions"] == before + 1
    assert lease["metadata"]["labels"] == {"his": "own"}


def test_labels_of_others_cost_no_answer(served: Announced) -> None:
    """Renewals that lose against them are read again and repeated; the labels survive."""
    site, before = served.site, served.site.lease(served.name)["spec"]
    labels = served.outrun_a_renewal()
    renewed = site.lease(served.name)["spec"]["renewTime"]
    site.until(
        "it is renewed again", lambda: site.lease(served.name)["spec"]["renewTime"] != renewed
    )
    lease = site.lease(served.name)
    assert lease["metadata"]["labels"] == labels
    for field in ("holderIdentity", "leaseTransitions", "acquireTime"):
        assert lease["spec"][field] == before[field]
    assert served.answers == [served.holder]
    assert longest_gap(served.witness.claims) < 0.5
