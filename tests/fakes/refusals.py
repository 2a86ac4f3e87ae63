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


def bad_request(text: str) -> Refusal:
    return Refusal(400, "BadRequest", text)


def expired(text: str) -> Refusal:
    return Refusal(410, "Expired", text)


def invalid(resource: Resource, name: str, causes: Sequence[Cause]) -> Refusal:
    """422 with every cause; `causes` is not empty."""
    qualified = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    texts = [f"{cause.field}: {cause.text}" for cause in causes]
    listed = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details = about(resource, name, kind=resource.kind) | {
        "causes": [
            {"reason": cause.reason, "message": cause.text, "field": cause.field}
            for cause in causes
        ]
    }
    return Refusal(422, "Invalid", f'{qualified} "{name}" is invalid: {listed}', details)
