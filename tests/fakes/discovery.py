"""What the API server says about itself: groups, resources, version.

And as much of OpenAPI as kubectl needs to learn that the server validates fields.
"""

from typing import Any, Final

from tests.fakes.resources import Object, Resource
from tests.fakes.store import Store

_VERBS: Final = (
    "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
)  # fmt: skip
VERSION: Final[Object] = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.2-embedded",
    "platform": "linux/amd64",
}
_REVIEWS: Final[Object] = {
    "name": "selfsubjectaccessreviews",
    "singularName": "selfsubjectaccessreview",
    "namespaced": False,
    "kind": "SelfSubjectAccessReview",
    "verbs": ["create"],
}
AUTHORIZATION: Final = "authorization.k8s.io"


def document(store: Store, path: str) -> Object | None:
    """The discovery document at a path; None where there is none."""
    match path.strip("/").split("/"):
        case ["version"]:
            return VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            groups = [_group(store, name) for name in _groups(store)]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["apis", group] if group in _groups(store):
            return {"apiVersion": "v1"} | _group(store, group)
        case ["api", version]:
            return _resources(store, "", version)
        case ["apis", group, version]:
            return _resources(store, group, version)
        case ["openapi", "v3"]:
            return {"paths": {path: _address(path) for path in _api_paths(store)}}
        case ["openapi", "v3", "api", version]:
            return _openapi(store, "", version)
        case ["openapi", "v3", "apis", group, version]:
            return _openapi(store, group, version)
        case _:
            return None


def _groups(store: Store) -> list[str]:
    names = {resource.group for resource in store.resources()} - {""}
    return sorted(names | {AUTHORIZATION})


def _versions(store: Store, group: str) -> list[str]:
    if group == AUTHORIZATION:
        return ["v1"]
    versions = (
        version
        for resource in store.resources()
        if resource.group == group
        for version in resource.versions
    )
    return sorted(
        set(versions), key=lambda version: ("alpha" in version, "beta" in version, version)
    )


def _group(store: Store, name: str) -> Object:
    versions = [
        {"groupVersion": f"{name}/{version}", "version": version}
        for version in _versions(store, name)
    ]
    return {"kind": "APIGroup", "name": name, "versions": versions, "preferredVersion": versions[0]}


def _served(store: Store, group: str, version: str) -> list[Resource]:
    return [
        resource
        for resource in store.resources()
        if resource.group == group and version in resource.versions
    ]


def _resources(store: Store, group: str, version: str) -> Object | None:
    served = _served(store, group, version)
    listed = [entry for resource in served for entry in _entries(resource)]
    if (group, version) == (AUTHORIZATION, "v1"):
        listed.append(_REVIEWS)
    if not listed:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": listed,
    }


def _entries(resource: Resource) -> list[Object]:
    entry: dict[str, Any] = {
        "name": resource.plural,
        "singularName": resource.singular or resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(_VERBS),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    entries = [entry]
    if resource.status:
        status = {"name": f"{resource.plural}/status", "singularName": ""}
        verbs = {"verbs": ["get", "patch", "update"]}
        entries.append(status | {"namespaced": resource.namespaced, "kind": resource.kind} | verbs)
    return entries


def _api_paths(store: Store) -> list[str]:
    groups = [(group, _versions(store, group)) for group in _groups(store)]
    return ["api/v1"] + [f"apis/{group}/{one}" for group, versions in groups for one in versions]


def _address(path: str) -> Object:
    return {"serverRelativeURL": f"/openapi/v3/{path}"}


def _openapi(store: Store, group: str, version: str) -> Object | None:
    served = _served(store, group, version)
    if not served:
        return None
    prefix = f"/apis/{group}/{version}" if group else f"/api/{version}"
    parameter = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
    paths = {}
    for resource in served:
        scope = "/namespaces/{namespace}" if resource.namespaced else ""
        kind = {"group": group, "version": version, "kind": resource.kind}
        patch = {"parameters": [parameter], "x-kubernetes-group-version-kind": kind}
        paths[f"{prefix}{scope}/{resource.plural}/{{name}}"] = {"patch": patch | _ANSWERS}
    info = {"title": "Kubernetes", "version": str(VERSION["gitVersion"])}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}


_ANSWERS: Final[Object] = {"responses": {"200": {"description": "OK"}}}
