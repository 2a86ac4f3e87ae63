"""externalTrafficPolicy Local: the answers follow the endpoints from node to node."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.announced import address_of, made, policy, pool, removed, service
from tests.cluster.daemon.site import POLICIES, POOLS, SERVICES, Site
from tests.lab.arp_witness import ArpWitness, longest_gap
from tests.lab.cluster import PLANS, WORKERS

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
SILENT_SECONDS = 1.0
READY = {"ready": True, "serving": True, "terminating": False}
DRAINING = {"ready": False, "serving": True, "terminating": True}


def endpoints(**nodes: dict[str, bool]) -> dict[str, list[dict[str, Any]]]:
    """One endpoint with its conditions on each of these nodes."""
    return {
        "endpoints": [
            {"addresses": [f"10.244.0.{number}"], "nodeName": node, "conditions": conditions}
            for number, (node, conditions) in enumerate(nodes.items(), start=1)
        ]
    }


@contextmanager
def local_service(site: Site) -> Iterator[tuple[str, str, ArpWitness]]:
    """A Local Service without any endpoint: its name, its EndpointSlice, who asks for it."""
    number = site.next_number()
    name, address = f"local-{number}", f"172.19.7.{number}"
    with removed(site, name) as (service_name,), site.asking(address) as witness:
        made(site, POOLS, pool(name, [f"{address}/32"]))
        made(site, POLICIES, policy(name))
        made_of = service(service_name, name)
        made_of["spec"]["externalTrafficPolicy"] = "Local"
        made(site, SERVICES, made_of)
        labels = {"kubernetes.io/service-name": service_name}
        made(
            site,
            SLICES,
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {"name": service_name, "labels": labels},
                "addressType": "IPv4",
                "endpoints": [],
            },
        )
        try:
            site.until("it has the address", lambda: address_of(site, service_name) == address)
            yield service_name, f"{SLICES}/{service_name}", witness
        finally:
            site.api.delete(f"{SLICES}/{service_name}")


def nodes_of(witness: ArpWitness, since: float) -> set[str]:
    names = {plan.mac: plan.name for plan in PLANS.values()}
    return {names[claim.mac] for claim in witness.claims if claim.at >= since}


def test_the_answers_follow_the_endpoints(site: Site) -> None:
    first, second = WORKERS
    with local_service(site) as (name, slice_, witness):
        watched = ("watch", "discovery.k8s.io", "endpointslices")
        site.until(
            "the EndpointSlices are watched",
            lambda: watched in {each.right for each in site.audit.asked(DAEMON)},
        )
        began = time.monotonic()
        site.until("time went by", lambda: time.monotonic() - began >= SILENT_SECONDS)
        assert not witness.claims
        assert not site.lease(name)

        site.patch(slice_, endpoints(**{first: READY}))
        site.answered(witness, first)

        moved_at = time.monotonic()
        site.patch(slice_, endpoints(**{second: READY}))
        site.answered(witness, second)
        assert nodes_of(witness, 0.0) == {first, second}
        taken_at = next(c.at for c in witness.claims if c.mac == PLANS[second].mac)
        assert taken_at - moved_at < 1
        assert nodes_of(witness, taken_at) == {second}, "who lost its endpoint is silent"
        assert longest_gap(witness.claims) < 1

        # handed over as planned: the second goes on until the first has it
        site.patch(slice_, endpoints(**{first: READY, second: DRAINING}))
        site.answered(witness, first)
        site.until("the first has it", lambda: site.holder(name) == first)

        site.patch(slice_, endpoints())
        site.until("nobody has it", lambda: not site.holder(name))
        gone_at = time.monotonic()
        site.until("time went by", lambda: time.monotonic() - gone_at >= SILENT_SECONDS)
        assert nodes_of(witness, gone_at) == set()
