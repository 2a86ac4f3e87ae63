"""What the API server says when it says no: one exception whose body is a Kubernetes Status."""

from collections.abc import Sequence
from typing import Any

from tests.fakes.causes import Cause
from tests.fakes.resources import Resource


class Refusal(Exception):  # noqa: N818 - an answer of the server, not a fault of this program
    """A refused request, as `code`, `reason` and the Status object of the Kubernetes API."""

    def __init__(
        self, code: int, reason: str, message: str, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details is not None:
            status["details"] = self.details
        return status | {"code": self.code}


class UnservedError(Refusal):
    """404 where nothing at all is served: the one answer that is plain text."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "404 page not found")


class UndecodableError(Refusal):
    """A field of a built-in kind has a value of a wrong type."""

    def __init__(self, kind: str, version: str, why: str) -> None:
        text = f'{kind} in version "{version}" cannot be handled as a {kind}: {why}'
        super().__init__(400, "BadRequest", text)
        self.why = why


def about(resource: Resource, name: str, *, kind: str = "") -> dict[str, Any]:
    """The `details` of a Status; real ones leave the group of core kinds out."""
    details: dict[str, Any] = {"name": name} if name else {}
    if resource.group:
        details["group"] = resource.group
    return details | {"kind": kind or resource.plural}


def not_found(resource: Resource, name: str) -> Refusal:
    text = f'{resource.full_name} "{name}" not found'
    return Refusal(404, "NotFound", text, about(resource, name))


def already_exists(resource: Resource, name: str) -> Refusal:
    text = f'{resource.full_name} "{name}" already exists'
    return Refusal(409, "AlreadyExists", text, about(resource, name))


def conflict(resource: Resource, name: str, why: str = "") -> Refusal:
    why = why or (
        "the object has been modified; please apply your changes to the latest version and "
        "try again"
    )
    text = f'Operation cannot be fulfilled on {resource.full_name} "{name}": {why}'
    return Refusal(409, "Conflict", text, about(resource, name))


def unpatchable(error: UndecodableError) -> Refusal:
    """What a patch is told that makes an object undecodable."""
    text = f"Invalid value: {error.why}"
    cause = {"reason": "FieldValueInvalid", "message": text, "field": "patch"}
    return Refusal(422, "Invalid", f' "" is invalid: patch: {text}', {"causes": [cause]})


def bad_request(text: str) -> Refusal:
    return Refusal(400, "BadRequest", text)


def expired(text: str) -> Refusal:
    return Refusal(410, "Expired", text)


def invalid(resource: Resource, name: str, causes: Sequence[Cause], *, kind: str = "") -> Refusal:
    """422 with every cause; `causes` is not empty. Some refusals name the plural as `kind`."""
    kind = kind or resource.kind
    qualified = f"{kind}.{resource.group}" if resource.group else kind
    texts = [f"{cause.field}: {cause.text}" for cause in causes]
    listed = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details = about(resource, name, kind=kind) | {
        "causes": [
            {"reason": cause.reason, "message": cause.text, "field": cause.field}
            for cause in causes
        ]
    }
    return Refusal(422, "Invalid", f'{qualified} "{name}" is invalid: {listed}', details)
