"""A write of a status has exactly one outcome, whatever the API server does."""

import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from l2announcer.core.effects import StatusWrite
from l2announcer.core.facts import Refusal, StatusRefused, StatusWritten
from l2announcer.core.model import Ingress, Key, Kind, Pool, Service
from l2announcer.kube.client import Client
from l2announcer.kube.status import perform
from tests.fakes.apiserver import ApiServer
from tests.fakes.faults import Action, Fault
from tests.fakes.resources import SERVICES
from tests.unit.kube.conftest import CRDS
from tests.unit.kube.watched import TABLE

KEY = Key("default", "app1")


def add(server: ApiServer) -> str:
    body = {"metadata": {"name": "app1"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
    made = server.store.create(SERVICES, body, namespace="default", now=time.time())
    return str(made["metadata"]["resourceVersion"])


def address(version: str) -> StatusWrite:
    patch = {
        "metadata": {"resourceVersion": version},
        "status": {"loadBalancer": {"ingress": [{"ip": "172.19.0.240"}]}},
    }
    return StatusWrite(Kind.SERVICE, KEY, patch)


async def do(client: Client, call: StatusWrite, group_version: str = "v1") -> Any:
    return await perform(
        client, call, resource=TABLE[call.kind], group_version=group_version, timeout_seconds=0.5
    )


async def test_address_of_a_service(server: ApiServer, client: Client) -> None:
    written = await do(client, address(add(server)))
    assert isinstance(written, StatusWritten)
    assert isinstance(written.object, Service)
    assert written.object.ingress == (Ingress(ip="172.19.0.240", ip_mode="VIP"),)


async def test_somebody_wrote_in_between(server: ApiServer, client: Client) -> None:
    version = add(server)
    server.store.patch(
        SERVICES,
        {"metadata": {"labels": {"a": "b"}}},
        "application/merge-patch+json",
        namespace="default",
        name="app1",
    )
    refused = StatusRefused(Kind.SERVICE, KEY, Refusal.CONFLICT)
    assert await do(client, address(version)) == refused
    assert "ingress" not in server.store.get(SERVICES, "default", "app1")["status"]["loadBalancer"]


@pytest.mark.parametrize("group_version", ["cilium.io/v2", "cilium.io/v2alpha1"])
async def test_pool_at_the_version_served(
    server: ApiServer, client: Client, group_version: str
) -> None:
    server.apply_files(*CRDS)
    served = server.store.resource("cilium.io", "ciliumloadbalancerippools")
    assert served is not None
    body = {"metadata": {"name": "p"}, "spec": {"blocks": [{"cidr": "10.0.0.0/24"}]}}
    made = server.store.create(served, body, now=time.time())
    condition = {
        "type": "cilium.io/PoolConflict",
        "status": "False",
        "reason": "resolved",
        "message": "",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-03-01T10:00:00Z",
    }
    version = made["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "status": {"conditions": [condition]}}
    call = StatusWrite(Kind.POOL, Key("", "p"), patch)
    written = await do(client, call, group_version)
    assert isinstance(written, StatusWritten)
    assert isinstance(written.object, Pool)
    assert [each.type for each in written.object.conditions] == ["cilium.io/PoolConflict"]


async def test_object_that_is_gone(client: Client) -> None:
    refused = StatusRefused(Kind.SERVICE, KEY, Refusal.MISSING)
    assert await do(client, address("1")) == refused


@pytest.mark.parametrize(
    ("fault", "why", "warned"),
    [
        (Fault(action=Action.ANSWER, code=403), Refusal.DENIED, True),
        (Fault(action=Action.ANSWER, code=422), Refusal.INVALID, True),
        (Fault(action=Action.ANSWER, code=409), Refusal.CONFLICT, False),
        (Fault(action=Action.ANSWER, code=500), Refusal.UNAVAILABLE, False),
        (Fault(action=Action.HANG), Refusal.UNAVAILABLE, False),
        (Fault(action=Action.REFUSE), Refusal.UNAVAILABLE, False),
    ],
)
async def test_every_failure_is_a_refusal(
    server: ApiServer, client: Client, fault: Fault, why: Refusal, warned: bool
) -> None:
    version = add(server)
    server.faults.plant(fault)
    with capture_logs() as logs:
        refused = await do(client, address(version))
    assert refused == StatusRefused(Kind.SERVICE, KEY, why)
    assert [entry["object"] for entry in logs] == (["Service default/app1"] if warned else [])
