"""Beside other load balancers: a Service of another class, a status that somebody else writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from l2announcer.core.ipam.rivalry import AT_ONCE
from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.announced import Announced, address_of, announced, events, made, service
from tests.cluster.daemon.site import SERVICES, Site
from tests.lab.arp_witness import longest_gap

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

OTHER_CLASS = "example.com/other"
THEIRS = "172.19.8.1"
CONTESTED = "AddressContested"
TIMES = 40
TIMES_APART_SECONDS = 0.05


def show(site: Site, name: str, *addresses: str) -> None:
    """Write a Service's addresses, as another load balancer does."""
    ingress = [{"ip": address} for address in addresses]
    site.patch(f"{SERVICES}/{name}/status", {"status": {"loadBalancer": {"ingress": ingress}}})


def ingress(site: Site, name: str) -> list[str]:
    status = site.read(f"{SERVICES}/{name}")["status"]
    return [each["ip"] for each in status["loadBalancer"].get("ingress", ())]


def written(site: Site, name: str, since: int) -> int:
    """How often the daemons wrote anything of a Service, or tried to."""
    asked = [each for each in site.audit.asked(DAEMON, since) if each.name == name]
    return sum(each.resource.startswith("services") and each.verb != "get" for each in asked)


@contextmanager
def of_another(served: Announced) -> Iterator[str]:
    """A Service beside one of ours that differs from it in name and class; its name."""
    site, name = served.site, f"{served.name}-theirs"
    manifest: dict[str, Any] = service(name, served.pool)
    manifest["spec"]["loadBalancerClass"] = OTHER_CLASS
    made(site, SERVICES, manifest)
    try:
        yield name
    finally:
        site.api.delete(f"{SERVICES}/{name}")


def test_a_service_of_another_class_is_neither_served_nor_announced(served: Announced) -> None:
    """Though the pool and the policy select it, and it shows an address."""
    site, since = served.site, served.site.audit.mark()
    with of_another(served) as name, site.asking(THEIRS) as witness:
        show(site, name, THEIRS)
        before = site.read(f"{SERVICES}/{name}")
        # whoever serves this one has seen the other before
        with announced(site) as newcomer:
            assert newcomer.holder
        site.until("asked", lambda: len(witness.asked) > 100)
        assert witness.claims == []
        assert site.lease(name) == {}
        assert site.read(f"{SERVICES}/{name}") == before
        assert written(site, name, since) == 0
    assert served.answers == [served.holder]


def test_what_somebody_else_writes_into_a_service_of_ours_is_put_right_once(
    served: Announced,
) -> None:
    """With a pool, the status of a Service without a class is ours."""
    site, since, began_at = served.site, served.site.audit.mark(), time.monotonic()
    with site.asking(THEIRS) as witness:
        show(site, served.name, THEIRS, served.address)
        site.until("it's right", lambda: ingress(site, served.name) == [served.address])
        with announced(site) as newcomer:
            assert newcomer.holder
        assert written(site, served.name, since) == 1
        # it may have been answered for while it was there
        site.until(
            "silence", lambda: not witness.claims or witness.claims[-1].at < time.monotonic() - 1
        )
    assert address_of(site, served.name) == served.address
    assert served.answers == [served.holder]
    assert longest_gap(served.witness.claims) < 0.5
    served.all_answered_since(began_at)


def test_who_writes_it_again_and_again_is_not_outpaced(served: Announced) -> None:
    """Two controllers that put each other right at once would do nothing else."""
    site, since = served.site, served.site.audit.mark()
    for _ in range(TIMES):
        show(site, served.name, served.address, THEIRS)
        time.sleep(TIMES_APART_SECONDS)
    assert AT_ONCE <= written(site, served.name, since) < TIMES / 2
    site.until("it's told", lambda: CONTESTED in events(site, served.name))
    told = events(site, served.name)[CONTESTED]
    assert told["count"] == 1
    assert "lbIpam: false" in told["message"]
    site.until("it's right", lambda: ingress(site, served.name) == [served.address])
    # which was in it all the time
    assert served.answers == [served.holder]
    assert longest_gap(served.witness.claims) < 0.5
