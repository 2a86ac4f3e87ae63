"""Kubernetes objects of the simulation, as JSON, and what of them makes a node eligible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from l2announcer.core import lease
from l2announcer.core.facts import Object
from l2announcer.core.model import Kind, LeaseRecord
from l2announcer.kube.decode import Problem, decode
from tests.fakes.definitions import definition_resource
from tests.fakes.resources import ENDPOINT_SLICES, LEASES, NODES, SERVICES, Resource

Json = dict[str, Any]

LEASE_NAMESPACE: Final = "kube-system"
NAMESPACE: Final = "default"
POLICY: Final = "everywhere"
POOL: Final = "pool"
SHARING_KEY: Final = "lbipam.cilium.io/sharing-key"
HOSTS: Final = ("172.19.255.0", "172.19.0.1")
_CRDS: Final = Path(__file__).parents[2] / "config" / "crds"


@cache
def custom_resource(plural: str) -> Resource:
    """The kind that one of our own definitions describes."""
    return definition_resource(yaml.safe_load((_CRDS / f"{plural}.yaml").read_text()))


@cache
def resources() -> dict[Kind, Resource]:
    """Where each kind lives in the store."""
    return {
        Kind.SERVICE: SERVICES,
        Kind.NODE: NODES,
        Kind.LEASE: LEASES,
        Kind.ENDPOINT_SLICE: ENDPOINT_SLICES,
        Kind.POLICY: custom_resource("ciliuml2announcementpolicies"),
        Kind.POOL: custom_resource("ciliumloadbalancerippools"),
    }


def service(name: str, address: str) -> Json:
    return {
        "metadata": {"name": name, "labels": {"announce": "yes"}},
        "spec": {"ports": [{"port": 80, "protocol": "TCP"}], "externalIPs": [address]},
    }


def balanced(name: str) -> Json:
    """A Service that asks for an address."""
    found = service(name, "")
    del found["spec"]["externalIPs"]
    found["spec"]["type"] = "LoadBalancer"
    return found


def asking(number: int) -> Json:
    """One of many that ask for an address; none is announced.

    Every fourth asks for one by name, which another may have; every fifth shares.
    """
    found = balanced(f"ask{number}")
    found["metadata"]["labels"] = {"announce": "no"}
    found["spec"]["ports"] = [{"port": 80 + number, "protocol": "TCP"}]
    if number % 4 == 1:
        found["spec"]["loadBalancerIP"] = f"172.19.255.{1 + number // 4}"
    elif number % 5 == 0:
        found["metadata"]["annotations"] = {SHARING_KEY: "k"}
    return found


def shares(one: Json, other: Json) -> bool:
    """May the two have one address?"""
    keys = [each["metadata"].get("annotations", {}).get(SHARING_KEY) for each in (one, other)]
    return bool(keys[0]) and keys[0] == keys[1]


def endpoints(service_: str, ready: Iterable[str], draining: Iterable[str]) -> Json:
    """The EndpointSlice of a Service with an endpoint on each of these nodes."""
    states = {True: ready, False: draining}
    return {
        "metadata": {"name": service_, "labels": {"kubernetes.io/service-name": service_}},
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": ["10.244.0.1"],
                "nodeName": name,
                "conditions": {"ready": is_ready, "serving": True, "terminating": not is_ready},
            }
            for is_ready, names in states.items()
            for name in names
        ],
    }


def serves(slice_: Json | None, node_: str) -> bool:
    """Has the node an endpoint that kube-proxy would use?"""
    return any(each["nodeName"] == node_ for each in (slice_ or {}).get("endpoints", ()))


def node(name: str, *, worker: bool) -> Json:
    return {"metadata": {"name": name, "labels": {"role": "worker" if worker else "other"}}}


def policy(*, workers_only: bool) -> Json:
    spec: Json = {
        "serviceSelector": {"matchLabels": {"announce": "yes"}},
        "interfaces": ["^eth[0-9]+"],
        "externalIPs": True,
        "loadBalancerIPs": True,
    }
    if workers_only:
        spec["nodeSelector"] = {"matchLabels": {"role": "worker"}}
    return {"metadata": {"name": POLICY}, "spec": spec}


def pool(cidr: str, *, name: str = POOL) -> Json:
    return {"metadata": {"name": name}, "spec": {"blocks": [{"cidr": cidr}]}}


def addresses(found: Json) -> list[str]:
    """The IPv4 addresses of a Service."""
    ingress = found.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return [*found["spec"].get("externalIPs", ()), *(entry["ip"] for entry in ingress)]


def selected(service_: Json, policy_: Json | None, node_: Json | None) -> bool:
    """May the node announce the Service, as far as the API says?"""
    if policy_ is None or node_ is None:
        return False
    wanted = policy_["spec"].get("nodeSelector", {}).get("matchLabels", {})
    labels = node_["metadata"].get("labels", {})
    announced: str = service_["metadata"].get("labels", {}).get("announce", "")
    return announced == "yes" and all(labels.get(key) == value for key, value in wanted.items())


def read_lease(found: Mapping[str, Any]) -> LeaseRecord:
    return lease.decode(found)


def read(kind: Kind, found: Json) -> Object:
    """The object as the core knows it."""
    if kind is Kind.LEASE:
        return read_lease(found)
    result = decode(kind, msgspec.json.encode(found))
    if isinstance(result, Problem):
        raise TypeError(result.sentence)
    return result
