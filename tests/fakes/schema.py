"""A structural schema of a custom resource: defaults, pruning and validation.

Rules of apiextensions.k8s.io/v1 as far as the project's own CRDs use them; `not` and the like are
refused when the schema is read, so that none is silently skipped. CEL rules alone are left to a
real API server (tests/cluster): what they refuse is taken here.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tests.fakes.causes import Cause, bad_value, required, shown

_HANDLED = frozenset(
    {
        "type", "description", "properties", "required", "items", "additionalProperties",
        "default", "nullable", "enum", "pattern", "format", "title", "example",
        "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum",
        "minProperties", "maxProperties",
        "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string",
        "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
        "x-kubernetes-validations",
    }
)  # fmt: skip


class SchemaError(ValueError):
    """The schema uses what is not understood here; the sentence names it."""


class Schema:
    """One openAPIV3Schema. `root` schemas leave apiVersion, kind and metadata alone."""

    def __init__(self, spec: Mapping[str, Any], *, root: bool = True) -> None:
        if unknown := spec.keys() - _HANDLED:
            raise SchemaError(f"schema keywords not understood: {', '.join(sorted(unknown))}")
        self._spec = spec
        self._preserve = bool(spec.get("x-kubernetes-preserve-unknown-fields"))
        own = {"apiVersion", "kind", "metadata"} if root else set()
        self._untouched = frozenset(own)
        self._properties = {
            name: Schema(sub, root=False)
            for name, sub in (spec.get("properties") or {}).items()
            if name not in own
        }
        extra = spec.get("additionalProperties")
        self._values = Schema(extra, root=False) if isinstance(extra, Mapping) else None
        self._free = extra is True
        items = spec.get("items")
        self._items = Schema(items, root=False) if items is not None else None
        self._pattern = re.compile(spec["pattern"]) if "pattern" in spec else None

    def pruned(self, value: Any, path: str = "", dropped: list[str] | None = None) -> Any:
        """`value` without the fields that the schema does not name; their paths to `dropped`."""
        dropped = [] if dropped is None else dropped
        match value:
            case dict():
                return dict(self._kept(value, path, dropped))
            case list() if self._items:
                return [
                    self._items.pruned(item, f"{path}[{index}]", dropped)
                    for index, item in enumerate(value)
                ]
            case _:
                return value

    def _kept(
        self, value: dict[str, Any], path: str, dropped: list[str]
    ) -> Iterator[tuple[str, Any]]:
        for name, item in value.items():
            below = _join(path, name)
            if sub := self._properties.get(name) or self._values:
                yield name, sub.pruned(item, below, dropped)
            elif self._preserve or self._free or name in self._untouched:
                yield name, item
            else:
                dropped.append(below)

    def defaulted(self, value: Any) -> Any:
        """`value` with the schema's defaults where fields are missing (or null, not nullable)."""
        match value:
            case dict():
                filled = dict(value)
                for name, sub in self._properties.items():
                    absent = name not in filled or (
                        filled[name] is None and not sub._spec.get("nullable")
                    )
                    if absent and "default" in sub._spec:
                        filled[name] = sub._spec["default"]
                    elif absent and name in filled:
                        del filled[name]
                    if name in filled:
                        filled[name] = sub.defaulted(filled[name])
                if self._values:
                    for name in filled.keys() - self._properties.keys():
                        filled[name] = self._values.defaulted(filled[name])
                return filled
            case list() if self._items:
                return [self._items.defaulted(item) for item in value]
            case _:
                return value

    def problems(self, value: Any, path: str = "") -> Iterator[Cause]:
        """Every reason for which the API server would refuse `value`."""
        if value is None and self._spec.get("nullable"):
            return
        if wrong := self._type_problem(value, path):
            yield wrong
            return
        if "enum" in self._spec and value not in self._spec["enum"]:
            listed = ", ".join(shown(item) for item in self._spec["enum"])
            text = f"Unsupported value: {shown(value)}: supported values: {listed}"
            yield Cause(field=path, reason="FieldValueNotSupported", text=text)
        match value:
            case dict():
                yield from self._object_problems(value, path)
            case list():
                yield from self._array_problems(value, path)
            case str():
                yield from self._string_problems(value, path)
            case int() | float() if not isinstance(value, bool):
                yield from self._number_problems(value, path)

    def _type_problem(self, value: Any, path: str) -> Cause | None:
        wanted = self._spec.get("type")
        if self._spec.get("x-kubernetes-int-or-string"):
            fits = _TYPES["integer"](value) or _TYPES["string"](value)
        else:
            fits = wanted is None or _TYPES[wanted](value)
        if fits:
            return None
        name = next(name for name, is_one in _TYPES.items() if is_one(value))
        field = path or "<nil>"
        text = f'Invalid value: "{name}": {field} in body must be of type {wanted}: "{name}"'
        return Cause(field=field, reason="FieldValueTypeInvalid", text=text)

    def _object_problems(self, value: dict[str, Any], path: str) -> Iterator[Cause]:
        for name in self._spec.get("required") or ():
            if name not in value and name not in self._untouched:
                yield required(_join(path, name))
        yield from self._size_problems(len(value), path, "Properties")
        for name, item in value.items():
            sub = self._properties.get(name) or self._values
            if sub and name not in self._untouched:
                yield from sub.problems(item, _join(path, name))

    def _array_problems(self, value: list[Any], path: str) -> Iterator[Cause]:
        yield from self._size_problems(len(value), path, "Items")
        if self._items:
            for index, item in enumerate(value):
                yield from self._items.problems(item, f"{path}[{index}]")
        keys = self._spec.get("x-kubernetes-list-map-keys") or ()
        listed = self._spec.get("x-kubernetes-list-type")
        if listed not in {"map", "set"}:
            return
        seen: list[Any] = []
        for index, item in enumerate(value):
            identity = {key: item.get(key) for key in keys} if listed == "map" else item
            if identity in seen:
                text = f"Duplicate value: {_go_map(identity)}"
                field = f"{path}[{index}]"
                yield Cause(field=field, reason="FieldValueDuplicate", text=text)
            seen.append(identity)

    def _size_problems(self, size: int, path: str, what: str) -> Iterator[Cause]:
        most, least = self._spec.get(f"max{what}"), self._spec.get(f"min{what}")
        if most is not None and size > most:
            text = f"Too many: {size}: must have at most {most} items"
            yield Cause(field=path, reason="FieldValueTooMany", text=text)
        if least is not None and size < least:
            text = f"{path} in body should have at least {least} {what.lower()}"
            yield bad_value(path, size, text)

    def _string_problems(self, value: str, path: str) -> Iterator[Cause]:
        if self._pattern and not self._pattern.search(value):
            text = f"{path} in body should match '{self._spec['pattern']}'"
            yield bad_value(path, value, text)
        most, least = self._spec.get("maxLength"), self._spec.get("minLength")
        if most is not None and len(value) > most:
            text = f"Too long: may not be more than {most} bytes"
            yield Cause(field=path, reason="FieldValueTooLong", text=text)
        if least is not None and len(value) < least:
            text = f"{path} in body should be at least {least} chars long"
            yield bad_value(path, value, text)
        wanted = self._spec.get("format", "")
        if wanted in _FORMATS and not _FORMATS[wanted](value):
            seen = shown(value)
            text = f"Invalid value: {seen}: {path} in body must be of type {wanted}: {seen}"
            yield Cause(field=path, reason="FieldValueTypeInvalid", text=text)

    def _number_problems(self, value: float, path: str) -> Iterator[Cause]:
        least, most = self._spec.get("minimum"), self._spec.get("maximum")
        if least is not None and value < least:
            text = f"{path} in body should be greater than or equal to {least}"
            yield bad_value(path, value, text)
        if most is not None and value > most:
            text = f"{path} in body should be less than or equal to {most}"
            yield bad_value(path, value, text)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _go_map(identity: Any) -> str:
    if not isinstance(identity, dict):
        return shown(identity)
    pairs = ", ".join(f'"{key}":{shown(value)}' for key, value in sorted(identity.items()))
    return f"map[string]interface {{}}{{{pairs}}}"


def _is_cidr(value: str) -> bool:
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return False
    return "/" in value


def _is_address(version: int) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            return ipaddress.ip_address(value).version == version
        except ValueError:
            return False

    return check


def _is_date_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None and "T" in value
    except ValueError:
        return False


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "null": lambda value: value is None,
}
_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "cidr": _is_cidr,
    "ipv4": _is_address(4),
    "ipv6": _is_address(6),
    "date-time": _is_date_time,
}
