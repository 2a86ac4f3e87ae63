"""A Service with its pool and policy on a site, from pending to answered, and gone again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.site import EVENTS, LEASES, POLICIES, POOLS, SERVICES, Site
from tests.lab.arp_witness import ArpWitness, runs
from tests.lab.cluster import PLANS, WORKERS

BAD_INTERFACE = "io.cilium/bad-interface-regex"
SATISFIED = "cilium.io/IPAMRequestSatisfied"
ALL_USED = {"IPsTotal": "1", "IPsUsed": "1", "IPsAvailable": "0"}
NOT_ON_THE_CONTROL_PLANE = {
    "matchExpressions": [
        {"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"}
    ]
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A Service of its own name and address; `holder` answered for it when the test began."""

    site: Site
    name: str
    pool: str
    address: str
    holder: str
    witness: ArpWitness

    @property
    def other(self) -> str:
        """The worker that may answer but does not."""
        return next(name for name in WORKERS if name != self.holder)

    @property
    def answers(self) -> list[str]:
        """The nodes in the order in which they answered."""
        names = {plan.mac: plan.name for plan in PLANS.values()}
        return [names[mac] for mac, _ in runs(self.witness.claims)]

    def all_answered_since(self, instant: float) -> None:
        """Wait until so many answers came as requests were sent; LabError where some were lost.

        One may have been under way when counting begins.
        """
        count = self.witness.unanswered
        self.site.until("all are answered", lambda: count(instant, time.monotonic()) <= 1)

    @property
    def lease(self) -> str:
        """The path of its Lease."""
        return f"{LEASES}/cilium-l2announce-default-{self.name}"

    def outrun_a_renewal(self) -> dict[str, str]:
        """Write labels until a renewal was too late for one and the Lease was read again.

        Returns the labels that were written last.
        """
        since, labels = self.site.audit.mark(), {"number": "0"}

        def outrun() -> bool:
            for _ in range(20):
                labels["number"] = str(int(labels["number"]) + 1)
                self.site.patch(self.lease, {"metadata": {"labels": labels}})
            asked = self.site.audit.asked(DAEMON, since)
            codes = {(each.verb, each.code) for each in asked if each.resource == "leases"}
            return codes >= {("update", 409), ("get", 200)}

        self.site.until("a renewal was outrun", outrun, 20)
        return labels


def service(name: str, label: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"app": label}},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": name}},
    }


def pool(name: str, blocks: Sequence[str]) -> dict[str, Any]:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumLoadBalancerIPPool",
        "metadata": {"name": name},
        "spec": {
            "blocks": [{"cidr": block} for block in blocks],
            "serviceSelector": {"matchLabels": {"app": name}},
        },
    }


def policy(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "cilium.io/v2alpha1",
        "kind": "CiliumL2AnnouncementPolicy",
        "metadata": {"name": name},
        "spec": {
            "serviceSelector": {"matchLabels": {"app": name}},
            "nodeSelector": NOT_ON_THE_CONTROL_PLANE,
            "interfaces": ["^eth[0-9]+"],
            "loadBalancerIPs": True,
        },
    }


@contextmanager
def removed(site: Site, name: str, services: int = 1) -> Iterator[list[str]]:
    """Names for some Services; these, and the pool and policy `name`, are gone at the end."""
    names = [f"{name}-{number}" for number in range(1, services + 1)]
    paths = [f"{SERVICES}/{each}" for each in names]
    try:
        yield names
    finally:
        for path in (*paths, f"{POLICIES}/{name}", f"{POOLS}/{name}"):
            site.api.delete(path)


def made(site: Site, collection: str, manifest: dict[str, Any]) -> None:
    """Create an object, or fail with the API server's reason."""
    answer = site.api.post(collection, manifest)
    assert answer.ok, answer


def address_of(site: Site, name: str) -> str:
    """The address in the status of a Service; empty while it is pending."""
    status = site.read(f"{SERVICES}/{name}")["status"]
    return "".join(each["ip"] for each in status["loadBalancer"].get("ingress", ()))


def condition(site: Site, path: str, type_: str) -> dict[str, Any]:
    """One condition of an object; empty while it is not there."""
    found = site.read(path).get("status", {}).get("conditions", ())
    return next((each for each in found if each["type"] == type_), {})


def counts(site: Site, name: str) -> dict[str, str]:
    """What a pool says of its addresses; empty texts while it does not."""
    path, types = f"{POOLS}/{name}", ("IPsTotal", "IPsUsed", "IPsAvailable")
    return {
        type_: condition(site, path, f"cilium.io/{type_}").get("message", "") for type_ in types
    }


def events(site: Site, name: str) -> dict[str, dict[str, Any]]:
    """The Events about an object, by their reasons, as `kubectl describe` asks for them."""
    path = f"{EVENTS}?fieldSelector=involvedObject.name={name}"
    return {event["reason"]: event for event in site.read(path)["items"]}


@contextmanager
def announced(site: Site) -> Iterator[Announced]:
    """One Service, announced: some node answers for it."""
    number = site.next_number()
    name, address = f"served-{number}", f"172.19.7.{number}"
    with removed(site, name) as (service_name,):
        made(site, POOLS, pool(name, [f"{address}/32"]))
        made(site, POLICIES, policy(name))
        made(site, SERVICES, service(service_name, name))
        site.until("it has the address", lambda: address_of(site, service_name) == address)
        holder = site.until("a holder", lambda: site.holder(service_name))
        with site.asking(address) as witness:
            site.answered(witness, holder)
            yield Announced(
                site=site,
                name=service_name,
                pool=name,
                address=address,
                holder=holder,
                witness=witness,
            )
