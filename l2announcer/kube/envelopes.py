"""PURE. What objects arrive in: the pages of a list, the events of a watch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import msgspec

from l2announcer.core.facts import Object
from l2announcer.core.model import Key, Kind
from l2announcer.kube.decode import Problem, decode, identity
from l2announcer.kube.errors import ApiError, Status, sorted_by_status


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `next` is the token of the page after it, empty for the last."""

    version: str
    next: str
    objects: tuple[tuple[Key, Object | Problem], ...]


class Change(Enum):
    """The types of watch events (Kubernetes API concepts, efficient detection of changes)."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


_CHANGED = frozenset({Change.ADDED, Change.MODIFIED})


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch. `object` is None for a bookmark, a deletion and a name not wanted."""

    change: Change
    key: Key
    version: str
    object: Object | Problem | None


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str | None = None
    continue_: str | None = msgspec.field(name="continue", default=None)


class _List(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


_read_list = msgspec.json.Decoder(_List).decode
_read_event = msgspec.json.Decoder(_Event).decode
_read_status = msgspec.json.Decoder(Status).decode


def page(kind: Kind, body: bytes, *, prefixes: tuple[str, ...]) -> Page:
    """A page, without the objects whose name has none of `prefixes` (when there are any).

    Raises one of MALFORMED for what is not a list of the API.
    """
    read = _read_list(body)
    items = [(identity(raw)[0], raw) for raw in read.items or ()]
    return Page(
        version=read.metadata.resource_version or "",
        next=read.metadata.continue_ or "",
        objects=tuple((key, decode(kind, raw)) for key, raw in items if _wanted(key, prefixes)),
    )


def event(kind: Kind, line: bytes, *, prefixes: tuple[str, ...]) -> WatchEvent:
    """One event of a watch.

    Raises ApiError for an event of type ERROR, one of MALFORMED for what is no event at all.
    """
    read = _read_event(line)
    if read.type == "ERROR":
        raise _error(kind, read.object)
    key, version = identity(read.object)
    try:
        change = Change(read.type)
    except ValueError as error:
        raise msgspec.ValidationError(f"a watch event of unknown type {read.type}") from error
    changed = change in _CHANGED and _wanted(key, prefixes)
    return WatchEvent(change, key, version, decode(kind, read.object) if changed else None)


def _error(kind: Kind, raw: msgspec.Raw) -> ApiError:
    status = _read_status(raw)
    return sorted_by_status(status.code, bytes(raw), subject=f"watch of {kind.value}")


def _wanted(key: Key, prefixes: tuple[str, ...]) -> bool:
    return not prefixes or key.name.startswith(prefixes)
