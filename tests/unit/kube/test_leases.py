"""A call about a Lease has exactly one outcome, whatever the API server does."""

import time
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from l2announcer.core.effects import DeleteLease, LeaseWrite, ReadLease
from l2announcer.core.facts import LeaseDeleted, LeaseRead, LeaseRefused, LeaseWritten, Refusal
from l2announcer.core.lease import body
from l2announcer.core.model import LeaseRecord
from l2announcer.kube.client import Client
from l2announcer.kube.leases import perform
from tests.fakes.apiserver import ApiServer
from tests.fakes.faults import Action, Fault
from tests.fakes.resources import LEASES
from tests.unit.kube.conftest import Connect
from tests.unit.kube.test_client import Serve

NAME = "cilium-l2announce-default-app1"
WANTED = LeaseRecord(
    name=NAME,
    resource_version="",
    holder="worker",
    duration_seconds=15,
    acquire_time="2026-03-01T10:00:00.000001Z",
    renew_time="2026-03-01T10:00:00.000001Z",
)
OUTCOMES = [
    (Fault(action=Action.ANSWER, code=401), Refusal.DENIED),
    (Fault(action=Action.ANSWER, code=403), Refusal.DENIED),
    (Fault(action=Action.ANSWER, code=404), Refusal.MISSING),
    (Fault(action=Action.ANSWER, code=409), Refusal.CONFLICT),
    (Fault(action=Action.ANSWER, code=422), Refusal.INVALID),
    (Fault(action=Action.ANSWER, code=429), Refusal.UNAVAILABLE),
    (Fault(action=Action.ANSWER, code=500), Refusal.UNAVAILABLE),
    (Fault(action=Action.HANG), Refusal.UNAVAILABLE),
    (Fault(action=Action.REFUSE), Refusal.UNAVAILABLE),
]


def patience(fault: Fault) -> float:
    """How long to wait: for an answer that comes as long as it takes."""
    return 0.3 if fault.action is Action.HANG else 5.0


def create() -> LeaseWrite:
    made = body(name=NAME, namespace="kube-system", read=None, record=WANTED)
    return LeaseWrite(NAME, made, create=True, renewal=False)


def renew(record: LeaseRecord) -> LeaseWrite:
    made = body(name=NAME, namespace="kube-system", read=record.raw, record=record)
    return LeaseWrite(NAME, made, create=False, renewal=True)


def delete(record: LeaseRecord) -> DeleteLease:
    return DeleteLease(NAME, record.raw["metadata"]["uid"], record.resource_version)


async def do(
    client: Client, call: LeaseWrite | ReadLease | DeleteLease, timeout_seconds: float = 5
) -> Any:
    return await perform(client, call, namespace="kube-system", timeout_seconds=timeout_seconds)


async def test_create_renew_read(client: Client) -> None:
    created = await do(client, create())
    assert isinstance(created, LeaseWritten)
    assert created.record.spec == WANTED.spec
    renewed = await do(client, renew(created.record))
    assert isinstance(renewed, LeaseWritten)
    assert renewed.record.raw["metadata"]["uid"] == created.record.raw["metadata"]["uid"]
    assert await do(client, ReadLease(NAME)) == LeaseRead(NAME, renewed.record)


async def test_what_a_tenure_depends_on_waits_for_no_rate_limit(
    server: ApiServer, connected: Connect
) -> None:
    async with connected(server.url, qps=0.001, burst=1) as client:
        created = await do(client, create())
        assert await do(client, renew(created.record), 1) != LeaseRefused(NAME, Refusal.UNAVAILABLE)
        assert (await do(client, ReadLease(NAME, renewal=True), 1)).why is None
        assert (await do(client, ReadLease(NAME), 0.05)).why is Refusal.UNAVAILABLE


async def test_only_what_is_as_it_was_seen_is_deleted(client: Client) -> None:
    created = (await do(client, create())).record
    later = replace(created, renew_time="2026-03-01T10:00:02.000000Z")
    renewed = (await do(client, renew(later))).record
    conflict = LeaseDeleted(NAME, Refusal.CONFLICT)
    assert await do(client, delete(created)) == conflict
    another = DeleteLease(NAME, "another", renewed.resource_version)
    assert await do(client, another) == conflict
    assert await do(client, ReadLease(NAME)) == LeaseRead(NAME, renewed)
    assert await do(client, delete(renewed)) == LeaseDeleted(NAME)
    assert await do(client, ReadLease(NAME)) == LeaseRead(NAME, None)
    assert await do(client, delete(renewed)) == LeaseDeleted(NAME, Refusal.MISSING)


@pytest.mark.parametrize(("fault", "why"), OUTCOMES)
async def test_every_answer_to_a_deletion_is_an_outcome(
    server: ApiServer, client: Client, fault: Fault, why: Refusal
) -> None:
    created = (await do(client, create())).record
    server.faults.plant(replace(fault, verbs={"delete"}))
    assert await do(client, delete(created), patience(fault)) == LeaseDeleted(NAME, why)


async def test_what_exists_cannot_be_created(client: Client) -> None:
    await do(client, create())
    assert await do(client, create()) == LeaseRefused(NAME, Refusal.CONFLICT)


async def test_stale_write_is_a_conflict(server: ApiServer, client: Client) -> None:
    created = await do(client, create())
    server.store.patch(
        LEASES,
        {"spec": {"holderIdentity": "other"}},
        "application/merge-patch+json",
        namespace="kube-system",
        name=NAME,
    )
    assert await do(client, renew(created.record)) == LeaseRefused(NAME, Refusal.CONFLICT)
    read = await do(client, ReadLease(NAME))
    assert read.record.holder == "other"


async def test_read_of_none(client: Client) -> None:
    assert await do(client, ReadLease(NAME)) == LeaseRead(NAME, None, None)


@pytest.mark.parametrize(("fault", "why"), OUTCOMES)
async def test_every_failure_of_a_write_is_a_refusal(
    server: ApiServer, client: Client, fault: Fault, why: Refusal
) -> None:
    server.faults.plant(fault)
    for call in (create(), renew(WANTED)):
        assert await do(client, call, patience(fault)) == LeaseRefused(NAME, why)


@pytest.mark.parametrize(("fault", "why"), OUTCOMES)
async def test_every_failure_of_a_read_is_no_record(
    server: ApiServer, client: Client, fault: Fault, why: Refusal
) -> None:
    server.faults.plant(fault)
    expected = None if why is Refusal.MISSING else why
    assert await do(client, ReadLease(NAME), patience(fault)) == LeaseRead(NAME, None, expected)


async def test_write_whose_answer_is_lost(server: ApiServer, client: Client) -> None:
    server.faults.plant(Fault(action=Action.LOSE_ANSWER, times=1))
    assert await do(client, create()) == LeaseRefused(NAME, Refusal.UNAVAILABLE)
    read = await do(client, ReadLease(NAME))
    assert read.record.spec == WANTED.spec


@pytest.mark.parametrize("text", ["<html>", "{}", '{"metadata": {"name": 5}}'])
async def test_answer_that_is_no_lease(scripted: Serve, connected: Connect, text: str) -> None:
    async def script(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=text)

    async with connected(await scripted(script)) as client:
        assert await do(client, create()) == LeaseRefused(NAME, Refusal.UNAVAILABLE)
        read = await do(client, ReadLease(NAME))
        assert read == LeaseRead(NAME, None, Refusal.UNAVAILABLE)


async def test_renewals_do_not_wait_for_the_rate_limit(
    server: ApiServer, connected: Connect
) -> None:
    async with connected(server.url, qps=0.001, burst=1) as client:
        written = await do(client, create())
        began_at = time.monotonic()
        for _ in range(3):
            written = await do(client, renew(written.record))
            assert isinstance(written, LeaseWritten)
        assert time.monotonic() - began_at < 2
        assert await do(client, create(), 0.05) == LeaseRefused(NAME, Refusal.UNAVAILABLE)
