"""Lists in pages that all show one version, and the tokens that ask for the next page."""

import base64
import binascii
import json
from dataclasses import dataclass

from tests.fakes.history import History, Key
from tests.fakes.refusals import Refusal, bad_request, expired
from tests.fakes.resources import Object
from tests.fakes.selector import Predicate


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Part of a list: `version` is that of the whole list, `proceed` the token for the rest.

    `remaining` is how many objects the rest has, None where a selector hides that.
    """

    items: list[Object]
    version: int
    proceed: str = ""
    remaining: int | None = None


def page(
    objects: dict[Key, Object],
    version: int,
    *,
    namespace: str,
    selects: Predicate | None,
    limit: int,
    start: Key | None,
) -> Page:
    """The first `limit` (0 for all) selected ones of `objects` behind the key `start`."""
    keys = sorted(
        key
        for key in objects
        if (not namespace or key[0] == namespace) and (start is None or key > start)
    )
    items: list[Object] = []
    for index, key in enumerate(keys):
        if limit and len(items) == limit:
            left = None if selects else len(keys) - index
            token = _token(version, keys[index - 1])
            return Page(items=items, version=version, proceed=token, remaining=left)
        if selects is None or selects(objects[key]):
            items.append(objects[key])
    return Page(items=items, version=version)


def past_objects(history: History, objects: dict[Key, Object], version: int) -> dict[Key, Object]:
    """The objects as they were at the version of a continue token; Refusal 410 if forgotten."""
    try:
        return history.snapshot(objects, version)
    except Refusal as error:
        raise expired(
            "The provided continue parameter is too old to display a consistent list result."
        ) from error


def _token(version: int, last: Key) -> str:
    token = {"v": "meta.k8s.io/v1", "rv": version, "start": "/".join(last)}
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")


def parsed_token(text: str) -> tuple[int, Key]:
    """The version and the last key of the page that gave the token."""
    try:
        token = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        namespace, _, name = token["start"].partition("/")
        return int(token["rv"]), (namespace, name)
    except (binascii.Error, ValueError, TypeError, KeyError, AttributeError) as error:
        raise bad_request(f"continue key is not valid: {error}") from error
