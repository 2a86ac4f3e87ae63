"""A bare HTTP client of an API server for the contract: paths in, codes and JSON out."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

Object = dict[str, Any]
_JSON = "application/json"
_PATIENCE_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer: the HTTP code and the decoded body; a plain one is under `text`."""

    code: int
    body: Object

    @property
    def version(self) -> str:
        """The resourceVersion of the object or list."""
        version: str = self.body["metadata"]["resourceVersion"]
        return version

    def ok(self) -> Object:
        """The body, of a request that was accepted."""
        assert self.code in {200, 201, 202}, self.body
        return self.body

    def refused(self, code: int, reason: str) -> Object:
        """The Status, of a request that was refused for that reason."""
        assert (self.code, self.body.get("reason")) == (code, reason), self.body
        assert self.body["kind"] == "Status"
        assert self.body["apiVersion"] == "v1"
        assert self.body["status"] == "Failure"
        assert self.body["code"] == code
        assert self.body["message"]
        return self.body


class Watch:
    """An open watch: its events one by one."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.code = response.status

    async def next(self) -> Object | None:
        """The next event that is no bookmark; None at the end of the stream."""
        while (event := await self.line()) is not None:
            if event["type"] != "BOOKMARK":
                return event
        return None

    async def line(self) -> Object | None:
        """The next line, whatever it is; None at the end of the stream."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            line = await self._response.content.readline()
        return json.loads(line) if line else None

    async def seen(self, count: int) -> list[tuple[str, str]]:
        """The next `count` events as (type, name)."""
        events = [await self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"]["name"]) for event in events if event]


class Api:
    """One API server as its administrator sees it; `namespace` is there for one test alone."""

    def __init__(self, session: aiohttp.ClientSession, url: str, namespace: str) -> None:
        self._session = session
        self._url = url
        self.namespace = namespace

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        media_type: str = _JSON,
        accepts: str = _JSON,
        query: Mapping[str, str | int] | None = None,
    ) -> Answer:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": media_type, "Accept": accepts}
        async with self._session.request(
            method, self._url + path, data=data, params=query, headers=headers
        ) as response:
            plain = response.content_type == "text/plain"
            body = {"text": await response.text()} if plain else await response.json()
            return Answer(code=response.status, body=body)

    async def get(self, path: str, **query: str | int) -> Answer:
        return await self.call("GET", path, query=query)

    async def post(self, path: str, body: Object, **query: str | int) -> Answer:
        return await self.call("POST", path, body, query=query)

    async def put(self, path: str, body: Object, **query: str | int) -> Answer:
        return await self.call("PUT", path, body, query=query)

    async def patch(self, path: str, body: Any, media_type: str = MERGE) -> Answer:
        return await self.call("PATCH", path, body, media_type=media_type)

    async def delete(self, path: str, body: Object | None = None) -> Answer:
        return await self.call("DELETE", path, body)

    @asynccontextmanager
    async def watch(self, path: str, **query: str | int) -> AsyncIterator[Watch]:
        params = {"watch": "1", **query}
        async with self._session.get(self._url + path, params=params) as response:
            yield Watch(response)

    # The collections that most of the contract is about

    @property
    def leases(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases"

    @property
    def services(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/services"

    @property
    def config_maps(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps"

    async def lease(self, name: str, **spec: Any) -> Object:
        """Create a Lease, as accepted."""
        return (await self.post(self.leases, {"metadata": {"name": name}, "spec": spec})).ok()

    async def config_map(self, name: str, **labels: str) -> Object:
        """Create a ConfigMap with these labels, as accepted."""
        return (await self.post(self.config_maps, config_map(name, **labels))).ok()


def config_map(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}, "data": {"key": "value"}}


def changed(obj: Object, **spec: Any) -> Object:
    """The object with these fields of its spec replaced."""
    return obj | {"spec": obj["spec"] | spec}
