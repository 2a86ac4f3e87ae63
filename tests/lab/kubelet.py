"""Controllers, scheduler and kubelets of the embedded control plane, all in one.

Deployments become Pods that run (tests.lab.pods), and endpoints of Services.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.lab.api import Api, ApiError, Object, Reconciler
from tests.lab.namespaces import Lab
from tests.lab.pods import PodNetwork, least_busy

DEPLOYMENTS = "/apis/apps/v1/deployments"
SERVICES = "/api/v1/services"
SLICES = "/apis/discovery.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A Pod that runs."""

    name: str
    owner: str
    labels: Mapping[str, str]
    node: str
    address: str


class Kubelet:
    """Keeps Pods and EndpointSlices in step with Deployments and Services, until closed."""

    def __init__(self, api: Api, lab: Lab, networks: Sequence[PodNetwork]) -> None:
        self._api = api
        self._lab = lab
        self._networks = networks
        self._pods: dict[str, Pod] = {}
        self._slices: dict[str, Object] = {}
        self.reconciler = Reconciler(api, (DEPLOYMENTS, SERVICES), self._converge)

    def close(self) -> None:
        """Stop; the Pods go with the lab."""
        self.reconciler.close()

    def _converge(self) -> None:
        wanted: dict[str, Object] = {}
        for deployment in self._api.items(DEPLOYMENTS):
            for index in range(deployment["spec"].get("replicas", 1)):
                wanted[_pod_name(deployment, index)] = deployment
        for name in self._pods.keys() - wanted.keys():
            self._remove(self._pods.pop(name))
        for name in wanted.keys() - self._pods.keys():
            self._pods[name] = self._start(name, wanted[name])
        self._publish(self._api.items(SERVICES))

    def _start(self, name: str, deployment: Object) -> Pod:
        template = deployment["spec"]["template"]
        network = least_busy(self._networks, [pod.node for pod in self._pods.values()])
        address = network.next_address()
        owner = f"{deployment['metadata']['namespace']}/{deployment['metadata']['name']}"
        pod = Pod(
            name=name,
            owner=owner,
            labels=template["metadata"]["labels"],
            node=network.node.name,
            address=address,
        )
        collection = f"/api/v1/namespaces/{deployment['metadata']['namespace']}/pods"
        self._api.create(
            collection,
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "labels": dict(pod.labels)},
                "spec": {**template["spec"], "nodeName": pod.node},
            },
        )
        network.run(self._lab, name, address, template["spec"]["containers"])
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": _now()}
        status = {"phase": "Running", "podIP": address, "conditions": [ready]}
        self._api.merge(f"{collection}/{name}/status", {"status": status})
        return pod

    def _remove(self, pod: Pod) -> None:
        namespace, _, _ = pod.owner.partition("/")
        self._lab.remove(pod.name)
        try:
            self._api.delete(f"/api/v1/namespaces/{namespace}/pods/{pod.name}")
        except ApiError as error:
            if error.code != 404:
                raise

    def _publish(self, services: Sequence[Object]) -> None:
        wanted = {
            f"{service['metadata']['namespace']}/{service['metadata']['name']}": service
            for service in services
            if service["spec"].get("selector")
        }
        for key in self._slices.keys() - wanted.keys():
            namespace, _, name = key.partition("/")
            self._api.delete(f"{SLICES}/namespaces/{namespace}/endpointslices/{name}-lab")
            del self._slices[key]
        for key, service in wanted.items():
            content = self._slice(service)
            if self._slices.get(key) == content:
                continue
            namespace = service["metadata"]["namespace"]
            collection = f"{SLICES}/namespaces/{namespace}/endpointslices"
            if key in self._slices:
                self._api.merge(f"{collection}/{content['metadata']['name']}", content)
            else:
                self._api.create(collection, content)
            self._slices[key] = content

    def _slice(self, service: Object) -> Object:
        name = service["metadata"]["name"]
        namespace = service["metadata"]["namespace"]
        selector = service["spec"]["selector"].items()
        endpoints: list[dict[str, Any]] = [
            {
                "addresses": [pod.address],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": pod.node,
                "targetRef": {"kind": "Pod", "namespace": namespace, "name": pod.name},
            }
            for pod in self._pods.values()
            if pod.owner.startswith(f"{namespace}/") and selector <= pod.labels.items()
        ]
        ports = [
            {"name": port.get("name", ""), "port": port["targetPort"], "protocol": port["protocol"]}
            for port in service["spec"]["ports"]
        ]
        labels = {"kubernetes.io/service-name": name}
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": f"{name}-lab", "labels": labels},
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": ports,
        }


def _pod_name(deployment: Object, index: int) -> str:
    digest = hashlib.sha256(deployment["metadata"]["uid"].encode()).hexdigest()
    return f"{deployment['metadata']['name']}-{digest[:10]}-{index}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
