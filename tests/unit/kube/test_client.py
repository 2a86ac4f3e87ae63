"""One client for all requests: errors sorted, limits kept, credentials fresh."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from l2announcer.core.facts import Refusal
from l2announcer.kube.client import MERGE_PATCH, Client
from l2announcer.kube.configuration import ConfigurationError
from l2announcer.kube.errors import (
    ApiError,
    Conflict,
    Denied,
    Gone,
    Invalid,
    Missing,
    Unavailable,
)
from tests.fakes.apiserver import ApiServer
from tests.fakes.faults import Action, Fault
from tests.fakes.kubeconfig import write_kubeconfig
from tests.unit.kube.conftest import Connect, Script

SERVICES = "/api/v1/namespaces/default/services"
Serve = Callable[[Script], Awaitable[str]]


async def get(client: Client, path: str = SERVICES, timeout_seconds: float = 5.0) -> bytes:
    return await client.request("GET", path, resource="services", timeout_seconds=timeout_seconds)


async def test_request_and_answer(client: Client, observed: list[tuple[str, str, str]]) -> None:
    body = {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}
    await client.request("POST", SERVICES, resource="services", timeout_seconds=5, body=body)
    patched = await client.request(
        "PATCH",
        f"{SERVICES}/a",
        resource="services",
        timeout_seconds=5,
        body={"metadata": {"labels": {"color": "blue"}}},
        content_type=MERGE_PATCH,
    )
    assert json.loads(patched)["metadata"]["labels"] == {"color": "blue"}
    found = await client.request(
        "GET",
        "/api/v1/services",
        resource="services",
        timeout_seconds=5,
        query={"labelSelector": "!absent,color in (blue)"},
    )
    assert [item["metadata"]["name"] for item in json.loads(found)["items"]] == ["a"]
    assert observed == [
        ("POST", "services", "201"),
        ("PATCH", "services", "200"),
        ("GET", "services", "200"),
    ]


@pytest.mark.parametrize(
    ("code", "kind", "why"),
    [
        (400, Invalid, Refusal.INVALID),
        (401, Denied, Refusal.DENIED),
        (403, Denied, Refusal.DENIED),
        (404, Missing, Refusal.MISSING),
        (405, Invalid, Refusal.INVALID),
        (408, Unavailable, Refusal.UNAVAILABLE),
        (409, Conflict, Refusal.CONFLICT),
        (410, Gone, Refusal.UNAVAILABLE),
        (415, Invalid, Refusal.INVALID),
        (422, Invalid, Refusal.INVALID),
        (429, Unavailable, Refusal.UNAVAILABLE),
        (500, Unavailable, Refusal.UNAVAILABLE),
        (503, Unavailable, Refusal.UNAVAILABLE),
        (504, Unavailable, Refusal.UNAVAILABLE),
    ],
)
async def test_errors_are_sorted(
    server: ApiServer, client: Client, code: int, kind: type[ApiError], why: Refusal
) -> None:
    server.faults.plant(Fault(action=Action.ANSWER, code=code))
    with pytest.raises(ApiError, match=r"GET /api/v1.*planted fault") as caught:
        await get(client)
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.why) == (code, why)


@pytest.mark.parametrize("action", [Action.REFUSE, Action.LOSE_ANSWER])
async def test_broken_connection_is_no_answer(
    server: ApiServer, client: Client, action: Action, observed: list[tuple[str, str, str]]
) -> None:
    server.faults.plant(Fault(action=action))
    with pytest.raises(Unavailable) as caught:
        await get(client)
    assert caught.value.code == 0
    assert observed == [("GET", "services", "none")]


async def test_refused_connection_names_server_and_origin(
    server: ApiServer, client: Client
) -> None:
    await server.stop()
    with pytest.raises(
        Unavailable, match=r"the kubeconfig .*kubeconfig\) does not answer"
    ) as caught:
        await get(client)
    assert server.url in str(caught.value)


async def test_server_that_hangs(server: ApiServer, client: Client) -> None:
    server.faults.plant(Fault(action=Action.HANG))
    began_at = time.monotonic()
    with pytest.raises(Unavailable, match=r"no answer in 0\.2 s"):
        await get(client, timeout_seconds=0.2)
    assert time.monotonic() - began_at < 2


async def test_tls_to_a_server_without_it(server: ApiServer, connected: Connect) -> None:
    async with connected(server.url.replace("http:", "https:")) as client:
        with pytest.raises(Unavailable):
            await get(client)


async def test_certificate_that_is_none(connected: Connect, tmp_path: Path) -> None:
    connecting = connected("https://192.0.2.1:6443")
    path = tmp_path / "kubeconfig"
    config = yaml.safe_load(path.read_text())
    config["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    path.write_text(yaml.safe_dump(config))
    (tmp_path / "ca.crt").write_text("no certificate")
    with pytest.raises(ConfigurationError, match=r"certificates of the kubeconfig .*ca\.crt"):
        async with connecting:
            pass


async def test_body_that_is_not_a_status(scripted: Serve, connected: Connect) -> None:
    async def script(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=502, text="<html>Bad gateway</html>" + "x" * 5000)

    async with connected(await scripted(script)) as client:
        with pytest.raises(Unavailable, match="<html>Bad gateway") as caught:
            await get(client)
    assert len(str(caught.value)) < 500


async def test_urgent_requests_pass_the_rate_limit(server: ApiServer, connected: Connect) -> None:
    async with connected(server.url, qps=0.001, burst=1) as client:
        await get(client)
        with pytest.raises(Unavailable, match="no answer"):
            await get(client, timeout_seconds=0.05)
        for _ in range(3):
            await client.request(
                "GET", SERVICES, resource="services", timeout_seconds=5, urgent=True
            )
    assert server.requests["list", "services"] == 4


async def test_retry_after_holds_everything_but_urgent(scripted: Serve, connected: Connect) -> None:
    answers = [web.Response(status=429, headers={"Retry-After": "1"}, text="slow down")]

    async def script(_request: web.Request) -> web.StreamResponse:
        return answers.pop() if answers else web.json_response({})

    async with connected(await scripted(script)) as client:
        with pytest.raises(Unavailable, match="slow down") as caught:
            await get(client)
        assert caught.value.retry_after_seconds == 1
        began_at = time.monotonic()
        await client.request("GET", "/", resource="x", timeout_seconds=5, urgent=True)
        assert time.monotonic() - began_at < 0.5
        await get(client)
        assert time.monotonic() - began_at > 0.5


@pytest.mark.parametrize("header", ["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "soon"])
async def test_retry_after_that_is_no_number_of_seconds(
    scripted: Serve, connected: Connect, header: str
) -> None:
    async def script(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": header})

    async with connected(await scripted(script)) as client:
        with pytest.raises(Unavailable) as caught:
            await get(client)
    assert caught.value.retry_after_seconds == 0


async def test_token_is_read_again_when_the_file_changes(
    connected: Connect, tmp_path: Path, observed: list[tuple[str, str, str]]
) -> None:
    async with (
        ApiServer(token="first") as server,
        connected(server.url, token="first") as client,
    ):
        await get(client)
        server.token = "second, and longer"
        write_kubeconfig(tmp_path / "kubeconfig", server.url, server.token)
        await get(client)
    assert [code for _, _, code in observed] == ["200", "200"]


async def test_token_is_read_again_on_401(
    connected: Connect, tmp_path: Path, observed: list[tuple[str, str, str]]
) -> None:
    """A token file that a kubeconfig names is not watched: the server's word is enough."""
    (tmp_path / "token").write_text("first\n")
    async with ApiServer(token="first") as server:
        connecting = connected(server.url)
        path = tmp_path / "kubeconfig"
        config = yaml.safe_load(path.read_text())
        config["users"][0]["user"] = {"tokenFile": "token"}
        path.write_text(yaml.safe_dump(config))
        async with connecting as client:
            await get(client)
            server.token = "second"
            (tmp_path / "token").write_text("second\n")
            await get(client)
            server.token = "third"
            with pytest.raises(Denied):
                await get(client)
    assert [code for _, _, code in observed] == ["200", "401", "200", "401"]


async def test_token_is_read_again_on_401_to_a_watch(connected: Connect, tmp_path: Path) -> None:
    """Who only watches would never ask with another one."""
    (tmp_path / "token").write_text("first\n")
    async with ApiServer(token="first") as server:
        connecting = connected(server.url)
        path = tmp_path / "kubeconfig"
        config = yaml.safe_load(path.read_text())
        config["users"][0]["user"] = {"tokenFile": "token"}
        path.write_text(yaml.safe_dump(config))
        async with connecting as client:
            server.token = "second"
            (tmp_path / "token").write_text("second\n")
            with pytest.raises(Denied):
                await first_line(client)
            assert await first_line(client) == b""


async def first_line(client: Client) -> bytes:
    """What a watch of Services says first."""
    query = {"watch": "true", "resourceVersion": "1"}
    stream = client.stream("/api/v1/services", query, resource="services", idle_seconds=5)
    async with asyncio.timeout(5), aclosing(stream) as lines:
        return await anext(lines)


async def test_half_written_kubeconfig_leaves_the_last_one_in_force(
    server: ApiServer, client: Client, tmp_path: Path
) -> None:
    await get(client)
    (tmp_path / "kubeconfig").write_text("apiVersion: v1\nclus")
    await get(client)
    await server.stop()
    (other := ApiServer()).apply_files()
    async with other:
        write_kubeconfig(tmp_path / "kubeconfig", other.url)
        await get(client)
        assert other.requests["list", "services"] == 1


async def test_stream_survives_new_credentials(
    server: ApiServer, client: Client, tmp_path: Path
) -> None:
    stream = client.stream(
        "/api/v1/services",
        {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": "1"},
        resource="services",
        idle_seconds=5,
    )
    async with asyncio.timeout(5), aclosing(stream) as lines:
        assert await anext(lines) == b""
        write_kubeconfig(tmp_path / "kubeconfig", server.url, "new")
        await get(client)
        for _ in range(3):
            assert json.loads(await anext(lines))["type"] in {"ADDED", "BOOKMARK"}


async def test_lines_come_whole(
    scripted: Serve, connected: Connect, observed: list[tuple[str, str, str]]
) -> None:
    long = b"x" * 1_000_000

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for part in (b"on", b"e\ntwo\n\nth", b"ree\n", long + b"\n", b"cut"):
            await response.write(part)
        return response

    async with connected(await scripted(script)) as client:
        stream = client.stream("/", {}, resource="x", idle_seconds=5)
        async with aclosing(stream) as lines:
            assert [line async for line in lines] == [b"", b"one", b"two", b"three", long]
    assert observed == [("WATCH", "x", "200")]


async def test_idle_stream(server: ApiServer, client: Client) -> None:
    server.faults.watches_stalled = True
    query = {"watch": "true", "resourceVersion": "1"}
    stream = client.stream("/api/v1/services", query, resource="x", idle_seconds=0.1)
    async with aclosing(stream) as lines:
        assert await anext(lines) == b""
        with pytest.raises(Unavailable, match=r"idle for 0\.1 s"):
            await anext(lines)


async def test_stream_that_is_refused(server: ApiServer, client: Client) -> None:
    server.store.compact()
    query = {"watch": "true", "resourceVersion": "1"}
    stream = client.stream("/api/v1/nowhere", query, resource="x", idle_seconds=1)
    async with aclosing(stream) as lines:
        with pytest.raises(Missing):
            await anext(lines)


async def test_broken_stream(server: ApiServer, client: Client) -> None:
    query = {"watch": "true", "resourceVersion": str(server.store.version)}
    stream = client.stream("/api/v1/services", query, resource="x", idle_seconds=5)
    async with asyncio.timeout(5), aclosing(stream) as lines:
        assert await anext(lines) == b""
        server.watches.close(abruptly=True)
        with pytest.raises(Unavailable):
            await anext(lines)
