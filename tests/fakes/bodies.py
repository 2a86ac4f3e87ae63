"""The bodies of requests: decoded, and checked against the path before the store sees them."""

from typing import Any, Final

import msgspec

from tests.fakes.patching import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from tests.fakes.refusals import Refusal, bad_request
from tests.fakes.resources import Resource
from tests.fakes.routes import Target

_JSON: Final = "application/json"
_PATCHES: Final = frozenset({JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH})


def decoded(raw: bytes, media_type: str) -> Any:
    """The JSON of a body; Refusal 400 or 415 where it is none."""
    if media_type not in _PATCHES | {_JSON}:
        text = (
            "the body of the request was in an unknown format - accepted media types include: "
            f"{_JSON}"
        )
        raise Refusal(415, "UnsupportedMediaType", text)
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise bad_request(f"the body of the request cannot be decoded: {error}") from error


def check_type(body: Any, resource: Resource, where: Target) -> None:
    """The body of a POST or PUT is one object of the kind and version of the path."""
    if where.subresource == "binding":
        return
    if not isinstance(body, dict):
        raise bad_request("the object provided is unrecognized (must be of type object)")
    version = body.get("apiVersion", "")
    expected = resource.api_version(where.version)
    if version not in {"", expected}:
        raise bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({expected})"
        )
    kind = body.get("kind", "")
    if kind not in {"", resource.kind}:
        raise bad_request(
            f"the kind in the data ({kind}) does not match the expected kind ({resource.kind})"
        )
    if resource.custom and not (version and kind):
        raise bad_request("Object 'Kind' or 'apiVersion' is missing")
    given = (body.get("metadata") or {}).get("namespace")
    if given and resource.namespaced and given != where.namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def check_strictly(body: Any, resource: Resource, version: str) -> None:
    """Refusal 400 where a custom resource has fields that its schema does not name."""
    schema = resource.schemas.get(version)
    if schema is None:
        return
    dropped: list[str] = []
    schema.pruned(body, dropped=dropped)
    if dropped:
        listed = ", ".join(f'unknown field "{path}"' for path in dropped)
        raise bad_request(
            f'{resource.kind} in version "{version}" cannot be handled as a {resource.kind}: '
            f"strict decoding error: {listed}"
        )
