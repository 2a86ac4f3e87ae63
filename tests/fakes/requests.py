"""Requests to the embedded API server, read and checked, and the answers that the store gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import web

from tests.fakes.causes import Cause
from tests.fakes.patching import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from tests.fakes.refusals import Refusal, UnservedError, about, bad_request, conflict, expired
from tests.fakes.resources import BUILT_IN, PODS, Object, Resource
from tests.fakes.routes import Target
from tests.fakes.selector import (
    Predicate,
    SelectorError,
    both,
    field_selector,
    label_selector,
)
from tests.fakes.store import Store
from tests.fakes.watches import Question

_JSON: Final = "application/json"
_PATCHES: Final = frozenset({JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH})
_FOREVER_SECONDS: Final = 1800.0
_FIELDS: Final = ("metadata.name", "metadata.namespace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request for a kind that is served. `body` is the decoded one, None without any."""

    action: str
    where: Target
    resource: Resource
    options: Mapping[str, str]
    selects: Predicate | None
    body: Any
    media_type: str


async def read_call(store: Store, request: web.Request, where: Target, action: str) -> Call:
    """The request, read; Refusal where it asks for what is not there or can't be understood."""
    resource = store.resource(where.group, where.plural, where.version)
    if resource is None or resource.namespaced < bool(where.namespace):
        built_in = any(where.group == one.group for one in BUILT_IN)
        raise _missing() if built_in and where.version == "v1" else UnservedError()
    if where.subresource and not _has(resource, where.subresource):
        raise _missing()
    if not action or (
        action in {"create", "update", "patch", "get"} and not _addressed(where, resource, action)
    ):
        text = "the server does not allow this method on the requested resource"
        raise Refusal(405, "MethodNotAllowed", text, {})
    raw = await request.read()
    body = _decoded(raw, where, resource, request.content_type) if raw else None
    if action in {"create", "update"}:
        _check_type(body, resource, where)
    options = dict(request.query)
    return Call(
        action=action,
        where=where,
        resource=resource,
        options=options,
        selects=_selector(resource, options, where.name if action == "watch" else ""),
        body=body,
        media_type=request.content_type,
    )


def _missing() -> Refusal:
    return Refusal(404, "NotFound", "the server could not find the requested resource", {})


def question(call: Call) -> Question:
    """The request of a watch as its stream wants it."""
    since = _version(call.options.get("resourceVersion", ""))
    return Question(
        resource=call.resource,
        version=call.where.version,
        namespace=call.where.namespace,
        selects=call.selects,
        since=since or None,
        bookmarks=call.options.get("allowWatchBookmarks") in {"1", "true"},
        seconds=float(call.options.get("timeoutSeconds") or 0) or _FOREVER_SECONDS,
    )


def answer(store: Store, call: Call, now: float) -> tuple[int, Object]:
    """Do what is asked (all but a watch): the HTTP code and the body."""
    where, resource = call.where, call.resource
    match call.action:
        case "get":
            return 200, presented(call, store.get(resource, where.namespace, where.name))
        case "list":
            return 200, _listed(store, call)
        case "create" if where.subresource == "binding":
            return 201, _bound(store, call)
        case "create":
            _check_strictly(call)
            obj = store.create(
                resource, call.body, namespace=where.namespace, now=now, version=where.version
            )
            return 201, presented(call, obj)
        case "update":
            _check_strictly(call)
            return _updated(store, call, now)
        case "patch":
            obj = store.patch(
                resource,
                call.body,
                call.media_type,
                namespace=where.namespace,
                name=where.name,
                subresource=where.subresource,
                version=where.version,
            )
            return 200, presented(call, obj)
        case "delete":
            return _deleted(store, call, where.name, now)
        case _:
            page = store.list(resource, where.namespace, selects=call.selects)
            for item in page.items:
                meta = item["metadata"]
                store.delete(
                    resource, namespace=meta.get("namespace", ""), name=meta["name"], now=now
                )
            return 200, _list_object(call, page.items, {"resourceVersion": str(store.version)})


def presented(call: Call, obj: Object) -> Object:
    """The object in the version that was asked for."""
    shown = call.resource.api_version(call.where.version)
    return obj if obj["apiVersion"] == shown else obj | {"apiVersion": shown}


def _has(resource: Resource, subresource: str) -> bool:
    if subresource == "binding":
        return resource is PODS
    return subresource == "status" and resource.status


def _addressed(where: Target, resource: Resource, action: str) -> bool:
    placed = bool(where.namespace) or not resource.namespaced
    if action == "create":
        return placed and (not where.name or where.subresource == "binding")
    return placed and bool(where.name) and where.subresource != "binding"


def _decoded(raw: bytes, where: Target, resource: Resource, media_type: str) -> Any:
    if media_type not in _PATCHES | {_JSON}:
        text = (
            "the body of the request was in an unknown format - accepted media types include: "
            f"{_JSON}"
        )
        raise Refusal(415, "UnsupportedMediaType", text)
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise bad_request(
            f'{resource.kind} in version "{where.version}" cannot be handled as a '
            f"{resource.kind}: {error}"
        ) from error


def _check_type(body: Any, resource: Resource, where: Target) -> None:
    """The body of a POST or PUT is one object of the kind and version of the path."""
    if where.subresource == "binding":
        return
    if not isinstance(body, dict):
        raise bad_request("the object provided is unrecognized (must be of type object)")
    version = body.get("apiVersion", "")
    expected = resource.api_version(where.version)
    if version not in {"", expected}:
        raise bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({expected})"
        )
    kind = body.get("kind", "")
    if kind not in {"", resource.kind}:
        raise bad_request(
            f"the kind in the data ({kind}) does not match the expected kind ({resource.kind})"
        )
    if resource.custom and not (version and kind):
        raise bad_request("Object 'Kind' or 'apiVersion' is missing")
    given = (body.get("metadata") or {}).get("namespace")
    if given and resource.namespaced and given != where.namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def _check_strictly(call: Call) -> None:
    """fieldValidation=Strict: unknown fields of a custom resource are refused, not pruned."""
    schema = call.resource.schemas.get(call.where.version)
    if schema is None or call.options.get("fieldValidation") != "Strict":
        return
    dropped: list[str] = []
    schema.pruned(call.body, dropped=dropped)
    if dropped:
        kind = call.resource.kind
        listed = ", ".join(f'unknown field "{path}"' for path in dropped)
        raise bad_request(
            f'{kind} in version "{call.where.version}" cannot be handled as a {kind}: strict '
            f"decoding error: {listed}"
        )


def _selector(resource: Resource, options: Mapping[str, str], name: str) -> Predicate | None:
    try:
        labels = label_selector(options.get("labelSelector", ""))
        fields = field_selector(options.get("fieldSelector", ""), (*_FIELDS, *resource.selectable))
        one = field_selector(f"metadata.name={name}" if name else "", _FIELDS)
    except SelectorError as error:
        raise bad_request(str(error)) from error
    return both(both(labels, fields), one)


def _version(text: str) -> int:
    if not text.isdigit() and text:
        cause = Cause(
            field="resourceVersion",
            reason="FieldValueInvalid",
            text=f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax',
        )
        raise bad_request(f"{cause.field}: {cause.text}")
    return int(text or 0)


def _listed(store: Store, call: Call) -> Object:
    wanted = _version(call.options.get("resourceVersion", ""))
    proceed = call.options.get("continue", "")
    if wanted and proceed:
        raise bad_request("specifying resource version is not allowed when using continue")
    if wanted > store.version:
        sentence = f"Too large resource version: {wanted}, current: {store.version}"
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        details = {"causes": [cause], "retryAfterSeconds": 1}
        raise Refusal(504, "Timeout", sentence, details)
    if call.options.get("resourceVersionMatch") == "Exact" and wanted != store.version:
        raise expired("The resourceVersion for the provided list is too old.")
    page = store.list(
        call.resource,
        call.where.namespace,
        selects=call.selects,
        limit=int(call.options.get("limit") or 0),
        proceed=proceed,
    )
    meta: dict[str, Any] = {"resourceVersion": str(page.version)}
    if page.proceed:
        meta["continue"] = page.proceed
        if page.remaining is not None:
            meta["remainingItemCount"] = page.remaining
    return _list_object(call, page.items, meta)


def _list_object(call: Call, items: list[Object], meta: dict[str, Any]) -> Object:
    """A list; the items of built-in kinds go without their kind, as in the real one."""
    if call.resource.custom:
        meta = {"continue": ""} | meta
        shown = [presented(call, item) for item in items]
    else:
        shown = [
            {key: value for key, value in item.items() if key not in {"kind", "apiVersion"}}
            for item in items
        ]
    return {
        "kind": call.resource.items_kind,
        "apiVersion": call.resource.api_version(call.where.version),
        "metadata": meta,
        "items": shown,
    }


def _updated(store: Store, call: Call, now: float) -> tuple[int, Object]:
    where = call.where
    existed = store.exists(call.resource, where.namespace, where.name)
    obj = store.update(
        call.resource,
        call.body,
        namespace=where.namespace,
        name=where.name,
        subresource=where.subresource,
        now=now,
        version=where.version,
    )
    return (200 if existed else 201), presented(call, obj)


def _bound(store: Store, call: Call) -> Object:
    """A scheduler's decision: the Pod belongs to that node from now on."""
    namespace, name = call.where.namespace, call.where.name
    node = ((call.body or {}).get("target") or {}).get("name") or ""
    if store.get(PODS, namespace, name)["spec"].get("nodeName"):
        raise conflict(PODS, name, f"pod {name} is already assigned to node")
    patch = {"spec": {"nodeName": node}}
    store.patch(PODS, patch, MERGE_PATCH, namespace=namespace, name=name)
    success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return success | {"code": 201}


def _deleted(store: Store, call: Call, name: str, now: float) -> tuple[int, Object]:
    body = call.body or {}
    if not isinstance(body, dict):
        raise bad_request("delete options are an object")
    preconditions = body.get("preconditions") or {}
    obj = store.delete(
        call.resource,
        namespace=call.where.namespace,
        name=name,
        uid=preconditions.get("uid") or "",
        version=preconditions.get("resourceVersion") or "",
        now=now,
    )
    meta = obj["metadata"]
    if call.resource.returns_deleted or meta.get("finalizers"):
        return 200, presented(call, obj)
    details = about(call.resource, name) | {"uid": meta["uid"]}
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return 200, status | {"details": details}
