"""Small questions about one object: a copy, its metadata, which of its parts a write may touch."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tests.fakes.refusals import bad_request
from tests.fakes.resources import DEPLOYMENTS, Object, Resource

_SUFFIX_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_OF_THE_SERVER: Final = (
    "uid",
    "creationTimestamp",
    "generation",
    "namespace",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "resourceVersion",
)


def copied(obj: Any) -> Any:
    """A deep copy of a JSON document (a trip through the C codec is the fastest one)."""
    return msgspec.json.decode(msgspec.json.encode(obj))


def metadata(obj: Object) -> dict[str, Any]:
    """The object's metadata, to be changed in place; an empty one is put in where it lacks."""
    meta = obj.setdefault("metadata", {})
    if not isinstance(meta, dict):
        raise bad_request("the metadata of an object is an object")
    return meta


def stamp(now: float) -> str:
    """Unix time as metav1.Time: whole seconds, UTC."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def suffix(number: int) -> str:
    """Five characters for generateName, another one for every number."""
    text = ""
    for _ in range(5):
        number, digit = divmod(number, len(_SUFFIX_ALPHABET))
        text = _SUFFIX_ALPHABET[digit] + text
    return text


def keep_server_fields(meta: dict[str, Any], was: dict[str, Any]) -> None:
    """Nobody but the server changes these: put them into `meta` as they were."""
    for field in _OF_THE_SERVER:
        if field in was:
            meta[field] = was[field]
        else:
            meta.pop(field, None)


def only_part(resource: Resource, old: Object, new: Object, subresource: str) -> Object:
    """What a write to the object (or to its status) may change of `old`."""
    if not resource.status:
        return new
    if subresource and resource.custom:
        return _with_status(old | {"metadata": dict(old["metadata"])}, new)
    if subresource:
        return _with_status(copied(old) | {"metadata": new["metadata"]}, new)
    return _with_status(new, old)


def _with_status(obj: Object, source: Object) -> Object:
    merged = {key: value for key, value in obj.items() if key != "status"}
    return merged | {"status": source["status"]} if "status" in source else merged


def counted(resource: Resource, obj: Object) -> Any:
    """What `generation` counts the changes of."""
    if resource is DEPLOYMENTS:
        return obj.get("spec"), obj["metadata"].get("annotations")
    if resource.custom or not resource.status:
        apart = {"metadata", "status"} if resource.status else {"metadata"}
        return {key: value for key, value in obj.items() if key not in apart}
    return obj.get("spec")
