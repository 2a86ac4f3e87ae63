"""Calls about Leases: each a single shot with exactly one outcome fact."""

from __future__ import annotations

from l2announcer.core.effects import DeleteLease, LeaseWrite, ReadLease
from l2announcer.core.facts import LeaseDeleted, LeaseRead, LeaseRefused, LeaseWritten, Refusal
from l2announcer.core.model import LeaseRecord
from l2announcer.kube import decode
from l2announcer.kube.client import Client
from l2announcer.kube.errors import MALFORMED, ApiError, Missing
from l2announcer.kube.resources import LEASES, collection


async def perform(
    client: Client,
    call: LeaseWrite | ReadLease | DeleteLease,
    *,
    namespace: str,
    timeout_seconds: float,
) -> LeaseWritten | LeaseRefused | LeaseRead | LeaseDeleted:
    """Do it once. What the server answers, or that it does not, is the fact; nothing is raised."""
    if isinstance(call, ReadLease):
        return await _read(client, call, namespace, timeout_seconds)
    if isinstance(call, DeleteLease):
        return await _delete(client, call, namespace, timeout_seconds)
    path = collection(LEASES, "leases", namespace)
    try:
        body = await client.request(
            "POST" if call.create else "PUT",
            path if call.create else f"{path}/{call.name}",
            resource="leases",
            timeout_seconds=timeout_seconds,
            body=call.body,
            urgent=call.renewal,
        )
        return LeaseWritten(decode.lease(body))
    except ApiError as error:
        return LeaseRefused(call.name, error.why)
    except MALFORMED:  # not the API server's answer: a proxy's page, a cut body
        return LeaseRefused(call.name, Refusal.UNAVAILABLE)


async def _read(
    client: Client, call: ReadLease, namespace: str, timeout_seconds: float
) -> LeaseRead:
    record: LeaseRecord | None = None
    why: Refusal | None = None
    try:
        body = await client.request(
            "GET",
            f"{collection(LEASES, 'leases', namespace)}/{call.name}",
            resource="leases",
            timeout_seconds=timeout_seconds,
            urgent=call.renewal,
        )
        record = decode.lease(body)
    except Missing:
        pass
    except ApiError as error:
        why = error.why
    except MALFORMED:
        why = Refusal.UNAVAILABLE
    return LeaseRead(call.name, record, why)


async def _delete(
    client: Client, call: DeleteLease, namespace: str, timeout_seconds: float
) -> LeaseDeleted:
    """DeleteOptions (apimachinery meta/v1): preconditions that aren't met are a conflict."""
    preconditions = {"uid": call.uid, "resourceVersion": call.version}
    try:
        await client.request(
            "DELETE",
            f"{collection(LEASES, 'leases', namespace)}/{call.name}",
            resource="leases",
            timeout_seconds=timeout_seconds,
            body={"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions},
        )
    except ApiError as error:
        return LeaseDeleted(call.name, error.why)
    return LeaseDeleted(call.name)
