"""What the embedded API server has beyond the contract: faults on demand, counts, refusals."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.fakes.apiserver import ApiServer
from tests.fakes.faults import Action, Fault
from tests.fakes.kubeconfig import write_kubeconfig
from tests.fakes.resources import LEASES

LEASES_PATH = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
BROKEN = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError)
NOW = 0.0


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer(bookmark_seconds=0.05) as server:
        yield server


@pytest.fixture
async def session(server: ApiServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url) as session:
        yield session


def plain_lease(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {}}


async def line(response: aiohttp.ClientResponse) -> Any:
    async with asyncio.timeout(10):
        text = await response.content.readline()
    return json.loads(text) if text else None


async def test_faults_strike_whom_and_as_often_as_asked(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    fault = Fault(action=Action.ANSWER, code=429, verbs={"list"}, resources={"leases"}, times=1)
    server.faults.plant(fault)
    async with session.get("/api/v1/nodes") as other:
        assert other.status == 200
    async with session.get(LEASES_PATH) as struck:
        assert struck.status == 429
        assert (await struck.json())["reason"] == "TooManyRequests"
    async with session.get(LEASES_PATH) as after:
        assert after.status == 200


async def test_a_refused_connection_breaks_and_does_nothing(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    server.faults.plant(Fault(action=Action.REFUSE, verbs={"create"}))
    with pytest.raises(BROKEN):
        await session.post(LEASES_PATH, json=plain_lease("a"))
    assert not server.store.exists(LEASES, "kube-system", "a")
    server.faults.clear()
    async with session.post(LEASES_PATH, json=plain_lease("a")) as response:
        assert response.status == 201


async def test_a_lost_answer_is_a_write_that_happened(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    server.faults.plant(Fault(action=Action.LOSE_ANSWER, verbs={"create"}, times=1))
    with pytest.raises(BROKEN):
        await session.post(LEASES_PATH, json=plain_lease("a"))
    assert server.store.exists(LEASES, "kube-system", "a")


async def test_a_hanging_server_says_nothing(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    server.faults.plant(Fault(action=Action.HANG, times=1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), session.post(LEASES_PATH, json=plain_lease("a")):
            pass
    assert not server.store.exists(LEASES, "kube-system", "a")


async def test_watches_can_be_ended_broken_and_stalled(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    query = {"watch": "1", "resourceVersion": str(server.store.version)}
    async with session.get(LEASES_PATH, params=query) as response:
        server.watches.close()
        assert await line(response) is None
    async with session.get(LEASES_PATH, params=query) as response:
        server.watches.close(abruptly=True)
        with pytest.raises(aiohttp.ClientPayloadError):
            await line(response)
    async with session.get(LEASES_PATH, params=query) as response:
        server.faults.watches_stalled = True
        server.store.create(LEASES, plain_lease("a"), namespace="kube-system", now=NOW)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await response.content.readline()
        server.faults.clear()
        server.watches.wake()
        assert (await line(response))["object"]["metadata"]["name"] == "a"


async def test_bookmarks_come_at_intervals_while_nothing_happens(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    query = {"watch": "1", "resourceVersion": str(server.store.version)}
    async with session.get(LEASES_PATH, params=query | {"allowWatchBookmarks": "true"}) as response:
        server.store.create(LEASES, plain_lease("a"), namespace="default", now=NOW)
        for _ in range(2):
            bookmark = await line(response)
            assert bookmark["type"] == "BOOKMARK"
            version = bookmark["object"]["metadata"]["resourceVersion"]
            assert version == str(server.store.version)


async def test_a_compaction_ends_an_old_watch_with_410(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    query = {"watch": "1", "resourceVersion": str(server.store.version)}
    server.store.compact()
    async with session.get(LEASES_PATH, params=query) as response:
        error = await line(response)
        assert (error["type"], error["object"]["code"]) == ("ERROR", 410)
        assert await line(response) is None


async def test_requests_are_counted_by_verb_and_resource(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    async with session.post(LEASES_PATH, json=plain_lease("a")):
        pass
    for path in (LEASES_PATH, LEASES_PATH, f"{LEASES_PATH}/a", "/api/v1/nodes/n/status"):
        async with session.get(path):
            pass
    assert server.requests == {
        ("create", "leases"): 1,
        ("list", "leases"): 2,
        ("get", "leases"): 1,
        ("get", "nodes/status"): 1,
    }


async def test_rights_can_be_taken_away(server: ApiServer, session: aiohttp.ClientSession) -> None:
    server.denied.add(("list", "leases"))
    async with session.get(LEASES_PATH) as response:
        assert response.status == 403
        assert (await response.json())["reason"] == "Forbidden"
    review = {"spec": {"resourceAttributes": {"verb": "list", "resource": "leases"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    async with session.post(path, json=review) as response:
        assert (await response.json())["status"]["allowed"] is False


async def test_a_token_is_asked_for(tmp_path: Path) -> None:
    async with ApiServer(token="open sesame") as server:
        config = write_kubeconfig(tmp_path / "kubeconfig", server.url, server.token)
        user = yaml.safe_load(config.read_text())["users"][0]["user"]
        async with aiohttp.ClientSession(server.url) as session:
            async with session.get(LEASES_PATH) as stranger:
                assert stranger.status == 401
                assert (await stranger.json())["reason"] == "Unauthorized"
            headers = {"Authorization": f"Bearer {user['token']}"}
            async with session.get(LEASES_PATH, headers=headers) as known:
                assert known.status == 200


async def test_a_stopped_server_keeps_what_it_stored(server: ApiServer) -> None:
    port = server.port
    server.store.create(LEASES, plain_lease("a"), namespace="default", now=NOW)
    await server.stop()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://127.0.0.1:{port}{LEASES_PATH}")
        await server.start(port=port)
        async with session.get(f"{server.url}{LEASES_PATH}") as response:
            assert response.status == 200
    assert server.store.exists(LEASES, "default", "a")
