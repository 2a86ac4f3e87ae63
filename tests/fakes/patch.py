"""Changes to a JSON document: merge patch (RFC 7386) and JSON patch (RFC 6902), as pure functions.

As in the API server, and against the letter of RFC 6902, `replace` adds a member that an object
lacks, and `test` finds null there.
No function changes its arguments; results may share unchanged parts with them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final


class PatchError(ValueError):
    """The patch itself is malformed."""


class PatchMismatchError(PatchError):
    """A well-formed JSON patch does not fit this document: a failed test, a missing path."""


def merge_patch(document: Any, patch: Any) -> Any:
    """RFC 7386, section 2: null deletes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(document: Any, operations: Any) -> Any:
    """RFC 6902: all operations in order, or PatchMismatchError and nothing done."""
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    for operation in operations:
        if not isinstance(operation, dict):
            raise PatchError("an operation of a JSON patch is an object")
        document = _apply(document, operation)
    return document


def _tests(document: Any, path: Sequence[str], value: Any) -> bool:
    try:
        return equal(_get(document, path), value)
    except PatchMismatchError:
        if value is not None:
            raise
        return isinstance(_get(document, path[:-1]), dict)


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    name = operation.get("op")
    path = _path(operation, "path")
    match name:
        case "add":
            return _change(document, path, _adding(_value(operation)))
        case "remove":
            return _change(document, path, _remove)
        case "replace":
            return _change(document, path, _replacing(_value(operation)))
        case "test":
            if not _tests(document, path, _value(operation)):
                raise PatchMismatchError(f"testing value {operation['path']} failed: test failed")
            return document
        case "copy":
            return _change(document, path, _adding(_get(document, _path(operation, "from"))))
        case "move":
            source = _path(operation, "from")
            if path[: len(source)] == source and path != source:
                raise PatchMismatchError("a value cannot be moved into itself")
            moved = _get(document, source)
            return _change(_change(document, source, _remove), path, _adding(moved))
        case _:
            raise PatchError(f"unexpected operation {name!r}")


def equal(left: Any, right: Any) -> bool:
    """JSON equality: unlike Python's, true is not 1."""
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


_END: Final = "-"
_Edit = Callable[[Any, str], Any]


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise PatchError(f"operation {operation.get('op')!r} lacks a value")
    return operation["value"]


def _path(operation: dict[str, Any], field: str) -> Sequence[str]:
    pointer = operation.get(field)
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise PatchError(f"operation {operation.get('op')!r} has a bad {field!r}: {pointer!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _index(array: list[Any], part: str, *, end: int) -> int:
    if not part.isascii() or not part.isdigit() or (part != "0" and part.startswith("0")):
        raise PatchMismatchError(f"{part!r} is no index of an array")
    if int(part) >= end:
        raise PatchMismatchError(f"index {part} is beyond an array of {len(array)}")
    return int(part)


def _get(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        match document:
            case dict() if part in document:
                document = document[part]
            case list():
                document = document[_index(document, part, end=len(document))]
            case _:
                raise PatchMismatchError(f"the path /{'/'.join(path)} does not exist")
    return document


def _change(document: Any, path: Sequence[str], edit: _Edit) -> Any:
    """The document with `edit` applied to the parent of `path`; only the spine is copied."""
    if not path:
        return edit({"": document}, "").get("")
    first, rest = path[0], path[1:]
    match document:
        case dict() | list() if not rest:
            return edit(document, first)
        case dict() if first in document:
            return document | {first: _change(document[first], rest, edit)}
        case list():
            index = _index(document, first, end=len(document))
            changed = _change(document[index], rest, edit)
            return [*document[:index], changed, *document[index + 1 :]]
        case _:
            raise PatchMismatchError(f"the path /{'/'.join(path)} does not exist")


def _adding(value: Any) -> _Edit:
    def add(parent: Any, part: str) -> Any:
        if isinstance(parent, dict):
            return parent | {part: value}
        at = len(parent) if part == _END else _index(parent, part, end=len(parent) + 1)
        return [*parent[:at], value, *parent[at:]]

    return add


def _replacing(value: Any) -> _Edit:
    def replace(parent: Any, part: str) -> Any:
        if isinstance(parent, dict):
            return parent | {part: value}
        at = _index(parent, part, end=len(parent))
        return [*parent[:at], value, *parent[at + 1 :]]

    return replace


def _remove(parent: Any, part: str) -> Any:
    if isinstance(parent, dict):
        if part not in parent:
            raise PatchMismatchError(f"there is no {part!r} to remove")
        return {key: value for key, value in parent.items() if key != part}
    at = _index(parent, part, end=len(parent))
    return [*parent[:at], *parent[at + 1 :]]
