"""Strategic merge patch: merge patch whose lists of objects merge by a key.

Source: "Update API Objects in Place Using kubectl patch" in the Kubernetes documentation. The
lists that merge are those of the kinds in the table of resources; every other list is replaced.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.fakes.patch import PatchError

_KEYS: Final[Mapping[str, str]] = {
    "conditions": "type",
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "ownerReferences": "uid",
    "addresses": "type",
    "podIPs": "ip",
    "hostIPs": "ip",
    "secrets": "name",
}
_PORTS: Final[Mapping[str, str]] = {"containers": "containerPort", "spec": "port"}
_UNIONS: Final = frozenset({"finalizers", "podCIDRs"})
_DIRECTIVE: Final = "$patch"
_ORDER: Final = "$setElementOrder/"
_DELETIONS: Final = "$deleteFromPrimitiveList/"
_RETAINED: Final = "$retainKeys"


def strategic_merge_patch(document: Any, patch: Any, *, field: str = "") -> Any:
    """The patched document; `field` is the name under which it stands in its parent."""
    if not isinstance(patch, dict):
        return patch
    directive = patch.get(_DIRECTIVE)
    if directive == "replace":
        return _plain({key: value for key, value in patch.items() if key != _DIRECTIVE})
    if directive == "delete":
        return {}
    if directive not in {None, "merge"}:
        raise PatchError(f"unknown directive {directive!r} in a strategic merge patch")
    merged = dict(document) if isinstance(document, dict) else {}
    if _RETAINED in patch:
        merged = {key: value for key, value in merged.items() if key in patch[_RETAINED]}
    for key, value in patch.items():
        if key not in {_DIRECTIVE, _RETAINED} and not key.startswith(_ORDER):
            _set(merged, key, value, field)
    for key, order in patch.items():
        name = key.removeprefix(_ORDER)
        if key.startswith(_ORDER) and name in merged:
            merged[name] = _ordered(merged[name], order, _merge_key(field, name))
    return merged


def _set(merged: dict[str, Any], key: str, value: Any, parent: str) -> None:
    if key.startswith(_DELETIONS):
        name = key.removeprefix(_DELETIONS)
        merged[name] = [item for item in merged.get(name) or () if item not in value]
    elif value is None:
        merged.pop(key, None)
    elif isinstance(value, list):
        merged[key] = _merged_list(merged.get(key) or [], value, _merge_key(parent, key), key)
    else:
        merged[key] = strategic_merge_patch(merged.get(key), value, field=key)


def _merge_key(parent: str, field: str) -> str:
    return _PORTS.get(parent, "") if field == "ports" else _KEYS.get(field, "")


def _merged_list(old: list[Any], patch: list[Any], key: str, field: str) -> list[Any]:
    if field in _UNIONS:
        return [*old, *(item for item in patch if item not in old)]
    if not key or {_DIRECTIVE: "replace"} in patch:
        return [_plain(item) for item in patch if item != {_DIRECTIVE: "replace"}]
    merged = list(old)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise PatchError(f"map: {item} does not contain declared merge key: {key}")
        at = next((i for i, one in enumerate(merged) if one.get(key) == item[key]), len(merged))
        if item.get(_DIRECTIVE) == "delete":
            del merged[at : at + 1]
        else:
            before = merged[at] if at < len(merged) else {}
            merged[at : at + 1] = [strategic_merge_patch(before, item, field=field)]
    return merged


def _ordered(items: list[Any], order: list[Any], key: str) -> list[Any]:
    identity: Callable[[Any], Any] = (lambda item: item.get(key)) if key else (lambda item: item)
    places = {identity(item): place for place, item in enumerate(order)}
    return sorted(items, key=lambda item: places.get(identity(item), len(places)))


def _plain(value: Any) -> Any:
    """A value without the nulls that mean deletion."""
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items() if item is not None}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value
