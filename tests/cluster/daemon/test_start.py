"""From nothing to an answer on the wire, and what a start says while something is missing."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cluster.controlplane import STRANGER, User
from tests.cluster.daemon.announced import (
    ALL_USED,
    SATISFIED,
    address_of,
    condition,
    counts,
    events,
    made,
    policy,
    pool,
    removed,
    service,
)
from tests.cluster.daemon.site import POLICIES, POOLS, SERVICES, SHORT, Site
from tests.cluster.installation import CONFIG, apply, manifests, place
from tests.lab.cluster import PLANS, WORKERS

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
DEFINITIONS = ("ciliuml2announcementpolicies", "ciliumloadbalancerippools")
MISSING = "not permitted to list leases in namespace kube-system: kubectl apply -f config/rbac.yaml"


@pytest.fixture
def stopped_site(empty_site: Site) -> Iterator[Site]:
    """No daemon runs."""
    for name in list(empty_site.daemons):
        assert empty_site.stop(name) == 0
    yield empty_site
    for name in list(empty_site.daemons):
        empty_site.stop(name)


def test_from_nothing_over_missing_definitions_to_an_answer(stopped_site: Site) -> None:
    site, number = stopped_site, stopped_site.next_number()
    name, address = f"first-{number}", f"172.19.7.{number}"
    site.install()  # the rights
    site.uninstall()
    site.start_all(SHORT)
    for node in PLANS:
        # though there are no policies and no pools to be had
        site.until(f"{node} is ready", lambda n=node: site.ready(n)[0])  # type: ignore[misc]
        _says_what_to_install(site, node)
    with removed(site, name) as (service_name,), site.asking(address) as witness:
        made(site, SERVICES, service(service_name, name))
        path = f"{SERVICES}/{service_name}"
        site.install()
        # pending, and with no pool there is nothing to judge by
        assert site.read(path)["status"] == {"loadBalancer": {}}
        made(site, POOLS, pool(name, [f"{address}/32"]))
        site.until("it has the address", lambda: address_of(site, service_name) == address)
        assert condition(site, path, SATISFIED)["status"] == "True"
        site.until("the pool is counted", lambda: counts(site, name) == ALL_USED)
        assert condition(site, f"{POOLS}/{name}", "cilium.io/PoolConflict")["status"] == "False"
        assert not site.lease(service_name)
        assert not witness.claims
        made(site, POLICIES, policy(name))
        holder = site.until("a holder", lambda: site.holder(service_name))
        assert holder in WORKERS
        site.answered(witness, holder)
        assert {claim.mac for claim in witness.claims} == {PLANS[holder].mac}
        _was_written_as_client_go_does(site.lease(service_name)["spec"], holder)
        _events_tell_of(site, service_name, address, holder)
    for node in PLANS:
        site.until(f"{node} found them", lambda n=node: not site.problems(n))  # type: ignore[misc]


def _says_what_to_install(site: Site, node: str) -> None:
    for plural in DEFINITIONS:
        line = f"the CRD {plural}.cilium.io is not installed: kubectl apply -f config/crds"
        assert site.said(node).count(line) == 1
        assert line in "".join(site.problems(node))


def _was_written_as_client_go_does(spec: dict[str, Any], holder: str) -> None:
    assert MICRO_TIME.fullmatch(spec.pop("acquireTime"))
    assert MICRO_TIME.fullmatch(spec.pop("renewTime"))
    assert spec == {"holderIdentity": holder, "leaseDurationSeconds": 3, "leaseTransitions": 0}


def _events_tell_of(site: Site, service_name: str, address: str, holder: str) -> None:
    reasons = {"AddressAssigned", "Announced"}
    site.until("two Events", lambda: events(site, service_name).keys() >= reasons)
    told = events(site, service_name)
    assert address in told["AddressAssigned"]["message"]
    assert told["Announced"]["source"] == {"component": "l2announcer", "host": holder}
    assert told["Announced"]["message"] == f"this node answers for {address} on eth0"


def test_missing_rights_are_named_with_the_cure_and_need_no_restart(stopped_site: Site) -> None:
    site, node = stopped_site, WORKERS[0]
    site.install()
    site.start(node, STRANGER)
    site.until("it is told", lambda: MISSING in site.ready(node)[1])
    assert not site.ready(node)[0]
    # the server's own words are for those who may see them
    assert any(
        'User "stranger" cannot list resource "leases"' in each for each in site.problems(node)
    )
    assert site.said(node).count(MISSING) == 1
    with _bound_to_our_roles(site, STRANGER):
        site.until("ready", lambda: site.ready(node)[0])
    assert site.said(node).count(MISSING) == 1
    assert site.stop(node) == 0


@contextmanager
def _bound_to_our_roles(site: Site, user: User) -> Iterator[None]:
    """What config/rbac.yaml binds, bound to one more user."""
    bindings = [each for each in manifests(CONFIG / "rbac.yaml") if "roleRef" in each]
    for binding in bindings:
        binding["metadata"]["name"] = user.name
        binding["subjects"] = [{"kind": "User", "name": user.name}]
    try:
        for binding in bindings:
            assert apply(site.api, binding).ok
        yield
    finally:
        for binding in bindings:
            site.api.delete(place(binding))
