"""PURE. Bytes of the API server to the model's objects.

A field of the wrong type makes the object a Problem, and only that object.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from l2announcer.core.facts import Object
from l2announcer.core.ipam.ranges import parse_address
from l2announcer.core.lease import decode as read_lease
from l2announcer.core.model import (
    Block,
    Condition,
    EndpointSlice,
    Ingress,
    Key,
    Kind,
    LabelSelector,
    LeaseRecord,
    Node,
    Policy,
    Pool,
    Port,
    Requirement,
    Service,
    Taint,
)
from l2announcer.kube import schema
from l2announcer.kube.errors import MALFORMED
from l2announcer.kube.resources import API_KINDS, SERVICE_NAME

OWN_PREFIX = "l2announcer.io/"  # of a Node's annotations others may fill many kilobytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An object that cannot be read. `sentence` names the object, the field and what is wrong."""

    kind: Kind
    key: Key
    sentence: str


_read_service = msgspec.json.Decoder(schema.Service).decode
_read_policy = msgspec.json.Decoder(schema.Policy).decode
_read_pool = msgspec.json.Decoder(schema.Pool).decode
_read_node = msgspec.json.Decoder(schema.Node).decode
_read_slice = msgspec.json.Decoder(schema.EndpointSlice).decode
_read_lease = msgspec.json.Decoder(schema.Lease).decode
_read_any = msgspec.json.Decoder(dict[str, Any]).decode
_read_identity = msgspec.json.Decoder(schema.Identity).decode


def service(raw: bytes | msgspec.Raw) -> Service:
    read = _read_service(raw)
    meta, spec = read.metadata, read.spec or schema.ServiceSpec()
    status = read.status or schema.ServiceStatus()
    balancer = status.load_balancer or schema.LoadBalancer()
    return Service(
        key=meta.key,
        uid=meta.uid or "",
        resource_version=meta.resource_version or "",
        generation=meta.generation or 0,
        created=meta.creation_timestamp or "",
        deleting=meta.deletion_timestamp is not None,
        labels=meta.labels or {},
        annotations=meta.annotations or {},
        type=spec.type or "ClusterIP",
        load_balancer_class=spec.load_balancer_class,
        load_balancer_ip=spec.load_balancer_ip or "",
        external_ips=tuple(spec.external_ips or ()),
        external_traffic_policy=spec.external_traffic_policy or "",
        ip_families=tuple(spec.ip_families or ()),
        ip_family_policy=spec.ip_family_policy or "",
        ports=tuple(
            Port(port=port.port, protocol=port.protocol or "TCP") for port in spec.ports or ()
        ),
        selector=spec.selector or {},
        ingress=tuple(map(_ingress, balancer.ingress or ())),
        conditions=_conditions(status.conditions),
    )


def policy(raw: bytes | msgspec.Raw) -> Policy:
    read = _read_policy(raw)
    meta, spec, status = (
        read.metadata,
        read.spec or schema.PolicySpec(),
        read.status or schema.Status(),
    )
    return Policy(
        key=meta.key,
        uid=meta.uid or "",
        resource_version=meta.resource_version or "",
        generation=meta.generation or 0,
        service_selector=_selector(spec.service_selector),
        node_selector=_selector(spec.node_selector),
        interfaces=tuple(spec.interfaces or ()),
        external_ips=bool(spec.external_ips),
        load_balancer_ips=bool(spec.load_balancer_ips),
        conditions=_conditions(status.conditions),
    )


def pool(raw: bytes | msgspec.Raw) -> Pool:
    read = _read_pool(raw)
    meta, spec, status = (
        read.metadata,
        read.spec or schema.PoolSpec(),
        read.status or schema.Status(),
    )
    return Pool(
        key=meta.key,
        uid=meta.uid or "",
        resource_version=meta.resource_version or "",
        generation=meta.generation or 0,
        created=meta.creation_timestamp or "",
        deleting=meta.deletion_timestamp is not None,
        annotations=meta.annotations or {},
        blocks=tuple(
            Block(cidr=block.cidr or "", start=block.start or "", stop=block.stop or "")
            for block in spec.blocks or ()
        ),
        service_selector=_selector(spec.service_selector),
        disabled=bool(spec.disabled),
        allow_first_last_ips=spec.allow_first_last_ips != "No",
        conditions=_conditions(status.conditions),
    )


def node(raw: bytes | msgspec.Raw) -> Node:
    read = _read_node(raw)
    meta, spec = read.metadata, read.spec or schema.NodeSpec()
    status = read.status or schema.NodeStatus()
    addresses = [parse_address(each.address or "") for each in status.addresses or ()]
    annotations = (meta.annotations or {}).items()
    return Node(
        key=meta.key,
        resource_version=meta.resource_version or "",
        deleting=meta.deletion_timestamp is not None,
        labels=meta.labels or {},
        annotations={key: value for key, value in annotations if key.startswith(OWN_PREFIX)},
        unschedulable=bool(spec.unschedulable),
        taints=tuple(
            Taint(taint.key, taint.effect or "", taint.value or "") for taint in spec.taints or ()
        ),
        conditions={each.type: each.status for each in status.conditions or ()},
        addresses=tuple(address for address in addresses if address is not None),
    )


def endpoint_slice(raw: bytes | msgspec.Raw) -> EndpointSlice:
    read = _read_slice(raw)
    meta = read.metadata
    nodes: dict[str, set[str]] = {"ready": set(), "draining": set(), "idle": set()}
    for endpoint in read.endpoints or ():
        nodes[_standing(endpoint)].add(sys.intern(endpoint.node_name or ""))
    return EndpointSlice(
        key=meta.key,
        resource_version=meta.resource_version or "",
        service=Key(meta.key.namespace, (meta.labels or {}).get(SERVICE_NAME, "")),
        ready=frozenset(nodes["ready"]),
        draining=frozenset(nodes["draining"] - nodes["ready"]),
        idle=frozenset(nodes["idle"] - nodes["ready"] - nodes["draining"]),
    )


def _standing(endpoint: schema.Endpoint) -> str:
    """Where kube-proxy would place it; absent conditions: discovery.k8s.io/v1."""
    said = endpoint.conditions or schema.EndpointConditions()
    if said.ready is not False:
        return "ready"
    return "draining" if said.serving is not False and said.terminating else "idle"


class Unread(Mapping[str, object]):
    """An object that is decoded when somebody looks into it, as hardly anybody does."""

    __slots__ = ("_raw", "_read")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._read: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> object:
        return self._whole()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def _whole(self) -> dict[str, Any]:
        if self._read is None:
            self._read = _read_any(self._raw)
        return self._read


def lease(raw: bytes | msgspec.Raw) -> LeaseRecord:
    # The core reads it, once its types are known to be right. Of the many that come, all but the
    # own are looked at by these fields alone.
    return read_lease(_read_lease(raw), Unread(bytes(raw)))


_BY_KIND: Mapping[Kind, Callable[[bytes | msgspec.Raw], Object]] = {
    Kind.SERVICE: service,
    Kind.POLICY: policy,
    Kind.POOL: pool,
    Kind.NODE: node,
    Kind.LEASE: lease,
    Kind.ENDPOINT_SLICE: endpoint_slice,
}


def decode(kind: Kind, raw: bytes | msgspec.Raw) -> Object | Problem:
    """One object, or why it cannot be read."""
    try:
        return _BY_KIND[kind](raw)
    except MALFORMED as error:
        key, _ = identity(raw)
        named = f"{API_KINDS[kind]} {key}" if key.name else f"a nameless {API_KINDS[kind]}"
        return Problem(kind=kind, key=key, sentence=f"{named}: {_where(error)}")


def identity(raw: bytes | msgspec.Raw) -> tuple[Key, str]:
    """Name and resourceVersion of an object, whatever else is in it; empty where they are not."""
    try:
        meta = _read_identity(raw).metadata
    except MALFORMED:
        return Key("", ""), ""
    return Key(meta.namespace or "", meta.name), meta.resource_version or ""


def _where(error: Exception) -> str:
    """Msgspec's message with the field first: "spec.interfaces[0]: expected `str`, got `int`"."""
    found = re.fullmatch(r"(.*?) - at `\$\.?(.*)`", str(error), re.DOTALL)
    if not found or not found[2]:
        return str(error)
    return f"{found[2]}: {found[1][:1].lower()}{found[1][1:]}"


def _ingress(read: schema.Ingress) -> Ingress:
    return Ingress(
        ip=read.ip or "",
        hostname=read.hostname or "",
        ip_mode=read.ip_mode or "",
        ports=tuple(read.ports or ()),
    )


def _selector(read: schema.LabelSelector | None) -> LabelSelector | None:
    if read is None:
        return None
    return LabelSelector(
        match_labels=tuple((read.match_labels or {}).items()),
        match_expressions=tuple(
            Requirement(key=part.key, operator=part.operator, values=tuple(part.values or ()))
            for part in read.match_expressions or ()
        ),
    )


def _conditions(read: list[schema.Condition] | None) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            type=condition.type,
            status=condition.status,
            reason=condition.reason or "",
            message=condition.message or "",
            observed_generation=condition.observed_generation or 0,
            last_transition_time=condition.last_transition_time or "",
        )
        for condition in read or ()
    )
