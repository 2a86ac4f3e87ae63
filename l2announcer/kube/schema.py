"""PURE. The shape of the API's JSON: structs that name only the fields we read.

Everything may be absent or null: which of the two a server sends depends on its version.
"""

from __future__ import annotations

from typing import Any, Required, TypedDict

import msgspec

from l2announcer.core.model import Key


class Struct(msgspec.Struct, rename="camel"):
    """A JSON object with camelCase names; fields that we don't name are skipped."""


class Metadata(Struct):
    name: str
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    generation: int | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    @property
    def key(self) -> Key:
        return Key(self.namespace or "", self.name)


class Identity(Struct):
    """Enough to name an object whose other fields may be anything."""

    metadata: IdentityMetadata


class IdentityMetadata(Struct):
    name: str = ""
    namespace: str | None = None
    resource_version: str | None = None


class Requirement(Struct):
    key: str
    operator: str
    values: list[str] | None = None


class LabelSelector(Struct):
    match_labels: dict[str, str] | None = None
    match_expressions: list[Requirement] | None = None


class Condition(Struct):
    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    observed_generation: int | None = None
    last_transition_time: str | None = None


class Status(Struct):
    conditions: list[Condition] | None = None


class Port(Struct):
    port: int
    protocol: str | None = None


class ServiceSpec(Struct):
    type: str | None = None
    load_balancer_class: str | None = None
    load_balancer_ip: str | None = msgspec.field(name="loadBalancerIP", default=None)
    external_ips: list[str] | None = msgspec.field(name="externalIPs", default=None)
    external_traffic_policy: str | None = None
    ip_families: list[str] | None = None
    ip_family_policy: str | None = None
    ports: list[Port] | None = None
    selector: dict[str, str] | None = None


class Ingress(Struct):
    ip: str | None = None
    hostname: str | None = None
    ip_mode: str | None = None
    ports: list[dict[str, Any]] | None = None


class LoadBalancer(Struct):
    ingress: list[Ingress] | None = None


class ServiceStatus(Struct):
    load_balancer: LoadBalancer | None = None
    conditions: list[Condition] | None = None


class Service(Struct):
    metadata: Metadata
    spec: ServiceSpec | None = None
    status: ServiceStatus | None = None


class PolicySpec(Struct):
    service_selector: LabelSelector | None = None
    node_selector: LabelSelector | None = None
    interfaces: list[str] | None = None
    external_ips: bool | None = msgspec.field(name="externalIPs", default=None)
    load_balancer_ips: bool | None = msgspec.field(name="loadBalancerIPs", default=None)


class Policy(Struct):
    metadata: Metadata
    spec: PolicySpec | None = None
    status: Status | None = None


class Block(Struct):
    cidr: str | None = None
    start: str | None = None
    stop: str | None = None


class PoolSpec(Struct):
    blocks: list[Block] | None = None
    service_selector: LabelSelector | None = None
    disabled: bool | None = None
    allow_first_last_ips: str | None = msgspec.field(name="allowFirstLastIPs", default=None)


class Pool(Struct):
    metadata: Metadata
    spec: PoolSpec | None = None
    status: Status | None = None


class NodeAddress(Struct):
    address: str | None = None


class NodeCondition(Struct):
    type: str
    status: str


class NodeStatus(Struct):
    addresses: list[NodeAddress] | None = None
    conditions: list[NodeCondition] | None = None


class Taint(Struct):
    key: str
    effect: str | None = None
    value: str | None = None


class NodeSpec(Struct):
    unschedulable: bool | None = None
    taints: list[Taint] | None = None


class Node(Struct):
    metadata: Metadata
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


class EndpointConditions(Struct):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(Struct):
    node_name: str | None = None
    conditions: EndpointConditions | None = None


class EndpointSlice(Struct):
    metadata: Metadata
    endpoints: list[Endpoint] | None = None


class LeaseMetadata(TypedDict, total=False):
    name: Required[str]
    resourceVersion: str | None
    annotations: dict[str, str] | None


class LeaseSpec(TypedDict, total=False):
    holderIdentity: str | None
    leaseDurationSeconds: int | None
    acquireTime: str | None
    renewTime: str | None
    leaseTransitions: int | None


class Lease(TypedDict, total=False):
    """As the core reads it."""

    metadata: Required[LeaseMetadata]
    spec: LeaseSpec | None
