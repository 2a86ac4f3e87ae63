"""PURE. What we read of the API: for each kind its path, its versions, and which objects of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from l2announcer.core.model import Key, Kind, Span

LEASES = "coordination.k8s.io/v1"
SERVICE_NAME = "kubernetes.io/service-name"  # the label of an EndpointSlice
_PROXY_NAME = "service.kubernetes.io/service-proxy-name"

API_KINDS: Mapping[Kind, str] = {
    Kind.SERVICE: "Service",
    Kind.POLICY: "CiliumL2AnnouncementPolicy",
    Kind.POOL: "CiliumLoadBalancerIPPool",
    Kind.LEASE: "Lease",
    Kind.NODE: "Node",
    Kind.ENDPOINT_SLICE: "EndpointSlice",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One row of the table.

    `group_versions` are those that we can read, the preferred first. `namespace` is empty for all
    namespaces and for cluster-scoped kinds. Only names with one of `prefixes` are looked at, where
    there are any. `custom` kinds come from a CRD and may not be installed. `admits` says of labels
    what the query says to the API server.
    """

    kind: Kind
    plural: str
    group_versions: tuple[str, ...]
    namespace: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    prefixes: tuple[str, ...] = ()
    custom: bool = False
    admits: Callable[[Mapping[str, str]], bool] = lambda _: True

    @property
    def api_kind(self) -> str:
        return API_KINDS[self.kind]

    def collection(self, group_version: str) -> str:
        """The path that lists and watches it."""
        return collection(group_version, self.plural, self.namespace)

    def object(self, group_version: str, key: Key) -> str:
        """The path of one object."""
        return f"{collection(group_version, self.plural, key.namespace)}/{key.name}"


def collection(group_version: str, plural: str, namespace: str) -> str:
    """The path of all objects of a resource, in one namespace unless it is empty."""
    root = "apis" if "/" in group_version else "api"  # the core group has a root of its own
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"/{root}/{group_version}{within}/{plural}"


def spanned(slices: Resource, span: Span) -> Resource:
    """EndpointSlices, but only those that are within `span`."""
    if span.everything:
        return slices
    names = ",".join(sorted(span.names))
    return replace(slices, query={"labelSelector": f"{SERVICE_NAME} in ({names})"})


def table(
    *,
    lease_namespace: str,
    lease_prefixes: tuple[str, ...],
    service_proxy_name: str,
) -> Mapping[Kind, Resource]:
    """All that one node reads.

    Services that ask for another service proxy by label are never seen; with `service_proxy_name`
    set, only those that ask for it are (kubernetes.io, well-known labels).
    """
    services = f"{_PROXY_NAME}={service_proxy_name}" if service_proxy_name else f"!{_PROXY_NAME}"
    rows = (
        Resource(
            kind=Kind.SERVICE,
            plural="services",
            group_versions=("v1",),
            query={"labelSelector": services},
            admits=lambda labels: labels.get(_PROXY_NAME) == (service_proxy_name or None),
        ),
        Resource(
            kind=Kind.POLICY,
            plural="ciliuml2announcementpolicies",
            group_versions=("cilium.io/v2alpha1",),
            custom=True,
        ),
        Resource(
            kind=Kind.POOL,
            plural="ciliumloadbalancerippools",
            group_versions=("cilium.io/v2", "cilium.io/v2alpha1"),
            custom=True,
        ),
        Resource(
            kind=Kind.LEASE,
            plural="leases",
            group_versions=(LEASES,),
            namespace=lease_namespace,
            prefixes=lease_prefixes,
        ),
        Resource(kind=Kind.NODE, plural="nodes", group_versions=("v1",)),
        Resource(
            kind=Kind.ENDPOINT_SLICE,
            plural="endpointslices",
            group_versions=("discovery.k8s.io/v1",),
            query={"labelSelector": SERVICE_NAME},
        ),
    )
    return {row.kind: row for row in rows}
