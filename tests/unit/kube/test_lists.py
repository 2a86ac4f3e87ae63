"""A list is read to its last page, or not at all."""

import time
from typing import Any

import msgspec
import pytest
from aiohttp import web

from l2announcer.core.model import Key, Kind, Service
from l2announcer.kube.client import Client
from l2announcer.kube.decode import Problem
from l2announcer.kube.errors import ApiError, Gone, Missing
from l2announcer.kube.lists import read_all
from tests.fakes.apiserver import ApiServer
from tests.fakes.faults import Action, Fault
from tests.fakes.resources import LEASES, SERVICES
from tests.unit.kube.conftest import Connect
from tests.unit.kube.test_client import Serve
from tests.unit.kube.watched import BRISK, TABLE

SERVICE, LEASE, POOL = TABLE[Kind.SERVICE], TABLE[Kind.LEASE], TABLE[Kind.POOL]


def add(server: ApiServer, *names: str) -> None:
    for name in names:
        body = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
        server.store.create(SERVICES, body, namespace="default", now=time.time())


async def all_services(client: Client) -> tuple[str, dict[Key, Any]]:
    return await read_all(client, SERVICE, "v1", BRISK)


@pytest.mark.parametrize(("more", "pages"), [(0, 1), (1, 1), (2, 2), (4, 3)])
async def test_every_page_and_no_more(
    server: ApiServer, client: Client, more: int, pages: int
) -> None:
    add(server, *(f"s{number}" for number in range(more)))
    version, found = await all_services(client)
    assert version == str(server.store.list(SERVICES).version)
    assert {key.name for key in found} == {"kubernetes", *(f"s{n}" for n in range(more))}
    assert all(isinstance(each, Service) for each in found.values())
    assert server.requests["list", "services"] == pages


async def test_none_at_all_is_a_list_too(client: Client) -> None:
    version, found = await read_all(client, LEASE, LEASE.group_versions[0], BRISK)
    assert version
    assert found == {}


async def test_only_names_that_are_ours_to_read(server: ApiServer, client: Client) -> None:
    for name in ("cilium-l2announce-default-app1", "kube-scheduler"):
        server.store.create(
            LEASES, {"metadata": {"name": name}, "spec": {}}, namespace="kube-system", now=0
        )
    _, found = await read_all(client, LEASE, LEASE.group_versions[0], BRISK)
    assert [key.name for key in found] == ["cilium-l2announce-default-app1"]


async def test_a_page_that_fails_fails_the_list(server: ApiServer, client: Client) -> None:
    add(server, "a", "b", "c")
    server.faults.plant(Fault(action=Action.DELAY, verbs={"list"}, times=1))
    server.faults.plant(Fault(action=Action.ANSWER, code=410, verbs={"list"}, times=1))
    with pytest.raises(Gone):
        await all_services(client)


async def test_what_is_not_installed_is_missing(client: Client) -> None:
    with pytest.raises(Missing):
        await read_all(client, POOL, "cilium.io/v2", BRISK)


async def test_an_object_that_cannot_be_read_is_in_its_place(
    scripted: Serve, connected: Connect
) -> None:
    good = {"metadata": {"name": "good", "namespace": "default", "resourceVersion": "3"}}
    bad = {"metadata": {"name": "bad", "namespace": "default"}, "spec": {"externalIPs": 7}}

    async def answer(_: web.Request) -> web.Response:
        listed = {"metadata": {"resourceVersion": "9"}, "items": [good, bad]}
        return web.json_response(listed)

    async with connected(await scripted(answer)) as client:
        version, found = await all_services(client)
    assert version == "9"
    assert isinstance(found[Key("default", "good")], Service)
    assert isinstance(found[Key("default", "bad")], Problem)


@pytest.mark.parametrize("body", ["a proxy's page", "[]", "{}", '{"metadata": {}, "items": []}'])
async def test_what_is_no_list_is_an_error(scripted: Serve, connected: Connect, body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body)

    async with connected(await scripted(answer)) as client:
        with pytest.raises((msgspec.MsgspecError, ApiError)):
            await all_services(client)
