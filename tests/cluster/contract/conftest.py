"""Runs every test of the contract twice: against the embedded API server, and a real one."""

import ssl
import uuid
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.cluster.contract.api import Api
from tests.cluster.controlplane import ADMIN, ControlPlane
from tests.fakes.apiserver import ApiServer

REAL = pytest.param("real", marks=[pytest.mark.cluster, pytest.mark.xdist_group("cluster")])


@pytest.fixture(params=["embedded", REAL])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    """An API server with a namespace of this test's own."""
    if request.param == "embedded":
        async with ApiServer() as server, aiohttp.ClientSession() as session:
            yield await _with_namespace(session, server.url)
        return
    control_plane: ControlPlane = request.getfixturevalue("control_plane")
    context = ssl.create_default_context(cafile=str(control_plane.ca_file))
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context),
        headers={"Authorization": f"Bearer {ADMIN.token}"},
    ) as session:
        api = await _with_namespace(session, control_plane.url)
        yield api
        await api.delete(f"/api/v1/namespaces/{api.namespace}")


async def _with_namespace(session: aiohttp.ClientSession, url: str) -> Api:
    api = Api(session, url, f"contract-{uuid.uuid4().hex[:12]}")
    (await api.post("/api/v1/namespaces", {"metadata": {"name": api.namespace}})).ok()
    return api
