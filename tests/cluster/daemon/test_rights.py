"""What the daemons ask of the API server, by its audit log: no more than needed, all they may."""

import itertools
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from l2announcer.core.heartbeat import HEARTBEAT_PREFIX, RENEW_SECONDS
from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.announced import (
    ALL_USED,
    BAD_INTERFACE,
    announced,
    condition,
    counts,
    events,
    made,
    policy,
    removed,
)
from tests.cluster.daemon.site import POLICIES, SERVICES, SHORT, TIDY, Site
from tests.cluster.installation import CONFIG, manifests

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

STEADY_SECONDS = 8.0
WATCH_ENDPOINTS = ("watch", "discovery.k8s.io", "endpointslices")
HOW_MANY = 3


def test_in_a_steady_state_only_holders_write_and_nobody_reads(site: Site) -> None:
    with ExitStack() as stack:
        services = [stack.enter_context(announced(site)) for _ in range(HOW_MANY)]
        names = {f"cilium-l2announce-default-{each.name}" for each in services}
        names.add("l2announcer-controller")
        for each in services:
            site.until("the pool is counted", lambda p=each.pool: counts(site, p) == ALL_USED)  # type: ignore[misc]
        site.until("Events are told", lambda: _is_quiet(site))
        since, began = site.audit.mark(), time.monotonic()
        site.until("time went by", lambda: time.monotonic() - began >= STEADY_SECONDS, 20)
        asked = site.audit.asked(DAEMON, since)
        seconds = time.monotonic() - began
    assert {(each.verb, each.resource) for each in asked} == {("update", "leases")}
    written = Counter(each.name for each in asked)
    heartbeats = [name for name in written if name.startswith(HEARTBEAT_PREFIX)]
    for name in heartbeats:
        assert written.pop(name) <= seconds / RENEW_SECONDS + 1
    assert written.keys() == names
    expected = seconds / SHORT.retry_period
    for name, times in written.items():
        assert 0.8 * expected <= times <= 1.2 * expected, (name, times, expected)


def _is_quiet(site: Site) -> bool:
    """Was nothing asked but renewals for a moment?"""
    since, began = site.audit.mark(), time.monotonic()
    site.until("a moment", lambda: time.monotonic() - began > 0.5)
    return all(each.verb == "update" for each in site.audit.asked(DAEMON, since))


def test_every_right_is_used(site: Site) -> None:
    """By what the tests of this folder led to so far; what is rare is done here once more."""
    granted = {
        right
        for manifest in manifests(CONFIG / "rbac.yaml")
        for rule in manifest.get("rules", ())
        for right in itertools.product(rule["verbs"], rule["apiGroups"], rule["resources"])
    }
    assert granted

    name = f"rights-{site.next_number()}"
    with removed(site, name), announced(site) as served:
        bad = policy(name)
        bad["spec"]["interfaces"] = ["["]
        made(site, POLICIES, bad)
        site.until("it is told", lambda: condition(site, f"{POLICIES}/{name}", BAD_INTERFACE))
        site.until("the pool is counted", lambda: counts(site, served.pool) == ALL_USED)
        served.outrun_a_renewal()
        # won again by the same node, which counts its Event instead of telling a second one
        site.until("an Event", lambda: "Announced" in events(site, served.name))
        assert site.api.delete(served.lease).ok
        site.until("it is counted", lambda: events(site, served.name)["Announced"]["count"] > 1)
        site.patch(f"{SERVICES}/{served.name}", {"spec": {"externalTrafficPolicy": "Local"}})
        site.until("the endpoints are watched", lambda: WATCH_ENDPOINTS in _used(site))
    site.run(TIDY)
    site.until("its Lease is deleted", lambda: not site.lease(served.name))
    assert granted - _used(site) == set()


def _used(site: Site) -> set[tuple[str, str, str]]:
    return {each.right for each in site.audit.asked(DAEMON) if each.code < 300}
