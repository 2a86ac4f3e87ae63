"""Defaults and validation of built-in kinds, as far as this project uses their fields."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from tests.fakes.causes import Cause, bad_value, forbidden_field, required
from tests.fakes.refusals import UndecodableError
from tests.fakes.resources import (
    DEFINITIONS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    SERVICES,
    Object,
    Resource,
)
from tests.fakes.services import ServiceRules

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_TEXT: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_1035: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035_TEXT: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
    "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_MICRO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")

_Rule = Callable[[Object, Object | None], Iterator[Cause]]


class Admission:
    """Fills in defaults and judges, with a memory of the Service addresses that are taken."""

    def __init__(self) -> None:
        self._services = ServiceRules()
        self._rules: Mapping[Resource, _Rule] = {
            SERVICES: self._services.admit,
            LEASES: _lease,
            EVENTS: _event,
            NAMESPACES: _namespace,
            NODES: _node,
            PODS: _pod,
            DEPLOYMENTS: _deployment,
            REPLICA_SETS: _replica_set,
            ENDPOINT_SLICES: _endpoint_slice,
            DEFINITIONS: _definition,
        }

    def decode(self, resource: Resource, new: Object) -> None:
        """Bring typed fields into their one form; UndecodableError where a type is wrong."""
        for field in ("labels", "annotations", "finalizers", "ownerReferences"):
            if not new["metadata"].get(field):
                new["metadata"].pop(field, None)
        for field in () if resource.custom else ("spec", "status"):
            if new.get(field) is None:
                new.pop(field, None)
            elif not isinstance(new[field], dict):
                why = f"json: cannot unmarshal into Go struct field {resource.kind}.{field}"
                raise UndecodableError(resource.kind, "v1", why)
        if resource is LEASES:
            _decode_lease(new)
        elif resource is EVENTS:
            _micro_time(new, "eventTime", "Event", "v1")

    def admit(self, resource: Resource, new: Object, old: Object | None) -> Iterator[Cause]:
        """Put defaults into `new`, which is going to replace `old`; what is wrong with it."""
        if old is None:
            yield from _name_problems(resource, new["metadata"].get("name") or "")
        if rule := self._rules.get(resource):
            yield from rule(new, old)

    def stored(self, resource: Resource, new: Object | None, old: Object | None) -> None:
        if resource is SERVICES:
            self._services.stored(new, old)


def _name_problems(resource: Resource, name: str) -> Iterator[Cause]:
    if not name:
        return
    pattern, text, longest = _SUBDOMAIN, _SUBDOMAIN_TEXT, 253
    if resource is SERVICES:
        pattern, text, longest = _LABEL_1035, _LABEL_1035_TEXT, 63
    elif resource is NAMESPACES:
        pattern, text, longest = _LABEL, _LABEL_TEXT, 63
    if len(name) > longest:
        yield bad_value("metadata.name", name, f"must be no more than {longest} characters")
    if not pattern.fullmatch(name):
        yield bad_value("metadata.name", name, text)


def _micro_time(holder: Object, field: str, kind: str, version: str) -> None:
    """Normalise a metav1.MicroTime to UTC; Refusal 400 unless it has exactly six digits."""
    text = holder.get(field)
    if text is None:
        holder.pop(field, None)
        return
    if not isinstance(text, str) or not _MICRO.fullmatch(text):
        why = f'parsing time "{text}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse'
        raise UndecodableError(kind, version, why)
    if not text.endswith("Z"):
        utc = datetime.fromisoformat(text).astimezone(UTC)
        holder[field] = utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _decode_lease(new: Object) -> None:
    spec = new.setdefault("spec", {})
    _checked(spec, "holderIdentity", str, "string")
    for field in ("acquireTime", "renewTime"):
        _micro_time(spec, field, "Lease", "v1")
    for field in ("leaseDurationSeconds", "leaseTransitions"):
        _checked(spec, field, int, "int32")


def _lease(new: Object, _old: Object | None) -> Iterator[Cause]:
    spec = new["spec"]
    if spec.get("leaseDurationSeconds", 1) <= 0:
        value = spec["leaseDurationSeconds"]
        yield bad_value("spec.leaseDurationSeconds", value, "must be greater than 0")
    if spec.get("leaseTransitions", 0) < 0:
        value = spec["leaseTransitions"]
        yield bad_value("spec.leaseTransitions", value, "must be greater than or equal to 0")


def _checked(spec: dict[str, Any], field: str, wanted: type, name: str) -> None:
    """Drop a null; Refusal 400 for a value of another type."""
    value = spec.get(field)
    if value is None:
        spec.pop(field, None)
    elif not isinstance(value, wanted) or isinstance(value, bool):
        why = f"json: cannot unmarshal into Go struct field LeaseSpec.spec.{field} of type {name}"
        raise UndecodableError("Lease", "v1", why)


def _event(new: Object, _old: Object | None) -> Iterator[Cause]:
    new.setdefault("eventTime", None)
    for field, empty in (
        ("firstTimestamp", None),
        ("lastTimestamp", None),
        ("source", {}),
        ("reportingComponent", ""),
        ("reportingInstance", ""),
    ):
        new.setdefault(field, empty)
    involved = new.setdefault("involvedObject", {})
    own = new["metadata"].get("namespace", "")
    about = involved.get("namespace") or ""
    if about != own and not (not about and own == "default"):
        text = "does not match event.namespace"
        yield bad_value("involvedObject.namespace", about, text)


def _namespace(new: Object, old: Object | None) -> Iterator[Cause]:
    meta = new["metadata"]
    meta["labels"] = (meta.get("labels") or {}) | {"kubernetes.io/metadata.name": meta["name"]}
    if old is None:
        new["spec"] = {"finalizers": ["kubernetes"]}
        new["status"] = {"phase": "Active"}
    yield from ()


def _node(new: Object, _old: Object | None) -> Iterator[Cause]:
    new.setdefault("spec", {})
    new.setdefault("status", {})
    yield from ()


def _pod(new: Object, old: Object | None) -> Iterator[Cause]:
    spec: dict[str, Any] = new.setdefault("spec", {})
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    if old is None:
        new["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
    if not spec.get("containers"):
        yield required("spec.containers")


def _deployment(new: Object, old: Object | None) -> Iterator[Cause]:
    spec = new.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    rolling = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    spec.setdefault("strategy", rolling)
    if old is None:
        new["status"] = {}
    yield from _selector_problems(new)


def _replica_set(new: Object, old: Object | None) -> Iterator[Cause]:
    new.setdefault("spec", {}).setdefault("replicas", 1)
    if old is None:
        new["status"] = {"replicas": 0}
    yield from _selector_problems(new)


def _selector_problems(new: Object) -> Iterator[Cause]:
    selector = new["spec"].get("selector")
    if not selector:
        yield required("spec.selector")
        return
    labels = (new["spec"].get("template") or {}).get("metadata", {}).get("labels") or {}
    if not (selector.get("matchLabels") or {}).items() <= labels.items():
        text = "`selector` does not match template `labels`"
        yield bad_value("spec.template.metadata.labels", labels, text)


def _endpoint_slice(new: Object, old: Object | None) -> Iterator[Cause]:
    new.setdefault("endpoints", None)
    new.setdefault("ports", None)
    for port in new["ports"] or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("name", "")
    if not new.get("addressType"):
        yield required("addressType")
    elif old is not None and old["addressType"] != new["addressType"]:
        yield bad_value("addressType", new["addressType"], "field is immutable")


def _definition(new: Object, old: Object | None) -> Iterator[Cause]:
    spec = new.setdefault("spec", {})
    names = spec.get("names") or {}
    if new["metadata"].get("name") != f"{names.get('plural')}.{spec.get('group')}":
        yield bad_value(
            "metadata.name",
            new["metadata"].get("name"),
            'must be spec.names.plural+"."+spec.group',
        )
    if old is not None and old["spec"]["group"] != spec.get("group"):
        yield forbidden_field("spec.group", "field is immutable")
    stored = [version for version in spec.get("versions") or () if version.get("storage")]
    if len(stored) != 1:
        text = "must have exactly one version marked as storage version"
        yield bad_value("spec.versions", spec.get("versions"), text)
