"""Every call of the core goes to its place, has one outcome, and takes no longer than it may."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import pytest
import yaml

from l2announcer import clock
from l2announcer.core.effects import (
    Call,
    Event,
    LeaseWrite,
    ReadHosts,
    ReadLease,
    ReadService,
    ReadServices,
    StatusWrite,
)
from l2announcer.core.facts import (
    Fact,
    HostsRead,
    LeaseRead,
    LeaseRefused,
    LeaseWritten,
    Listed,
    Refusal,
    ServiceRead,
    ServicesRead,
    StatusRefused,
    StatusWritten,
    Unconfirmed,
)
from l2announcer.core.lease import body
from l2announcer.core.model import (
    ALL,
    ALWAYS_WATCHED,
    EndpointSlice,
    Key,
    Kind,
    LeaseRecord,
    Span,
)
from l2announcer.kube.client import Client
from l2announcer.kube.gateway import LEASES_AT_ONCE, STATUSES_AT_ONCE, Gateway
from tests.fakes.apiserver import ApiServer
from tests.fakes.bootstrap import apply_object
from tests.fakes.faults import Action, Fault
from tests.fakes.resources import ENDPOINT_SLICES, EVENTS, LEASES, NODES, SERVICES
from tests.unit.kube.conftest import CRDS

APP1 = Key("default", "app1")
LEASE = "cilium-l2announce-default-app1"
TIME = "2026-03-01T10:00:00.000001Z"
WANTED = LeaseRecord(
    name=LEASE,
    resource_version="",
    holder="worker",
    duration_seconds=15,
    acquire_time=TIME,
    renew_time=TIME,
)


@dataclass
class Rig:
    """A gateway of node `worker`, and what came of it."""

    client: Client
    facts: list[Fact] = field(default_factory=list)
    renewals: list[float] = field(default_factory=list)
    lease_write_seconds: float = 0.3

    def __post_init__(self) -> None:
        self.gateway = Gateway(
            self.client,
            node_name="worker",
            lease_namespace="kube-system",
            service_proxy_name="",
            lease_write_seconds=self.lease_write_seconds,
            post=self.facts.append,
            observe_renewal=self.renewals.append,
        )

    async def do(self, call: Call) -> Any:
        return await self.gateway.perform(call)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110  the facts looked for are of many sorts
                await asyncio.sleep(0.005)


@pytest.fixture
async def rig(client: Client) -> AsyncIterator[Rig]:
    """A gateway whose Events are posted; its reflectors rest."""
    made = Rig(client)
    task = asyncio.create_task(made.gateway.recorder.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def write(record: LeaseRecord | None = None, *, renewal: bool = False) -> LeaseWrite:
    made = body(
        name=LEASE,
        namespace="kube-system",
        read=record.raw if record else None,
        record=record or WANTED,
    )
    return LeaseWrite(LEASE, made, create=record is None, renewal=renewal)


def add_service(server: ApiServer, name: str = "app1") -> str:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}]}
    made = server.store.create(
        SERVICES, {"metadata": {"name": name}, "spec": spec}, namespace="default", now=time.time()
    )
    return str(made["metadata"]["resourceVersion"])


async def test_leases_are_written_and_read_in_their_namespace(server: ApiServer, rig: Rig) -> None:
    assert await rig.do(ReadLease(LEASE)) == LeaseRead(LEASE, None)
    written = await rig.do(write())
    assert isinstance(written, LeaseWritten)
    stored = server.store.get(LEASES, "kube-system", LEASE)
    assert stored["spec"]["holderIdentity"] == "worker"
    assert (await rig.do(ReadLease(LEASE))).record == written.record


async def test_only_the_view_of_services_has_to_be_confirmed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    for kind, reflector in rig.gateway.reflectors.items():
        reflector.last_confirmed_at = now - (99.0 if kind is Kind.SERVICE else 1000.0)
    task = asyncio.create_task(rig.gateway.watch_confirmation())
    await asyncio.sleep(0)
    assert rig.facts == []
    task.cancel()
    rig.gateway.reflectors[Kind.SERVICE].last_confirmed_at = now - 101.0
    task = asyncio.create_task(rig.gateway.watch_confirmation())
    await rig.until(lambda: rig.facts == [Unconfirmed()])
    task.cancel()


async def test_how_long_renewals_take_is_told_and_of_nothing_else(rig: Rig) -> None:
    created = await rig.do(write())
    await rig.do(ReadLease(LEASE))
    assert rig.renewals == []
    await rig.do(write(created.record, renewal=True))
    assert len(rig.renewals) == 1
    assert 0 <= rig.renewals[0] < 5


async def test_a_lease_write_without_an_answer_ends_in_time(server: ApiServer, rig: Rig) -> None:
    created = await rig.do(write())
    server.faults.plant(Fault(action=Action.HANG, verbs={"update"}, resources={"leases"}))
    began_at = time.monotonic()
    outcome = await rig.do(write(created.record, renewal=True))
    assert outcome == LeaseRefused(LEASE, Refusal.UNAVAILABLE)
    assert 0.3 <= time.monotonic() - began_at < 3
    assert len(rig.renewals) == 1, "a renewal that failed took its time too"


async def test_a_conflict_is_the_outcome_of_the_slower(rig: Rig) -> None:
    await rig.do(write())
    assert await rig.do(write()) == LeaseRefused(LEASE, Refusal.CONFLICT)


async def test_services_are_read_by_one_and_by_all(server: ApiServer, rig: Rig) -> None:
    assert await rig.do(ReadService(APP1)) == ServiceRead(APP1, None)
    add_service(server)
    read = await rig.do(ReadService(APP1))
    assert read.service.key == APP1
    all_of_them = await rig.do(ReadServices())
    assert isinstance(all_of_them, ServicesRead)
    assert all_of_them.services is not None
    assert {service.key.name for service in all_of_them.services} == {"kubernetes", "app1"}


async def test_hosts_are_all_nodes_and_the_api_server(server: ApiServer, rig: Rig) -> None:
    for name, address in (("n1", "172.19.0.2"), ("n2", "fd00::2")):
        addresses = [
            {"type": "InternalIP", "address": address},
            {"type": "Hostname", "address": name},
        ]
        node = {"metadata": {"name": name}, "status": {"addresses": addresses}}
        server.store.create(NODES, node, now=0.0)
    assert await rig.do(ReadHosts()) == HostsRead(
        {
            ip_address("127.0.0.1"): "the API server",
            ip_address("172.19.0.2"): "node n1",
            ip_address("fd00::2"): "node n2",
        }
    )
    server.faults.plant(Fault(action=Action.ANSWER, code=403, resources={"nodes"}, times=1))
    refused = await rig.do(ReadHosts())
    assert refused == HostsRead({ip_address("127.0.0.1"): "the API server"}, Refusal.DENIED)
    server.faults.plant(Fault(action=Action.ANSWER, resources={"nodes"}))
    assert await rig.do(ReadHosts()) == HostsRead(None, Refusal.UNAVAILABLE)


async def test_a_service_s_status(server: ApiServer, rig: Rig) -> None:
    patch = {
        "metadata": {"resourceVersion": add_service(server)},
        "status": {"loadBalancer": {"ingress": [{"ip": "172.19.0.240"}]}},
    }
    written = await rig.do(StatusWrite(Kind.SERVICE, APP1, patch))
    assert isinstance(written, StatusWritten)
    stale = await rig.do(StatusWrite(Kind.SERVICE, APP1, patch))
    assert stale == StatusRefused(Kind.SERVICE, APP1, Refusal.CONFLICT)


async def test_a_crowd_of_statuses_is_written_a_few_at_once(server: ApiServer, rig: Rig) -> None:
    """Thousands at once would wait for each other until each had waited for too long."""
    server.faults.plant(Fault(action=Action.DELAY, resources={"services/status"}, seconds=0.1))
    patch = {"metadata": {"resourceVersion": add_service(server)}, "status": {}}
    calls = [StatusWrite(Kind.SERVICE, APP1, patch)] * (3 * STATUSES_AT_ONCE)
    began_at = time.monotonic()
    outcomes = await asyncio.gather(*map(rig.do, calls))
    assert time.monotonic() - began_at >= 0.3
    assert {type(outcome) for outcome in outcomes} <= {StatusWritten, StatusRefused}


@pytest.mark.parametrize("renewal", [False, True])
async def test_a_crowd_of_leases_is_written_a_few_at_once(
    server: ApiServer, rig: Rig, renewal: bool
) -> None:
    """Each of thousands at once would need a connection of its own."""
    server.faults.plant(Fault(action=Action.DELAY, resources={"leases"}, seconds=0.1))
    calls = [write(renewal=renewal)] * (2 * LEASES_AT_ONCE + 1)
    patient = Rig(rig.client, lease_write_seconds=5.0)
    began_at = time.monotonic()
    outcomes = await asyncio.gather(*map(patient.do, calls))
    assert time.monotonic() - began_at >= 0.3
    assert {type(outcome) for outcome in outcomes} <= {LeaseWritten, LeaseRefused}


@pytest.mark.parametrize("served", ["v2", "v2alpha1"])
async def test_a_pool_s_status_at_the_version_that_its_reflector_found(
    server: ApiServer, client: Client, served: str
) -> None:
    (path,) = [path for path in CRDS if "ippools" in path.name]
    crd = yaml.safe_load(path.read_text())
    crd["spec"]["versions"] = [each for each in crd["spec"]["versions"] if each["name"] == served]
    crd["spec"]["versions"][0]["storage"] = True
    apply_object(server.store, crd, time.time())
    resource = server.store.resource("cilium.io", "ciliumloadbalancerippools")
    assert resource is not None
    pool = {"metadata": {"name": "p"}, "spec": {"blocks": [{"cidr": "10.0.0.0/24"}]}}
    made = server.store.create(resource, pool, now=time.time(), version=served)
    rig = Rig(client)
    await rig.gateway.reflectors[Kind.POOL].step()
    version = {"resourceVersion": made["metadata"]["resourceVersion"]}
    write_it = StatusWrite(Kind.POOL, Key("", "p"), {"metadata": version, "status": {}})
    assert isinstance(await rig.do(write_it), StatusWritten)


async def test_every_kind_is_listed_and_only_our_node_and_leases_are(
    server: ApiServer, client: Client
) -> None:
    for name in ("worker", "other"):
        server.store.create(NODES, {"metadata": {"name": name}}, now=time.time())
    ours = (LEASE, "l2announcer-controller", "l2announcer-node-other")
    for name in (*ours, "kube-scheduler"):
        lease = {"metadata": {"name": name}, "spec": {"holderIdentity": "other"}}
        server.store.create(LEASES, lease, namespace="kube-system", now=time.time())
    server.store.create(
        LEASES, {"metadata": {"name": LEASE}, "spec": {}}, namespace="default", now=time.time()
    )
    async with asyncio.TaskGroup() as group:
        fresh = Rig(client)
        tasks = [group.create_task(each.run()) for each in fresh.gateway.reflectors.values()]
        await fresh.until(lambda: len({f.kind for f in fresh.facts if isinstance(f, Listed)}) == 5)
        for task in tasks:
            task.cancel()
    listed = {fact.kind: fact.objects for fact in fresh.facts if isinstance(fact, Listed)}
    assert set(listed) == ALWAYS_WATCHED
    assert {getattr(each, "key", None) for each in listed[Kind.NODE]} == {
        Key("", "worker"),
        Key("", "other"),
    }
    leases = {each.name for each in listed[Kind.LEASE] if isinstance(each, LeaseRecord)}
    assert leases == set(ours)
    assert len(listed[Kind.LEASE]) == 3


async def test_events_are_posted_in_the_node_s_name(server: ApiServer, rig: Rig) -> None:
    event = Event(Kind.SERVICE, APP1, "u-1", "Announced", "this node answers")
    rig.gateway.recorder.record(event)
    assert await rig.gateway.recorder.flush(5)
    (posted,) = server.store.list(EVENTS).items
    assert posted["source"] == {"component": "l2announcer", "host": "worker"}


async def test_endpoints_are_watched_of_the_services_asked_for(server: ApiServer, rig: Rig) -> None:
    def endpoints(service: str) -> None:
        labels = {"kubernetes.io/service-name": service}
        ready = {"addresses": ["10.0.0.1"], "nodeName": "worker", "conditions": {"ready": True}}
        made = {
            "metadata": {"name": f"{service}-1", "labels": labels},
            "addressType": "IPv4",
            "endpoints": [ready],
        }
        server.store.create(ENDPOINT_SLICES, made, namespace="default", now=time.time())

    async def listed(span: Span) -> set[str]:
        reflector = rig.gateway.watch_endpoints(span)
        assert reflector is rig.gateway.reflectors[Kind.ENDPOINT_SLICE]
        assert reflector is not None
        await reflector.step()
        fact = rig.facts[-1]
        assert isinstance(fact, Listed)
        assert (fact.kind, fact.span) == (Kind.ENDPOINT_SLICE, span)
        return {found.key.name for found in fact.objects if isinstance(found, EndpointSlice)}

    assert Kind.ENDPOINT_SLICE not in rig.gateway.reflectors
    for service in ("blue", "red", "green"):
        endpoints(service)
    assert await listed(Span(frozenset({"blue", "red"}))) == {"blue-1", "red-1"}
    # the API server's own Service has endpoints too
    assert await listed(ALL) >= {"blue-1", "red-1", "green-1"}
    assert rig.gateway.watch_endpoints(Span()) is None
    assert Kind.ENDPOINT_SLICE not in rig.gateway.reflectors
