"""Consistent reads of Services have exactly one outcome each."""

import time

import pytest

from l2announcer.core.facts import Refusal, ServiceRead, ServicesRead
from l2announcer.core.model import Key, Kind
from l2announcer.kube.client import Client
from l2announcer.kube.resources import table
from l2announcer.kube.services import read_service, read_services
from tests.fakes.apiserver import ApiServer
from tests.fakes.faults import Action, Fault
from tests.fakes.resources import SERVICES
from tests.unit.kube.watched import BRISK, TABLE

KEY = Key("default", "app1")
SERVICE = TABLE[Kind.SERVICE]
FAILURES = [
    (Fault(action=Action.ANSWER, code=403), Refusal.DENIED),
    (Fault(action=Action.ANSWER, code=500), Refusal.UNAVAILABLE),
    (Fault(action=Action.HANG), Refusal.UNAVAILABLE),
    (Fault(action=Action.REFUSE), Refusal.UNAVAILABLE),
]


def add(server: ApiServer, name: str, **labels: str) -> None:
    body = {"metadata": {"name": name, "labels": labels}, "spec": {"ports": [{"port": 80}]}}
    server.store.create(SERVICES, body, namespace="default", now=time.time())


async def one(client: Client) -> ServiceRead:
    return await read_service(client, SERVICE, KEY, 0.5)


async def test_one(server: ApiServer, client: Client) -> None:
    assert await one(client) == ServiceRead(KEY, None, None)
    add(server, "app1", color="blue")
    read = await one(client)
    assert read.why is None
    assert read.service is not None
    assert (read.service.key, read.service.labels) == (KEY, {"color": "blue"})


async def test_one_that_a_watch_would_not_show_is_not_there(
    server: ApiServer, client: Client
) -> None:
    add(server, "app1", **{"service.kubernetes.io/service-proxy-name": "theirs"})
    assert await one(client) == ServiceRead(KEY, None, None)
    theirs = table(lease_namespace="ns", lease_prefixes=(), service_proxy_name="theirs")
    read = await read_service(client, theirs[Kind.SERVICE], KEY, 0.5)
    assert read.service is not None
    add(server, "plain")
    plain = Key("default", "plain")
    read = await read_service(client, theirs[Kind.SERVICE], plain, 0.5)
    assert read == ServiceRead(plain, None, None)


async def test_all_that_a_watch_would_show(server: ApiServer, client: Client) -> None:
    for number in range(4):
        add(server, f"s{number}")
    add(server, "theirs", **{"service.kubernetes.io/service-proxy-name": "theirs"})
    read = await read_services(client, SERVICE, BRISK)
    assert read.services is not None
    names = [service.key.name for service in read.services]
    assert names == ["kubernetes", "s0", "s1", "s2", "s3"]
    assert server.requests["list", "services"] >= 3


@pytest.mark.parametrize(("fault", "why"), FAILURES)
async def test_every_failure_is_an_outcome(
    server: ApiServer, client: Client, fault: Fault, why: Refusal
) -> None:
    add(server, "app1")
    server.faults.plant(fault)
    assert await one(client) == ServiceRead(KEY, None, why)


async def test_failure_on_a_later_page_is_no_answer(server: ApiServer, client: Client) -> None:
    for number in range(4):
        add(server, f"s{number}")
    server.faults.plant(Fault(action=Action.DELAY, verbs={"list"}, times=1))
    server.faults.plant(Fault(action=Action.ANSWER, code=500, verbs={"list"}))
    assert await read_services(client, SERVICE, BRISK) == ServicesRead(None)
    assert server.requests["list", "services"] == 2
