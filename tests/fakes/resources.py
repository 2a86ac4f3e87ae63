"""The table of kinds that the fake API server has from the start, and what is peculiar to each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.schema import Schema

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resource:
    """One kind of object. `versions` are the served ones, the stored one first.

    `generation` counts changes of the spec; `put_creates` lets PUT create what is missing;
    `put_blind` lets PUT go without a resourceVersion; `returns_deleted` answers a DELETE with the
    object and not with a Status. `schemas` and `printed` (columns), by version, and `custom` belong
    to custom resources.
    """

    group: str
    kind: str
    plural: str
    versions: tuple[str, ...] = ("v1",)
    namespaced: bool = True
    status: bool = False
    generation: bool = False
    put_creates: bool = False
    put_blind: bool = True
    returns_deleted: bool = False
    short_names: tuple[str, ...] = ()
    singular: str = ""
    list_kind: str = ""
    categories: tuple[str, ...] = ()
    selectable: tuple[str, ...] = ()
    custom: bool = False
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    printed: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def items_kind(self) -> str:
        return self.list_kind or f"{self.kind}List"

    def api_version(self, version: str = "") -> str:
        """The `apiVersion` of an object of this kind; without `version`, as it is stored."""
        version = version or self.versions[0]
        return f"{self.group}/{version}" if self.group else version


NAMESPACES = Resource(
    group="",
    kind="Namespace",
    plural="namespaces",
    namespaced=False,
    status=True,
    short_names=("ns",),
    selectable=("status.phase",),
)
NODES = Resource(
    group="",
    kind="Node",
    plural="nodes",
    namespaced=False,
    status=True,
    short_names=("no",),
    selectable=("spec.unschedulable",),
)
SERVICES = Resource(
    group="",
    kind="Service",
    plural="services",
    status=True,
    put_creates=True,
    returns_deleted=True,
    short_names=("svc",),
    categories=("all",),
    selectable=("spec.clusterIP", "spec.type"),
)
PODS = Resource(
    group="",
    kind="Pod",
    plural="pods",
    status=True,
    returns_deleted=True,
    short_names=("po",),
    categories=("all",),
    selectable=("spec.nodeName", "status.phase", "status.podIP", "spec.restartPolicy"),
)
EVENTS = Resource(
    group="",
    kind="Event",
    plural="events",
    put_creates=True,
    short_names=("ev",),
    selectable=(
        "involvedObject.kind",
        "involvedObject.name",
        "involvedObject.namespace",
        "involvedObject.uid",
        "reason",
        "type",
        "reportingComponent",
        "source",
    ),
)
ENDPOINTS = Resource(
    group="", kind="Endpoints", plural="endpoints", put_creates=True, short_names=("ep",)
)
CONFIG_MAPS = Resource(group="", kind="ConfigMap", plural="configmaps", short_names=("cm",))
SERVICE_ACCOUNTS = Resource(
    group="",
    kind="ServiceAccount",
    plural="serviceaccounts",
    returns_deleted=True,
    short_names=("sa",),
)
DEPLOYMENTS = Resource(
    group="apps",
    kind="Deployment",
    plural="deployments",
    status=True,
    generation=True,
    short_names=("deploy",),
    categories=("all",),
)
REPLICA_SETS = Resource(
    group="apps",
    kind="ReplicaSet",
    plural="replicasets",
    status=True,
    generation=True,
    short_names=("rs",),
    categories=("all",),
    selectable=("status.replicas",),
)
ENDPOINT_SLICES = Resource(
    group="discovery.k8s.io", kind="EndpointSlice", plural="endpointslices", generation=True
)
LEASES = Resource(
    group="coordination.k8s.io", kind="Lease", plural="leases", put_creates=True, put_blind=False
)
DEFINITIONS = Resource(
    group="apiextensions.k8s.io",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    namespaced=False,
    status=True,
    generation=True,
    put_blind=False,
    short_names=("crd", "crds"),
    categories=("api-extensions",),
)

BUILT_IN = (
    NAMESPACES,
    NODES,
    SERVICES,
    PODS,
    EVENTS,
    ENDPOINTS,
    CONFIG_MAPS,
    SERVICE_ACCOUNTS,
    DEPLOYMENTS,
    REPLICA_SETS,
    ENDPOINT_SLICES,
    LEASES,
    DEFINITIONS,
)
