"""Stands in for kube-proxy on every node: nft rules made from Services and EndpointSlices.

A node translates what it is sent for a Service's cluster, external and load balancer addresses to
one of the ready endpoints, and takes on their connections itself so that answers come back through
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.lab.api import Api, Object, Reconciler
from tests.lab.namespaces import Namespace

SERVICES = "/api/v1/services"
SLICES = "/apis/discovery.k8s.io/v1/endpointslices"


class ServiceProxy:
    """Keeps the rules of all nodes in step with the API server, until closed."""

    def __init__(self, api: Api, nodes: Sequence[Namespace]) -> None:
        self._api = api
        self._nodes = nodes
        self._loaded = ""
        self.reconciler = Reconciler(api, (SERVICES, SLICES), self._converge)

    def close(self) -> None:
        self.reconciler.close()

    def translates(self, address: str) -> bool:
        """Have all nodes loaded rules for an address of a Service with ready endpoints?"""
        return any(address in line and " dnat " in line for line in self._loaded.splitlines())

    def _converge(self) -> None:
        rules = ruleset(self._api.items(SERVICES), self._api.items(SLICES))
        if rules == self._loaded:
            return
        for node in self._nodes:
            node.run(["nft", "-f", "-"], text=rules)
        self._loaded = rules


def ruleset(services: Sequence[Object], slices: Sequence[Object]) -> str:
    """What `nft -f -` loads in one transaction, whatever was loaded before."""
    rules = "".join(
        f"    {rule}\n" for service in services for rule in _service_rules(service, slices)
    )
    return f"""\
add table ip services
delete table ip services
table ip services {{
  chain translate {{
{rules}  }}
  chain prerouting {{
    type nat hook prerouting priority dstnat
    jump translate
  }}
  chain output {{
    type nat hook output priority -100
    jump translate
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat
    ct status dnat masquerade
  }}
}}
"""


def _service_rules(service: Object, slices: Sequence[Object]) -> Iterator[str]:
    addresses = list(_addresses(service))
    if not addresses:
        return
    for port in service["spec"].get("ports", ()):
        targets = list(_targets(service, port, slices))
        if not targets:
            continue
        protocol = port["protocol"].lower()
        choice = ", ".join(f"{number} : {target}" for number, target in enumerate(targets))
        destination = f"numgen random mod {len(targets)} map {{ {choice} }}"
        yield (
            f"ip daddr {{ {', '.join(addresses)} }} {protocol} dport {port['port']}"
            f" dnat ip addr . port to {destination}"
        )


def _addresses(service: Object) -> Iterator[str]:
    cluster = service["spec"].get("clusterIP", "None")
    if cluster != "None":
        yield cluster
    yield from service["spec"].get("externalIPs", ())
    for entry in service.get("status", {}).get("loadBalancer", {}).get("ingress", ()):
        if entry.get("ip"):
            yield entry["ip"]


def _targets(service: Object, port: Object, slices: Sequence[Object]) -> Iterator[str]:
    """`address . port` of each ready endpoint behind one port of a Service."""
    for piece in slices:
        named = piece["metadata"].get("labels", {}).get("kubernetes.io/service-name")
        if piece["metadata"]["namespace"] != service["metadata"]["namespace"]:
            continue
        if named != service["metadata"]["name"]:
            continue
        for target in piece["ports"]:
            if target.get("name", "") != port.get("name", ""):
                continue
            for endpoint in piece["endpoints"]:
                if endpoint["conditions"].get("ready"):
                    yield f"{endpoint['addresses'][0]} . {target['port']}"
