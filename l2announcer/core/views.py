"""What is known of all objects of one kind, from lists, watches and answers to our own calls.

These reach us by different ways, so an older one may come later: the newest version of each wins.
That an object is gone is such a version too: the answer to a call that was made before it was
deleted must not bring it back, since no watch would ever take it away again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, ValuesView
from typing import Generic, Protocol, TypeVar

from l2announcer.core.model import Key, newer


class Versioned(Protocol):
    """An object as the API server keeps it."""

    @property
    def key(self) -> Key: ...
    @property
    def resource_version(self) -> str: ...


T = TypeVar("T", bound=Versioned)

DELETED_LIMIT = 1024  # how many deletions are remembered; answers are late by seconds at most


class View(Generic[T]):
    """The objects of one kind by key. `listed` tells whether all were known once."""

    def __init__(self) -> None:
        self.listed = False
        self._objects: dict[Key, T] = {}
        self._listed_at = ""  # what the list of this version does not name was gone by then
        self._deleted_at: dict[Key, str] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: Key) -> T | None:
        return self._objects.get(key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._objects)

    def values(self) -> ValuesView[T]:
        return self._objects.values()

    def replace(self, objects: Iterable[T], version: str, *, restored: bool = False) -> set[Key]:
        """Take in a whole list as of `version`; the keys of what changed.

        What we know to be newer than the list as a whole came while it was under way, and stays;
        except where the store was `restored` to an older state: there it is no more.
        """
        self.listed = True
        listed = {found.key: found for found in objects}
        if version and not restored:
            listed |= {
                key: known
                for key, known in self._objects.items()
                if newer(known.resource_version, version)
            }
        changed = {
            key
            for key in self._objects.keys() | listed.keys()
            if self._objects.get(key) != listed.get(key)
        }
        self._objects = listed
        self._listed_at = version
        self._deleted_at = {}
        return changed

    def see(self, found: T) -> bool:
        """Take in one object; False when it says nothing new."""
        known = self._objects.get(found.key)
        if known is not None:
            standing = known.resource_version
        else:
            standing = self._deleted_at.get(found.key, self._listed_at)
        if (known is not None or standing) and not newer(found.resource_version, standing):
            return False
        self._objects[found.key] = found
        self._deleted_at.pop(found.key, None)
        return True

    def forget(self, key: Key, version: str) -> bool:
        """Take in that an object was deleted at `version`; False when a newer one stands."""
        known = self._objects.get(key)
        if known is None or (version and newer(known.resource_version, version)):
            return False
        del self._objects[key]
        if version:
            self._deleted_at[key] = version
        if len(self._deleted_at) > DELETED_LIMIT:
            del self._deleted_at[next(iter(self._deleted_at))]
        return True
