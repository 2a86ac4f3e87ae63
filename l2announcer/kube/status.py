"""Writes of the status of objects: each with exactly one outcome fact."""

from __future__ import annotations

import structlog

from l2announcer.core.effects import StatusWrite
from l2announcer.core.facts import Refusal, StatusRefused, StatusWritten
from l2announcer.kube import decode
from l2announcer.kube.client import MERGE_PATCH, Client
from l2announcer.kube.errors import ApiError, Denied, Invalid
from l2announcer.kube.resources import Resource

log = structlog.get_logger(__name__)


async def perform(
    client: Client,
    call: StatusWrite,
    *,
    resource: Resource,
    group_version: str,
    timeout_seconds: float,
) -> StatusWritten | StatusRefused:
    """Do it once. What the server answers, or that it does not, is the fact; nothing is raised.

    `resource` is the row of the call's kind, `group_version` the one that is served.
    """
    path = resource.object(group_version, call.key)
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
