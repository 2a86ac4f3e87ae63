"""Calls about the status of objects, and the reading of one Service: each with one outcome fact."""

from __future__ import annotations

import msgspec
import structlog

from l2announcer.core.effects import ReadService, StatusWrite
from l2announcer.core.facts import Refusal, ServiceRead, StatusRefused, StatusWritten
from l2announcer.core.model import Service
from l2announcer.kube import decode
from l2announcer.kube.client import MERGE_PATCH, Client
from l2announcer.kube.errors import ApiError, Denied, Invalid, Missing
from l2announcer.kube.resources import Resource

log = structlog.get_logger(__name__)


async def perform(
    client: Client,
    call: StatusWrite | ReadService,
    *,
    resource: Resource,
    group_version: str,
    timeout_seconds: float,
) -> StatusWritten | StatusRefused | ServiceRead:
    """Do it once. What the server answers, or that it does not, is the fact; nothing is raised.

    `resource` is the row of the call's kind, `group_version` the one that is served.
    """
    path = resource.object(group_version, call.key)
    if isinstance(call, ReadService):
        return await _read(client, call, path, timeout_seconds)
    try:
        body = await client.request(
            "PATCH",
            f"{path}/status",
            resource=f"{resource.plural}/status",
            timeout_seconds=timeout_seconds,
            body=call.patch,
            content_type=MERGE_PATCH,
        )
    except ApiError as error:
        if isinstance(error, Denied | Invalid):  # conflicts are daily life, these need a person
            log.warning(
                "cannot write a status", object=f"{resource.api_kind} {call.key}", why=str(error)
            )
        return StatusRefused(call.kind, call.key, error.why)
    read = decode.decode(call.kind, body)
    if isinstance(read, decode.Problem):
        return StatusRefused(call.kind, call.key, Refusal.UNAVAILABLE)
    return StatusWritten(call.kind, read)


async def _read(
    client: Client, call: ReadService, path: str, timeout_seconds: float
) -> ServiceRead:
    service: Service | None = None
    why: Refusal | None = None
    try:
        service = decode.service(
            await client.request("GET", path, resource="services", timeout_seconds=timeout_seconds)
        )
    except Missing:
        pass
    except ApiError as error:
        why = error.why
    except msgspec.MsgspecError:
        why = Refusal.UNAVAILABLE
    return ServiceRead(call.key, service, why)
