"""A holder that stops, dies, freezes or comes back: who answers, in which order, for how long."""

import signal
import time

import pytest

from tests.cluster.daemon.announced import Announced
from tests.cluster.daemon.site import SHORT
from tests.lab.arp_witness import longest_gap
from tests.lab.cluster import PLANS

pytestmark = [pytest.mark.cluster, pytest.mark.lab]


def test_a_stopped_holder_hands_over_at_once(served: Announced) -> None:
    site, before = served.site, served.site.transitions(served.name)
    assert site.stop(served.holder) == 0
    site.answered(served.witness, served.other)
    assert served.answers == [served.holder, served.other]
    assert site.transitions(served.name) == before + 1
    assert longest_gap(served.witness.claims) < 1


def test_a_killed_holder_is_followed_when_its_lease_has_run_out(served: Announced) -> None:
    site, before = served.site, served.site.transitions(served.name)
    site.stop(served.holder, signal.SIGKILL)
    site.answered(served.witness, served.other)
    assert served.answers == [served.holder, served.other]
    assert site.transitions(served.name) == before + 1
    gap = longest_gap(served.witness.claims)
    assert SHORT.duration - SHORT.retry_period - 0.5 < gap < SHORT.duration + 2


def test_a_killed_holder_that_comes_back_in_time_resumes(long_served: Announced) -> None:
    served, site = long_served, long_served.site
    before = site.lease(served.name)["spec"]
    site.stop(served.holder, signal.SIGKILL)
    site.start(served.holder)
    site.answered(served.witness, served.holder)
    assert served.answers == [served.holder]
    after = site.lease(served.name)["spec"]
    kept = ("holderIdentity", "leaseTransitions", "acquireTime")
    assert [after[field] for field in kept] == [before[field] for field in kept]


def test_a_frozen_holder_is_silent_when_it_wakes_up(served: Announced) -> None:
    site, frozen = served.site, served.site.daemons[served.holder]
    frozen.send_signal(signal.SIGSTOP)
    try:
        taken_at = site.answered(served.witness, served.other)
    finally:
        frozen.send_signal(signal.SIGCONT)
    woken_at = time.monotonic()
    site.until("it runs again", lambda: site.ready(served.holder)[0])
    site.answered(served.witness, served.other)
    assert woken_at > taken_at
    # what was already past its last check when the freeze came may still get out: one frame
    assert served.witness.count(PLANS[served.holder].mac, taken_at) <= 1
    assert site.holder(served.name) == served.other
