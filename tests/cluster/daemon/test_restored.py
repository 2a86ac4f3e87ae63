"""etcd is restored from a backup: resourceVersions go back, and some objects are no more."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.daemon.announced import Announced, announced
from tests.cluster.daemon.site import POLICIES, Site
from tests.lab.arp_witness import longest_gap
from tests.lab.cluster import PLANS

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

WATCHES_WITHIN_SECONDS = 6
BACK_BY = 300  # versions, more than the test will write afterwards
WENT_BACK = "the API server's store went back to an older state"


def outrun(site: Site, number: int) -> int:
    """Make that many versions; the last of them."""
    name = f"counted-{site.next_number()}"
    path = f"/api/v1/namespaces/default/configmaps/{name}"
    assert site.api.post(path.rpartition("/")[0], {"metadata": {"name": name}}).ok
    for each in range(number):
        site.patch(path, {"data": {"number": str(each)}})
    version = int(site.read(path)["metadata"]["resourceVersion"])
    site.api.delete(path)
    return version


def renewed(site: Site, name: str) -> bool:
    """Is a Lease renewed from now on? Waits for it."""
    before = site.lease(name)["spec"]["renewTime"]
    return bool(
        site.until("renewed", lambda: site.lease(name).get("spec", {}).get("renewTime") != before)
    )


def test_an_answer_lasts_through_it_and_what_is_lost_is_answered_no_more(
    long_served: Announced, tmp_path: Path
) -> None:
    served, site = long_served, long_served.site
    assert renewed(site, served.name)
    before = site.lease(served.name)["spec"]
    site.control_plane.back_up(tmp_path / "backup")
    with announced(site) as lost:
        version = outrun(site, BACK_BY)
        site.restore(tmp_path / "backup")
        for name in PLANS:
            site.until(f"{name} watches", partial(site.reads, name), WATCHES_WITHIN_SECONDS)
            site.until("it is told", lambda n=name: WENT_BACK in site.said(n))  # type: ignore[misc]
        assert renewed(site, served.name)
        lease = site.lease(served.name)
        assert int(lease["metadata"]["resourceVersion"]) < version
        # whose Service is no more
        assert not site.lease(lost.name)
        site.until("silence", lambda: time.monotonic() - lost.witness.claims[-1].at > 1)
    for field in ("holderIdentity", "leaseTransitions", "acquireTime"):
        assert lease["spec"][field] == before[field]
    assert served.answers == [served.holder]
    assert longest_gap(served.witness.claims) < 0.5
    # and what is new is seen, at versions that the lost history had too
    with announced(site) as newcomer:
        assert newcomer.holder
    site.patch(f"{POLICIES}/{served.pool}", {"spec": {"loadBalancerIPs": False}})
    site.until("silence", lambda: time.monotonic() - served.witness.claims[-1].at > 1)
    assert int(site.lease(served.name)["metadata"]["resourceVersion"]) < version
