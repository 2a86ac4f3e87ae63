"""A whole list, page by page."""

from __future__ import annotations

import msgspec

from l2announcer.core.facts import Object
from l2announcer.core.model import Key
from l2announcer.kube.client import Client
from l2announcer.kube.decode import Problem
from l2announcer.kube.envelopes import page
from l2announcer.kube.pace import Pace
from l2announcer.kube.resources import Resource


async def read_all(
    client: Client, resource: Resource, group_version: str, pace: Pace
) -> tuple[str, dict[Key, Object | Problem]]:
    """The version that the list is of, and every object, as a consistent read gives them.

    Raises ApiError, and one of msgspec's errors for what is not a list of the API.
    """
    found: dict[Key, Object | Problem] = {}
    query = {**resource.query, "limit": str(pace.page_size)}
    while True:
        body = await client.request(
            "GET",
            resource.collection(group_version),
            resource=resource.plural,
            query=query,
            timeout_seconds=pace.request_seconds,
        )
        read = page(resource.kind, body, prefixes=resource.prefixes)
        found.update(read.objects)
        if not read.next:
            if not read.version:
                raise msgspec.ValidationError("a list without a resourceVersion")
            return read.version, found
        query["continue"] = read.next
