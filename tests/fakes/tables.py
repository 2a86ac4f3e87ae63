"""The objects and the history of every kind that is served at the moment."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.fakes.history import History, Key
from tests.fakes.refusals import Refusal
from tests.fakes.resources import Object, Resource


@dataclass(slots=True, kw_only=True)
class Table:
    """All of one kind. A new definition of the kind replaces `resource` and keeps the objects."""

    resource: Resource
    history: History
    objects: dict[Key, Object]


class Tables:
    """The tables by group and plural: a Resource of an older definition still finds its table."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._tables: dict[tuple[str, str], Table] = {}

    def __iter__(self) -> Iterator[Table]:
        return iter(list(self._tables.values()))

    def __getitem__(self, resource: Resource) -> Table:
        """Refusal 404 where the kind is not served (any more)."""
        table = self._tables.get((resource.group, resource.plural))
        if table is None:
            text = "the server could not find the requested resource"
            raise Refusal(404, "NotFound", text, {})
        return table

    def resource(self, group: str, plural: str, version: str) -> Resource | None:
        table = self._tables.get((group, plural))
        if table is None or (version and version not in table.resource.versions):
            return None
        return table.resource

    def install(self, resource: Resource, version: int) -> None:
        """Serve a kind; what happened up to `version`, the present one, is not its history."""
        name = (resource.group, resource.plural)
        if table := self._tables.get(name):
            table.resource = resource
            return
        history = History(self._kept)
        history.compact(version)
        self._tables[name] = Table(resource=resource, history=history, objects={})

    def uninstall(self, resource: Resource) -> None:
        del self._tables[resource.group, resource.plural]
