"""What must hold of a write before anything else: it means this object, in its present state."""

from typing import Any

from tests.fakes.causes import Cause
from tests.fakes.refusals import bad_request, conflict, invalid
from tests.fakes.resources import Resource


def check_name(meta: dict[str, Any], name: str) -> None:
    """Refusal 400 unless the body names the object of the path; a missing name is put in."""
    if meta.setdefault("name", name) != name:
        raise bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
        )


def check_uid(resource: Resource, name: str, given: str | None, actual: str) -> None:
    """Refusal 409 where a uid is given and is not the present one ("" where nothing is)."""
    if given and given != actual:
        why = f"Precondition failed: UID in precondition: {given}, UID in object meta: {actual}"
        raise conflict(resource, name, why)


def check_version(resource: Resource, name: str, given: str, actual: str) -> None:
    """Refusal 409 where a deletion asks for a version that is not the present one."""
    if given and given != actual:
        why = (
            f"Precondition failed: ResourceVersion in precondition: {given}, "
            f"ResourceVersion in object meta: {actual}"
        )
        raise conflict(resource, name, why)


def check_versioned(resource: Resource, name: str, meta: dict[str, Any]) -> None:
    """Refusal 422 for a replacement that does not say which version it replaces."""
    if not meta.get("resourceVersion"):
        text = "Invalid value: 0x0: must be specified for an update"
        cause = Cause(field="metadata.resourceVersion", reason="FieldValueInvalid", text=text)
        raise invalid(resource, name, [cause], kind=resource.plural)
