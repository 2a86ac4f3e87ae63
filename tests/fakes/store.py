"""An in-memory Kubernetes object store: what kube-apiserver and etcd together do to objects.

Synchronous and deterministic: it reads no clock and draws no lots. `now` is Unix time in seconds.
Objects that it returns are shared with it: read them, never change them. Objects given to it are
copied. Every refusal is a Refusal with the code, reason and sentence of the real server.
"""

from collections.abc import Callable, Iterator
from typing import Any

from tests.fakes import refusals
from tests.fakes.admission import Admission
from tests.fakes.causes import required
from tests.fakes.definitions import definition_resource, established
from tests.fakes.history import Change, Event, Key, at_version, events
from tests.fakes.objects import (
    copied,
    counted,
    keep_server_fields,
    metadata,
    only_part,
    stamp,
    suffix,
)
from tests.fakes.paging import Page, page, parsed_token, past_objects
from tests.fakes.patching import patched
from tests.fakes.preconditions import check_name, check_uid, check_version, check_versioned
from tests.fakes.resources import BUILT_IN, DEFINITIONS, NAMESPACES, Object, Resource
from tests.fakes.selector import Predicate
from tests.fakes.tables import Table, Tables


class Store:
    """All objects of one cluster under one growing version number."""

    def __init__(self, *, kept: int = 10_000) -> None:
        """`kept` changes of every kind stay for watches that resume and lists that continue."""
        self.version = 0
        self._created = 0
        self._admission = Admission()
        self._listeners: list[Callable[[Resource, Change], None]] = []
        self._tables = Tables(kept)
        for resource in BUILT_IN:
            self._tables.install(resource, 0)

    def resources(self) -> list[Resource]:
        """Every kind that is served."""
        return [table.resource for table in self._tables]

    def resource(self, group: str, plural: str, version: str = "") -> Resource | None:
        """The kind of that name where it is served (in `version`, if given)."""
        return self._tables.resource(group, plural, version)

    # Reading

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        obj = self._tables[resource].objects.get((namespace, name))
        if obj is None:
            raise refusals.not_found(resource, name)
        return obj

    def exists(self, resource: Resource, namespace: str, name: str) -> bool:
        return (namespace, name) in self._tables[resource].objects

    def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        selects: Predicate | None = None,
        limit: int = 0,
        proceed: str = "",
    ) -> Page:
        """The objects in order of namespace and name, in pages that all show one version.

        `proceed` is the token of the page before.
        """
        table = self._tables[resource]
        version, start = parsed_token(proceed) if proceed else (self.version, None)
        objects = table.objects
        if version != self.version:
            objects = past_objects(table.history, objects, version)
        return page(
            objects, version, namespace=namespace, selects=selects, limit=limit, start=start
        )

    def events(
        self,
        resource: Resource,
        after: int,
        namespace: str = "",
        *,
        selects: Predicate | None = None,
    ) -> Iterator[Event]:
        """What a watch from version `after` shows up to the present; 410 where it is too old."""
        return events(self._tables[resource].history.after(after), namespace, selects)

    def subscribe(self, listener: Callable[[Resource, Change], None]) -> Callable[[], None]:
        """Call `listener` after every change; the result ends that. It must not write."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def compact(self) -> None:
        """Forget all history: older watches and continue tokens get 410 from here on."""
        self.version += 1
        for table in self._tables:
            table.history.compact(self.version)

    # Writing

    def create(
        self, resource: Resource, obj: Object, *, namespace: str = "", now: float, version: str = ""
    ) -> Object:
        """Store a new object. `version` is the served one whose schema judges it."""
        table = self._tables[resource]
        new = copied(obj)
        meta = metadata(new)
        self._admission.decode(resource, new)
        self._created += 1
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + suffix(self._created)
        name = meta.get("name") or ""
        if meta.get("resourceVersion"):
            text = "resourceVersion should not be set on objects to be created"
            raise refusals.Refusal(500, "", text)
        self._place(resource, meta, namespace)
        meta["uid"] = f"00000000-0000-4000-8000-{self._created:012x}"
        meta["creationTimestamp"] = stamp(now)
        for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
            meta.pop(field, None)
        if resource.generation:
            meta["generation"] = 1
        if resource.status and resource.custom:
            new.pop("status", None)
        new = self._judged(resource, new, None, version)
        if (namespace, name) in table.objects:
            raise refusals.already_exists(resource, name)
        if resource is not DEFINITIONS:
            return self._commit(table, (namespace, name), None, new)
        new = established(new, stamp(now))
        described = definition_resource(new)
        self._commit(table, (namespace, name), None, new)
        self._tables.install(described, self.version)
        return new

    def update(
        self,
        resource: Resource,
        obj: Object,
        *,
        namespace: str = "",
        name: str,
        subresource: str = "",
        now: float,
        version: str = "",
    ) -> Object:
        """Replace the object, or only its status where `subresource` says so."""
        table = self._tables[resource]
        new = copied(obj)
        meta = metadata(new)
        self._admission.decode(resource, new)
        check_name(meta, name)
        old = table.objects.get((namespace, name))
        if old is None:
            check_uid(resource, name, meta.get("uid"), "")
            if subresource or not resource.put_creates:
                raise refusals.not_found(resource, name)
            meta.pop("resourceVersion", None)
            return self.create(resource, new, namespace=namespace, now=now, version=version)
        if not resource.put_blind:
            check_versioned(resource, name, meta)
        return self._replaced(table, (namespace, name), old, new, subresource, version)

    def patch(
        self,
        resource: Resource,
        body: Any,
        media_type: str,
        *,
        namespace: str = "",
        name: str,
        subresource: str = "",
        version: str = "",
    ) -> Object:
        """Change the object by a patch of one of the three media types."""
        table = self._tables[resource]
        old = self.get(resource, namespace, name)
        new = copied(patched(resource, old, body, media_type))
        check_name(metadata(new), name)
        try:
            self._admission.decode(resource, new)
        except refusals.UndecodableError as error:
            raise refusals.unpatchable(error) from error
        return self._replaced(table, (namespace, name), old, new, subresource, version)

    def delete(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        name: str,
        uid: str = "",
        version: str = "",
        now: float,
    ) -> Object:
        """Delete the object if it still has that `uid` and `version`; returns its last state.

        With finalizers it is only marked. A Namespace takes its objects along.
        """
        table = self._tables[resource]
        key = (namespace, name)
        old = self.get(resource, namespace, name)
        meta = old["metadata"]
        check_uid(resource, name, uid, meta["uid"])
        check_version(resource, name, version, meta["resourceVersion"])
        if meta.get("finalizers"):
            if "deletionTimestamp" in meta:
                return old
            marks = {"deletionTimestamp": stamp(now), "deletionGracePeriodSeconds": 0}
            if resource.generation:
                marks["generation"] = meta["generation"] + 1
            return self._commit(table, key, old, old | {"metadata": meta | marks})
        if resource is NAMESPACES:
            for one in self._tables:
                if one.resource.namespaced:
                    self._empty(one, name)
        if resource is DEFINITIONS:
            gone = self._tables[definition_resource(old)]
            self._empty(gone)
            self._tables.uninstall(gone.resource)
        return self._remove(table, key)

    # The parts of a write

    def _place(self, resource: Resource, meta: dict[str, Any], namespace: str) -> None:
        """Put a new object into its namespace, which must be there."""
        if not resource.namespaced:
            meta.pop("namespace", None)
            return
        if not namespace:
            raise refusals.bad_request("an empty namespace may not be set during creation")
        if not self.exists(NAMESPACES, "", namespace):
            raise refusals.not_found(NAMESPACES, namespace)
        meta["namespace"] = namespace

    def _replaced(
        self,
        table: Table,
        key: Key,
        old: Object,
        new: Object,
        subresource: str,
        version: str,
    ) -> Object:
        resource = table.resource
        meta, was = metadata(new), old["metadata"]
        check_uid(resource, key[1], meta.get("uid"), was["uid"])
        if meta.get("resourceVersion") not in {None, "", was["resourceVersion"]}:
            raise refusals.conflict(resource, key[1])
        keep_server_fields(meta, was)
        new = only_part(resource, old, new, subresource)
        new = self._judged(resource, new, old, version)
        if new == old:
            return old
        if resource.generation and counted(resource, new) != counted(resource, old):
            new["metadata"]["generation"] = was["generation"] + 1
        if "deletionTimestamp" in was and not new["metadata"].get("finalizers"):
            return self._remove(table, key)
        described = definition_resource(new) if resource is DEFINITIONS else None
        self._commit(table, key, old, new)
        if described:
            self._tables.install(described, self.version)
        return new

    def _judged(self, resource: Resource, new: Object, old: Object | None, version: str) -> Object:
        """`new` as it will be stored, with defaults; Refusal where it is not valid."""
        new["kind"] = resource.kind
        new["apiVersion"] = resource.api_version()
        if schema := resource.schemas.get(version or resource.versions[0]):
            new = schema.defaulted(schema.pruned(new))
        causes = list(self._admission.admit(resource, new, old))
        if schema:
            causes += schema.problems(new)
        name = new["metadata"].get("name") or ""
        if not name:
            causes.insert(0, required("metadata.name", "name or generateName is required"))
        if causes:
            raise refusals.invalid(resource, name, causes)
        return new

    def _commit(self, table: Table, key: Key, old: Object | None, new: Object) -> Object:
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        table.objects[key] = new
        self._admission.stored(table.resource, new, old)
        self._tell(table, Change(self.version, key, old, new))
        return new

    def _remove(self, table: Table, key: Key) -> Object:
        old = table.objects.pop(key)
        self.version += 1
        self._admission.stored(table.resource, None, old)
        self._tell(table, Change(self.version, key, old, None))
        return at_version(old, self.version)

    def _tell(self, table: Table, change: Change) -> None:
        table.history.append(change)
        for listener in self._listeners:
            listener(table.resource, change)

    def _empty(self, table: Table, namespace: str = "") -> None:
        for key in sorted(key for key in table.objects if not namespace or key[0] == namespace):
            self._remove(table, key)
