"""The three kinds of patch by their media type, and how the API server refuses a bad one."""

from typing import Any, Final

from tests.fakes.patch import PatchError, PatchMismatchError, json_patch, merge_patch
from tests.fakes.refusals import Refusal, bad_request
from tests.fakes.resources import Object, Resource
from tests.fakes.strategic import strategic_merge_patch

MERGE_PATCH: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"


def patched(resource: Resource, obj: Object, body: Any, media_type: str) -> Object:
    """The object as the patch makes it; Refusal 400, 415 or 422."""
    try:
        new = _applied(resource, obj, body, media_type)
    except PatchMismatchError as error:
        sentence = "the server rejected our request due to an error in our request"
        raise Refusal(422, "Invalid", sentence, {}) from error
    except PatchError as error:
        raise bad_request(str(error)) from error
    if not isinstance(new, dict):
        raise bad_request("a patched object is an object")
    return new


def _applied(resource: Resource, obj: Object, body: Any, media_type: str) -> Any:
    if media_type == JSON_PATCH:
        return json_patch(obj, body)
    if media_type == MERGE_PATCH:
        return merge_patch(obj, body)
    if media_type == STRATEGIC_PATCH and not resource.custom:
        return strategic_merge_patch(obj, body)
    raise Refusal(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
