"""The token of the daemons' service account is rotated: in time, and after it was refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.daemon.announced import Announced, announced
from tests.cluster.daemon.service_account import ServiceAccount
from tests.cluster.daemon.site import SHORT, START_SECONDS, Site
from tests.lab.arp_witness import longest_gap
from tests.lab.cluster import PLANS

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

LOADED_AGAIN = "credentials loaded again"


@pytest.fixture
def account(empty_site: Site, tmp_path: Path) -> Iterator[ServiceAccount]:
    """What the daemons of all nodes have mounted, as pods of a DaemonSet do."""
    site = empty_site
    site.install()
    site.run(SHORT)
    account = ServiceAccount(site, tmp_path)
    enter, environment = account.pod()
    for name in PLANS:
        assert site.stop(name) == 0
        site.start_in(name, enter, environment)
    for name in PLANS:
        site.until(f"{name} reads everything", partial(site.reads, name), START_SECONDS)
    yield account
    for name in PLANS:
        assert site.stop(name) == 0


def renew_time(served: Announced) -> str:
    return str(served.site.lease(served.name)["spec"]["renewTime"])


def renewed(served: Announced) -> bool:
    """Is its Lease renewed from now on? Waits for it."""
    before = renew_time(served)
    return bool(served.site.until("renewed", lambda: renew_time(served) != before))


def stands_still(served: Announced) -> bool:
    """Was its Lease not renewed for longer than it lasts? Waits for that long."""
    before, since = renew_time(served), time.monotonic()
    time.sleep(SHORT.duration + 1)
    return renew_time(served) == before and time.monotonic() - since > SHORT.duration


@pytest.fixture
def served(account: ServiceAccount) -> Iterator[Announced]:
    """A Service that one of two workers answers for."""
    with announced(account.site) as service:
        yield service


def test_answers_never_stop(account: ServiceAccount, served: Announced) -> None:
    site, began_at = served.site, time.monotonic()
    before = site.lease(served.name)["spec"]
    # as a kubelet does it, long before the old one expires
    old = account.token
    account.rotate()
    site.until("loaded again", lambda: LOADED_AGAIN in site.said(served.holder))
    account.revoke(old)
    assert renewed(served)
    # too late: nothing is accepted from anybody any more
    account.revoke(account.token)
    site.until("it stands still", partial(stands_still, served), 30)
    account.rotate()
    assert renewed(served)
    assert LOADED_AGAIN in site.said(served.other)
    for name in PLANS:
        site.until(f"{name} reads everything", partial(site.reads, name))
    after = site.lease(served.name)["spec"]
    for field in ("holderIdentity", "leaseTransitions", "acquireTime"):
        assert after[field] == before[field]
    assert served.answers == [served.holder]
    assert longest_gap(served.witness.claims) < 0.5
    served.all_answered_since(began_at)
