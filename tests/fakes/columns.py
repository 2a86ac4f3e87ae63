"""Objects as rows of a meta.k8s.io/v1 Table: what `kubectl get` prints."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from tests.fakes.resources import (
    CONFIG_MAPS,
    DEFINITIONS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
    Object,
    Resource,
)

_NONE: Final = "<none>"
_ROLE: Final = "node-role.kubernetes.io/"
_STEP: Final = re.compile(r'\.([^.\[\]]+)|\[\?\(@\.([^=\]]+)=="([^"]*)"\)\]|\[(\d+)\]')


class Column(NamedTuple):
    """One column; a `wide` one is for `-o wide` alone. `cell` is given the object and the time."""

    name: str
    cell: Callable[[Object, float], Any]
    wide: bool = False
    type: str = "string"


def table(
    resource: Resource, version: str, items: Iterable[Object], meta: Object, now: float
) -> Object:
    """The Table of these objects; `now` is Unix time in seconds, for the ages."""
    columns = _columns(resource, version)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": [
            {
                "name": column.name,
                "type": column.type,
                "format": "name" if column.name == "Name" else "",
                "description": "",
                "priority": int(column.wide),
            }
            for column in columns
        ],
        "rows": [
            {
                "cells": [column.cell(item, now) for column in columns],
                "object": {
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": item["metadata"],
                },
            }
            for item in items
        ],
    }


def human_duration(seconds: float) -> str:
    """A duration as kubectl shows it: at most two units, fewer the longer it is."""
    seconds = int(max(seconds, 0))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    for limit, whole, unit, rest, small in (
        (120, seconds, "s", 0, ""),
        (600, minutes, "m", seconds % 60, "s"),
        (3 * 3600, minutes, "m", 0, ""),
        (8 * 3600, hours, "h", minutes % 60, "m"),
        (48 * 3600, hours, "h", 0, ""),
        (8 * 86400, days, "d", hours % 24, "h"),
        (2 * 365 * 86400, days, "d", 0, ""),
    ):
        if seconds < limit:
            return f"{whole}{unit}{rest}{small}" if rest else f"{whole}{unit}"
    return f"{days // 365}y{days % 365}d"


def at_path(obj: Any, path: str) -> Any:
    """What a JSONPath of fields, indexes and `[?(@.field=="text")]` finds; None if nothing."""
    here = obj
    for field, key, wanted, index in _STEP.findall(path):
        if field:
            here = here.get(field) if isinstance(here, dict) else None
        elif not isinstance(here, list):
            here = None
        elif key:
            here = next((item for item in here if item.get(key) == wanted), None)
        else:
            here = here[int(index)] if int(index) < len(here) else None
    return here


def _columns(resource: Resource, version: str) -> tuple[Column, ...]:
    if resource.custom:
        own = resource.printed.get(version) or ({"name": "Age", "jsonPath": _CREATED},)
        return (_NAME, *map(_custom_column, own))
    return _BUILT_IN.get(resource, (_NAME, _AGE))


def _custom_column(spec: Mapping[str, Any]) -> Column:
    def cell(obj: Object, now: float) -> Any:
        value = at_path(obj, spec["jsonPath"])
        return _age_of(value, now) if value and spec.get("type") == "date" else value

    wide = spec.get("priority", 0) > 0
    return Column(spec["name"], cell, wide, spec.get("type", "string"))


def _age_of(stamp: str | None, now: float) -> str:
    if not stamp:
        return "<unknown>"
    return human_duration(now - datetime.fromisoformat(stamp).timestamp())


_CREATED: Final = ".metadata.creationTimestamp"
_NAME = Column("Name", lambda obj, _now: obj["metadata"]["name"])
_AGE = Column("Age", lambda obj, now: _age_of(obj["metadata"]["creationTimestamp"], now))


def _at(name: str, path: str, absent: Any = "", **more: Any) -> Column:
    def cell(obj: Object, _now: float) -> Any:
        value = at_path(obj, path)
        return absent if value is None else value

    return Column(name, cell, **more)


def _external_addresses(service: Object, _now: float) -> str:
    spec = service["spec"]
    external = list(spec.get("externalIPs") or ())
    if spec["type"] == "ExternalName":
        return str(spec["externalName"])
    if spec["type"] != "LoadBalancer":
        return ",".join(external) or _NONE
    ingress = service["status"]["loadBalancer"].get("ingress") or ()
    joined = ",".join(one.get("ip") or one.get("hostname") or "" for one in ingress)
    return ",".join([joined, *external] if joined else external) or "<pending>"


def _ports(service: Object, _now: float) -> str:
    texts = []
    for port in service["spec"].get("ports") or ():
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        texts.append(f"{port['port']}{node_port}/{port['protocol']}")
    return ",".join(texts) or _NONE


def _selector(service: Object, _now: float) -> str:
    pairs = sorted((service["spec"].get("selector") or {}).items())
    return ",".join(f"{key}={value}" for key, value in pairs) or _NONE


def _node_status(node: Object, _now: float) -> str:
    conditions = at_path(node, ".status.conditions") or ()
    ready = next((one["status"] for one in conditions if one["type"] == "Ready"), "")
    words = {"True": "Ready", "": "Unknown"}.get(ready, "NotReady")
    return f"{words},SchedulingDisabled" if node["spec"].get("unschedulable") else words


def _roles(node: Object, _now: float) -> str:
    labels = node["metadata"].get("labels") or {}
    roles = sorted(key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE))
    return ",".join(roles) or _NONE


def _address(kind: str) -> Callable[[Object, float], str]:
    def cell(node: Object, _now: float) -> str:
        found = at_path(node, f'.status.addresses[?(@.type=="{kind}")].address')
        return str(found or _NONE)

    return cell


def _pod_ready(pod: Object, _now: float) -> str:
    states = at_path(pod, ".status.containerStatuses") or ()
    ready = sum(bool(state.get("ready")) for state in states)
    return f"{ready}/{len(pod['spec']['containers'])}"


def _deployment_ready(deployment: Object, _now: float) -> str:
    ready = deployment.get("status", {}).get("readyReplicas", 0)
    return f"{ready}/{deployment['spec']['replicas']}"


def _slice_ports(piece: Object, _now: float) -> str:
    return ",".join(str(port.get("port")) for port in piece["ports"] or ()) or "<unset>"


def _slice_addresses(piece: Object, _now: float) -> str:
    return ",".join(_addresses_of(piece)) or "<unset>"


def _addresses_of(piece: Object) -> Iterator[str]:
    for endpoint in piece["endpoints"] or ():
        yield from endpoint["addresses"]


def _last_seen(event: Object, now: float) -> str:
    series = at_path(event, ".series.lastObservedTime")
    return _age_of(series or event["lastTimestamp"] or event["eventTime"], now)


def _about(event: Object, _now: float) -> str:
    about = event["involvedObject"]
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


_BUILT_IN: Final[Mapping[Resource, tuple[Column, ...]]] = {
    SERVICES: (
        _NAME,
        _at("Type", ".spec.type"),
        _at("Cluster-IP", ".spec.clusterIP", _NONE),
        Column("External-IP", _external_addresses),
        Column("Port(s)", _ports),
        _AGE,
        Column("Selector", _selector, wide=True),
    ),
    NODES: (
        _NAME,
        Column("Status", _node_status),
        Column("Roles", _roles),
        _AGE,
        _at("Version", ".status.nodeInfo.kubeletVersion"),
        Column("Internal-IP", _address("InternalIP"), wide=True),
        Column("External-IP", _address("ExternalIP"), wide=True),
    ),
    PODS: (
        _NAME,
        Column("Ready", _pod_ready),
        _at("Status", ".status.phase"),
        Column("Restarts", lambda _pod, _now: "0"),
        _AGE,
        _at("IP", ".status.podIP", _NONE, wide=True),
        _at("Node", ".spec.nodeName", _NONE, wide=True),
    ),
    DEPLOYMENTS: (
        _NAME,
        Column("Ready", _deployment_ready),
        _at("Up-to-date", ".status.updatedReplicas", 0, type="integer"),
        _at("Available", ".status.availableReplicas", 0, type="integer"),
        _AGE,
    ),
    ENDPOINT_SLICES: (
        _NAME,
        _at("AddressType", ".addressType"),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_addresses),
        _AGE,
    ),
    EVENTS: (
        Column("Last Seen", _last_seen),
        _at("Type", ".type"),
        _at("Reason", ".reason"),
        Column("Object", _about),
        _at("Message", ".message"),
    ),
    LEASES: (_NAME, _at("Holder", ".spec.holderIdentity"), _AGE),
    NAMESPACES: (_NAME, _at("Status", ".status.phase"), _AGE),
    CONFIG_MAPS: (_NAME, Column("Data", lambda obj, _now: len(obj.get("data") or ())), _AGE),
    DEFINITIONS: (_NAME, _at("Created At", _CREATED, type="date")),
}
