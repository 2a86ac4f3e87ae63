"""Watch streams of the embedded API server: one JSON line per event, bookmarks, orderly ends.

Source: "Efficient detection of changes" in the API concepts of the Kubernetes documentation.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from aiohttp import web

from tests.fakes.faults import Faults
from tests.fakes.history import Change
from tests.fakes.refusals import Refusal
from tests.fakes.resources import Object, Resource
from tests.fakes.selector import Predicate
from tests.fakes.store import Store

_BEFORE_THE_END = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one watch asks for; `since` is None for "the present state first"."""

    resource: Resource
    version: str
    namespace: str
    selects: Predicate | None
    since: int | None
    bookmarks: bool
    seconds: float


class Watches:
    """All open watches of one server."""

    def __init__(self, store: Store, faults: Faults, bookmark_seconds: float) -> None:
        self._store = store
        self._faults = faults
        self._bookmark_seconds = bookmark_seconds
        self._open: dict[asyncio.Event, tuple[str, web.Request]] = {}
        self._epoch = 0
        store.subscribe(self._changed)

    def __len__(self) -> int:
        return len(self._open)

    def close(self, *, abruptly: bool = False) -> None:
        """End every watch that is open now, in order or by a broken connection."""
        self._epoch += 1
        for news, (_, request) in list(self._open.items()):
            if abruptly and request.transport is not None:
                request.transport.abort()
            news.set()

    def wake(self) -> None:
        """Let every open watch look again, as after a stall."""
        for news in self._open:
            news.set()

    def _changed(self, resource: Resource, _change: Change) -> None:
        for news, (name, _) in self._open.items():
            if name == resource.full_name:
                news.set()

    async def stream(self, request: web.Request, question: Question) -> web.StreamResponse:
        """Answer one watch until its time is over, the client leaves, or it is closed."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        news = asyncio.Event()
        self._open[news] = (question.resource.full_name, request)
        try:
            await response.prepare(request)
            await self._run(response, question, news)
            await response.write_eof()
        except ConnectionError:
            return response
        finally:
            del self._open[news]
        return response

    async def _run(
        self, response: web.StreamResponse, question: Question, news: asyncio.Event
    ) -> None:
        loop = asyncio.get_running_loop()
        epoch = self._epoch
        ends_at = loop.time() + question.seconds
        sent = question.since
        if sent is None:
            sent = self._store.version
            await self._send(response, question, self._present(question))
        bookmark_at = self._next_bookmark(loop.time(), ends_at)
        while epoch == self._epoch and loop.time() < ends_at:
            news.clear()
            if not self._faults.watches_stalled:
                version = max(sent, self._store.version)
                try:
                    lines = list(self._news(question, sent))
                except Refusal as refusal:
                    await self._send(response, question, [("ERROR", refusal.status())])
                    return
                sent = version
                await self._send(response, question, lines)
                if question.bookmarks and loop.time() >= bookmark_at:
                    await self._send(response, question, [("BOOKMARK", _bookmark(question, sent))])
                    bookmark_at = self._next_bookmark(loop.time(), ends_at)
            until = min(ends_at, bookmark_at) if question.bookmarks else ends_at
            pause = max(until - loop.time(), 0.01)
            try:
                async with asyncio.timeout(pause):
                    await news.wait()
            except TimeoutError:
                continue

    def _next_bookmark(self, now: float, ends_at: float) -> float:
        regular = now + self._bookmark_seconds
        last = ends_at - _BEFORE_THE_END
        return min(regular, last) if last > now else regular

    def _present(self, question: Question) -> Iterable[tuple[str, Object]]:
        page = self._store.list(question.resource, question.namespace, selects=question.selects)
        return [("ADDED", item) for item in page.items]

    def _news(self, question: Question, since: int) -> Iterable[tuple[str, Object]]:
        events = self._store.events(
            question.resource, since, question.namespace, selects=question.selects
        )
        return ((event.kind, event.object) for event in events)

    async def _send(
        self,
        response: web.StreamResponse,
        question: Question,
        lines: Iterable[tuple[str, Object]],
    ) -> None:
        shown = question.resource.api_version(question.version)
        encoded = []
        for kind, obj in lines:
            if kind != "ERROR" and obj["apiVersion"] != shown:
                obj = obj | {"apiVersion": shown}  # noqa: PLW2901 - the same object, re-labelled
            encoded.append(msgspec.json.encode({"type": kind, "object": obj}))
        if encoded:
            await response.write(b"\n".join([*encoded, b""]))


def _bookmark(question: Question, version: int) -> Object:
    return {
        "kind": question.resource.kind,
        "apiVersion": question.resource.api_version(question.version),
        "metadata": {"resourceVersion": str(version), "creationTimestamp": None},
    }
