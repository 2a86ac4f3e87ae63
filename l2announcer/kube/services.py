"""Consistent reads of Services: what the watch shows may lag behind."""

from __future__ import annotations

from l2announcer.core.facts import Refusal, ServiceRead, ServicesRead
from l2announcer.core.model import Key, Service
from l2announcer.kube import decode
from l2announcer.kube.client import Client
from l2announcer.kube.errors import MALFORMED, ApiError, Missing
from l2announcer.kube.lists import read_all
from l2announcer.kube.pace import Pace
from l2announcer.kube.resources import Resource


async def read_service(
    client: Client, resource: Resource, key: Key, timeout_seconds: float
) -> ServiceRead:
    """GET one, which is not there if a watch would not show it.

    Nothing is raised for what the server answers, or doesn't.
    """
    service: Service | None = None
    why: Refusal | None = None
    try:
        path = resource.object(resource.group_versions[0], key)
        found = decode.service(
            await client.request(
                "GET", path, resource=resource.plural, timeout_seconds=timeout_seconds
            )
        )
        service = found if resource.admits(found.labels) else None
    except Missing:
        pass
    except ApiError as error:
        why = error.why
    except MALFORMED:
        why = Refusal.UNAVAILABLE
    return ServiceRead(key, service, why)


async def read_services(client: Client, resource: Resource, pace: Pace) -> ServicesRead:
    """LIST all; nothing is raised for what the server answers, or doesn't."""
    try:
        _, found = await read_all(client, resource, resource.group_versions[0], pace)
    except (ApiError, *MALFORMED):
        return ServicesRead(None)
    return ServicesRead(tuple(each for each in found.values() if isinstance(each, Service)))
