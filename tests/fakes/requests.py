"""Requests to the embedded API server, read and checked, and the answers that the store gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from tests.fakes.bodies import check_strictly, check_type, decoded
from tests.fakes.causes import Cause
from tests.fakes.columns import table
from tests.fakes.patching import MERGE_PATCH
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
    wants_table: bool


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
    body = decoded(raw, request.content_type) if raw else None
    if action in {"create", "update"}:
        check_type(body, resource, where)
        if request.query.get("fieldValidation") == "Strict":
            check_strictly(body, resource, where.version)
    options = dict(request.query)
    return Call(
        action=action,
        where=where,
        resource=resource,
        options=options,
        selects=_selector(resource, options, where.name if action == "watch" else ""),
        body=body,
        media_type=request.content_type,
        wants_table="as=Table" in request.headers.get("Accept", "").partition(",")[0],
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
        seconds=float(_number(call.options, "timeoutSeconds")) or _FOREVER_SECONDS,
    )


def answer(store: Store, call: Call, now: float) -> tuple[int, Object]:
    """Do what is asked (all but a watch): the HTTP code and the body."""
    where, resource = call.where, call.resource
    match call.action:
        case "get":
            obj = presented(call, store.get(resource, where.namespace, where.name))
            if not call.wants_table:
                return 200, obj
            meta = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            return 200, table(resource, where.version, [obj], meta, now)
        case "list":
            return 200, _listed(store, call, now)
        case "create" if where.subresource == "binding":
            return 201, _bound(store, call)
        case "create":
            obj = store.create(
                resource, call.body, namespace=where.namespace, now=now, version=where.version
            )
            return 201, presented(call, obj)
        case "update":
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


def _selector(resource: Resource, options: Mapping[str, str], name: str) -> Predicate | None:
    try:
        labels = label_selector(options.get("labelSelector", ""))
        fields = field_selector(options.get("fieldSelector", ""), (*_FIELDS, *resource.selectable))
        one = field_selector(f"metadata.name={name}" if name else "", _FIELDS)
    except SelectorError as error:
        raise bad_request(str(error)) from error
    return both(both(labels, fields), one)


def _number(options: Mapping[str, str], name: str) -> int:
    text = options.get(name) or "0"
    if not text.isdigit():
        raise bad_request(f'{name}: strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _version(text: str) -> int:
    if not text.isdigit() and text:
        cause = Cause(
            field="resourceVersion",
            reason="FieldValueInvalid",
            text=f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax',
        )
        raise bad_request(f"{cause.field}: {cause.text}")
    return int(text or 0)


def _listed(store: Store, call: Call, now: float) -> Object:
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
        limit=_number(call.options, "limit"),
        proceed=proceed,
    )
    meta: dict[str, Any] = {"resourceVersion": str(page.version)}
    if page.proceed:
        meta["continue"] = page.proceed
        if page.remaining is not None:
            meta["remainingItemCount"] = page.remaining
    if call.wants_table:
        return table(call.resource, call.where.version, page.items, meta, now)
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
