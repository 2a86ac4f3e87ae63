"""A holder that comes back before its Lease has run out; what else befalls one: test_histories."""

import signal

import pytest

from tests.cluster.daemon.announced import Announced

pytestmark = [pytest.mark.cluster, pytest.mark.lab]


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
