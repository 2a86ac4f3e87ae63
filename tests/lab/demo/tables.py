"""Objects as kubectl prints them: tables for `get`, indented fields for `describe`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.lab.api import Object

Columns = Mapping[str, Callable[[Object], str]]
_ROLE = "node-role.kubernetes.io/"
# A field's name into words, acronyms with a plural kept whole: externalIPs is "External IPs".
_WORDS = re.compile(r"[A-Z]+s?(?![a-z])|[A-Z]?[a-z0-9]+|\d+")


def table(kind: str, objects: Sequence[Object], *, with_namespace: bool) -> str:
    """The columns of a kind, each as wide as it must be."""
    columns: dict[str, Callable[[Object], str]] = {}
    if with_namespace:
        columns["NAMESPACE"] = lambda obj: str(obj["metadata"]["namespace"])
    columns |= {"NAME": lambda obj: str(obj["metadata"]["name"])}
    columns |= _COLUMNS.get(kind, {})
    columns.setdefault("AGE", _age)
    rows = [list(columns), *([show(obj) for show in columns.values()] for obj in objects)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(columns))]
    return "".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        + "\n"
        for row in rows
    )


def description(obj: Object, events: Sequence[Object]) -> str:
    """All fields of an object but the managed ones, and the Events about it."""
    metadata = dict(obj["metadata"])
    metadata.pop("managedFields", None)
    name = metadata.pop("name")
    namespace = metadata.pop("namespace", "")
    labels = metadata.pop("labels", None) or {}
    lines = [f"Name:         {name}", f"Namespace:    {namespace}"]
    pairs = [f"{key}={value}" for key, value in labels.items()] or ["<none>"]
    lines += [f"Labels:       {pairs[0]}", *(f"              {pair}" for pair in pairs[1:])]
    rest = {key: value for key, value in obj.items() if key != "metadata"}
    lines += _fields(rest | {"metadata": metadata}, 0)
    lines.append("Events:" if events else "Events:  <none>")
    lines += [f"  {event['type']}  {event['reason']}  {event['message']}" for event in events]
    return "\n".join(lines) + "\n"


def _fields(obj: Mapping[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for key, value in sorted(obj.items(), key=lambda item: _words(item[0])):
        match value:
            case dict() if value:
                yield f"{indent}{_words(key)}:"
                yield from _fields(value, depth + 1)
            case list() if value:
                yield f"{indent}{_words(key)}:"
                yield from _entries(value, depth + 1)
            case dict() | list():
                continue
            case bool():
                yield f"{indent}{_words(key)}:  {str(value).lower()}"
            case _:
                yield f"{indent}{_words(key)}:  {value}"


def _entries(values: Sequence[Any], depth: int) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict):
            yield from _fields(value, depth)
        else:
            yield "  " * depth + str(value)


def _words(key: str) -> str:
    """Labels and the like, which are no field names, stay as they are."""
    if not re.fullmatch(r"[A-Za-z0-9]+", key):
        return key
    return " ".join(word[0].upper() + word[1:] for word in _WORDS.findall(key))


def _age(obj: Object) -> str:
    created = datetime.fromisoformat(obj["metadata"]["creationTimestamp"])
    seconds = max(0, int((datetime.now(UTC) - created).total_seconds()))
    if seconds < 120:
        return f"{seconds}s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 10:
        return f"{minutes}m{seconds}s"
    return f"{minutes}m" if minutes < 180 else f"{minutes // 60}h"


def _ready(node: Object) -> str:
    conditions = node.get("status", {}).get("conditions", ())
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return "Ready" if ready else "NotReady"


def _roles(node: Object) -> str:
    labels = node["metadata"].get("labels") or {}
    roles = [label.removeprefix(_ROLE) for label in labels if label.startswith(_ROLE)]
    return ",".join(sorted(roles)) or "<none>"


def _external(service: Object) -> str:
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    given = [entry.get("ip") or entry.get("hostname", "") for entry in ingress]
    addresses = [*given, *(service["spec"].get("externalIPs") or ())]
    if not addresses and service["spec"]["type"] == "LoadBalancer":
        return "<pending>"
    return ",".join(addresses) or "<none>"


def _ports(service: Object) -> str:
    return ",".join(
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}"
        f"/{port['protocol']}"
        for port in service["spec"].get("ports", ())
    )


_COLUMNS: Mapping[str, Columns] = {
    "Node": {
        "STATUS": _ready,
        "ROLES": _roles,
        "AGE": _age,
        "VERSION": lambda node: str(node["status"]["nodeInfo"]["kubeletVersion"]),
    },
    "Service": {
        "TYPE": lambda service: str(service["spec"]["type"]),
        "CLUSTER-IP": lambda service: str(service["spec"].get("clusterIP", "<none>")),
        "EXTERNAL-IP": _external,
        "PORT(S)": _ports,
    },
    "Lease": {"HOLDER": lambda lease: str(lease["spec"].get("holderIdentity") or "")},
    "Pod": {
        "STATUS": lambda pod: str(pod.get("status", {}).get("phase", "Unknown")),
        "IP": lambda pod: str(pod.get("status", {}).get("podIP", "<none>")),
        "NODE": lambda pod: str(pod["spec"].get("nodeName", "<none>")),
    },
}
