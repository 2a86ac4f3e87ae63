"""Kubernetes Events about objects: queued, counted, posted; lost rather than in the way."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from l2announcer.core.effects import Event
from l2announcer.core.model import Kind
from l2announcer.kube.client import MERGE_PATCH, Client
from l2announcer.kube.errors import ApiError, Missing
from l2announcer.kube.resources import Resource, collection

COMPONENT = "l2announcer"
QUEUE_LIMIT = 256
BEHIND_SECONDS = 0.05  # what an Event tells of is still under way, and goes first
CROWD = 25  # so many may be posted one right after another; of more each waits a while
CROWDED_SECONDS = 0.2
REMEMBERED = 1024  # Events whose repeats are counted instead of posted afresh
REQUEST_SECONDS = 10.0
NAME_LIMIT = 200  # characters of the object's name, so that the Event's is no longer than 253
MESSAGE_LIMIT = 1024  # characters of a message that the API server accepts

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Posted:
    """An Event that the API server has, and how often it happened."""

    name: str
    count: int


class Recorder:
    """Posts core/v1 Events. `wall` gives Unix seconds."""

    def __init__(
        self,
        client: Client,
        *,
        resources: Mapping[Kind, Resource],
        group_version: Callable[[Kind], str],
        node_name: str,
        wall: Callable[[], float],
    ) -> None:
        self._client = client
        self._resources = resources
        self._group_version = group_version
        self._node_name = node_name
        self._wall = wall
        self._queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE_LIMIT)
        self._posted: OrderedDict[Event, _Posted] = OrderedDict()
        self._serial = 0
        self._problem = ""
        self._overflowing = False

    def record(self, event: Event) -> None:
        """Have it posted some time soon. When too many wait already, it is dropped."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            if not self._overflowing:
                self._overflowing = True
                self._complain(f"{QUEUE_LIMIT} Events wait to be posted; newer ones are lost")

    async def run(self) -> None:
        """Post what is recorded, until cancelled.

        When there is much to tell there is much to do, and that comes first.
        """
        while True:
            at_rest = self._queue.empty()
            event = await self._queue.get()
            if at_rest:
                await asyncio.sleep(BEHIND_SECONDS)
            self._overflowing &= not self._queue.empty()
            try:
                await self._send(event)
                self._problem = ""
            except ApiError as error:
                self._complain(str(error))
            finally:
                self._queue.task_done()
            if self._queue.qsize() >= CROWD:
                await asyncio.sleep(CROWDED_SECONDS)

    async def flush(self, timeout_seconds: float) -> bool:
        """Wait, but no longer than that, until all is posted that was recorded. Was it?"""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._queue.join()
        except TimeoutError:
            return False
        return True

    async def _send(self, event: Event) -> None:
        now = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = collection("v1", "events", event.key.namespace or "default")
        posted = self._posted.get(event)
        if posted is not None:
            self._posted.move_to_end(event)
            try:
                await self._client.request(
                    "PATCH",
                    f"{path}/{posted.name}",
                    resource="events",
                    timeout_seconds=REQUEST_SECONDS,
                    body={"count": posted.count + 1, "lastTimestamp": now},
                    content_type=MERGE_PATCH,
                )
                posted.count += 1
            except Missing:  # Events expire, an hour after the last change unless set otherwise
                del self._posted[event]
            else:
                return
        body = self._body(event, now)
        await self._client.request(
            "POST", path, resource="events", timeout_seconds=REQUEST_SECONDS, body=body
        )
        self._posted[event] = _Posted(body["metadata"]["name"], 1)
        if len(self._posted) > REMEMBERED:
            self._posted.popitem(last=False)

    def _body(self, event: Event, now: str) -> dict[str, Any]:
        self._serial += 1
        namespace = event.key.namespace or "default"
        named = event.key.name[:NAME_LIMIT].rstrip("-.")
        unique = f"{int(self._wall() * 1e6):x}{self._serial:x}"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{named}.{unique}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": self._group_version(event.kind),
                "kind": self._resources[event.kind].api_kind,
                "name": event.key.name,
                "namespace": event.key.namespace,
                "uid": event.uid,
            },
            "type": "Warning" if event.warning else "Normal",
            "reason": event.reason,
            "message": event.message[:MESSAGE_LIMIT],
            "source": {"component": COMPONENT, "host": self._node_name},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._node_name,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("an Event is lost", why=problem)
        self._problem = problem
