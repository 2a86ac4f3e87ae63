"""CustomResourceDefinition objects: what they say about a kind, and the status they get."""

from typing import Any

from tests.fakes.causes import Cause
from tests.fakes.refusals import invalid
from tests.fakes.resources import DEFINITIONS, Object, Resource
from tests.fakes.schema import Schema, SchemaError


def definition_resource(definition: Object) -> Resource:
    """The kind that a definition describes; Refusal 422 where that is not understood."""
    spec = definition["spec"]
    names = spec["names"]
    versions = sorted(
        (version for version in spec["versions"] if version["served"]),
        key=lambda version: not version["storage"],
    )
    try:
        schemas = {
            version["name"]: Schema(version["schema"]["openAPIV3Schema"]) for version in versions
        }
    except SchemaError as error:
        cause = Cause(field="spec.versions", reason="FieldValueInvalid", text=str(error))
        raise invalid(DEFINITIONS, definition["metadata"]["name"], [cause]) from error
    return Resource(
        group=spec["group"],
        kind=names["kind"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        list_kind=names.get("listKind") or "",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        versions=tuple(version["name"] for version in versions),
        namespaced=spec["scope"] == "Namespaced",
        status=any("status" in (version.get("subresources") or {}) for version in versions),
        generation=True,
        put_blind=False,
        custom=True,
        schemas=schemas,
        printed={
            version["name"]: version.get("additionalPrinterColumns") or () for version in versions
        },
    )


def established(definition: Object, at: str) -> Object:
    """The definition with the status of one whose names nobody else has; `at` is a time stamp."""
    spec = definition["spec"]
    names: dict[str, Any] = dict(spec["names"])
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    conditions = [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found", at),
        _condition(
            "Established", "InitialNamesAccepted", "the initial names have been accepted", at
        ),
    ]
    storage = [version["name"] for version in spec["versions"] if version["storage"]]
    status = {"conditions": conditions, "acceptedNames": names, "storedVersions": storage}
    spec = {"conversion": {"strategy": "None"}} | spec | {"names": names}
    return definition | {"spec": spec, "status": status}


def _condition(name: str, reason: str, message: str, at: str) -> Object:
    return {
        "type": name,
        "status": "True",
        "lastTransitionTime": at,
        "reason": reason,
        "message": message,
    }
