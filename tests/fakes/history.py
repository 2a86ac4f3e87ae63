"""What happened to the objects of one kind, version by version, as far back as it is kept."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from tests.fakes.refusals import expired
from tests.fakes.resources import Object
from tests.fakes.selector import Predicate

Key = tuple[str, str]
"""Namespace ("" where there is none) and name: the order of lists."""


class Change(NamedTuple):
    """One write: created where `before` is None, deleted where `after` is None."""

    version: int
    key: Key
    before: Object | None
    after: Object | None


class Event(NamedTuple):
    """One line of a watch: `kind` is ADDED, MODIFIED or DELETED."""

    version: int
    kind: str
    object: Object


class History:
    """The changes of one kind; `horizon` is the oldest version from which all are still known.

    At least `kept` changes stay, at most twice as many.
    """

    def __init__(self, kept: int) -> None:
        self.horizon = 0
        self._kept = kept
        self._changes: list[Change] = []

    def append(self, change: Change) -> None:
        self._changes.append(change)
        if len(self._changes) > 2 * self._kept:
            self.compact(self._changes[self._kept].version)

    def after(self, version: int) -> list[Change]:
        """All changes later than `version`; Refusal 410 where some of them are forgotten."""
        if version < self.horizon:
            raise expired(f"too old resource version: {version} ({self.horizon})")
        changes = self._changes
        if not changes or changes[-1].version <= version:
            return []
        return changes[bisect_right(changes, version, key=_version) :]

    def compact(self, version: int) -> None:
        """Forget how versions up to `version` came about."""
        if version > self.horizon:
            self.horizon = version
            del self._changes[: bisect_right(self._changes, version, key=_version)]

    def snapshot(self, objects: dict[Key, Object], version: int) -> dict[Key, Object]:
        """What `objects`, the present ones, were at `version`."""
        past = dict(objects)
        for change in reversed(self.after(version)):
            if change.before is None:
                del past[change.key]
            else:
                past[change.key] = change.before
        return past


def events(changes: list[Change], namespace: str, selects: Predicate | None) -> Iterator[Event]:
    """The changes as a watcher of `namespace` ("" for all) sees them through its selector.

    An object that starts to match is ADDED and one that stops is DELETED, in its last matching
    state under the version of the change.
    """
    for version, key, before, after in changes:
        if namespace and key[0] != namespace:
            continue
        was = before is not None and (selects is None or selects(before))
        now = after is not None and (selects is None or selects(after))
        if now and after is not None:
            yield Event(version, "MODIFIED" if was else "ADDED", after)
        elif was and before is not None:
            yield Event(version, "DELETED", at_version(before, version))


def at_version(obj: Object, version: int) -> Object:
    return obj | {"metadata": obj["metadata"] | {"resourceVersion": str(version)}}


def _version(change: Change) -> int:
    return change.version
