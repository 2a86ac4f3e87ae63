"""The daemon's reads and calls on a real kube-apiserver, with the rights that we ship."""

import asyncio
import json
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from l2announcer.core.effects import DeleteLease, Event, LeaseWrite, ReadLease, StatusWrite
from l2announcer.core.facts import (
    LeaseDeleted,
    LeaseRead,
    LeaseRefused,
    LeaseWritten,
    Refusal,
    StatusWritten,
)
from l2announcer.core.lease import body
from l2announcer.core.model import Key, Kind, LeaseRecord, Pool, Service
from l2announcer.kube import leases, status
from l2announcer.kube.client import Client, connect
from l2announcer.kube.configuration import Source
from l2announcer.kube.errors import Denied, Unavailable
from l2announcer.kube.events import Recorder
from l2announcer.kube.reflector import State
from l2announcer.kube.services import read_service
from tests.cluster.api import MERGE_PATCH, Api
from tests.cluster.controlplane import ADMIN, STRANGER, ControlPlane
from tests.unit.kube.watched import TABLE, watching

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
POOLS = "/apis/cilium.io/v2/ciliumloadbalancerippools"
POLICIES = "/apis/cilium.io/v2alpha1/ciliuml2announcementpolicies"
SERVICES = "/api/v1/namespaces/default/services"
EVENTS = "/api/v1/namespaces/default/events"
# a self-signed authority of nobody, whose key was thrown away
WRONG_AUTHORITY = """\
-----BEGIN CERTIFICATE-----
MIIBiDCCAS2gAwIBAgIUUGBJcxrMU26HPmuzyeICppff/MUwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNc29tZWJvZHkgZWxzZTAgFw0yNjExMjUwMjIwMjNaGA8yMTI2
MTEwMTAyMjAyM1owGDEWMBQGA1UEAwwNc29tZWJvZHkgZWxzZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABJhAhhqjPJQQ3K/fdEi5IdiegKL7Gds4sk7RprjotFkY
DwfiOYSrzN028AnvsgNbgANvZK2heuKG2tJFO8q01dijUzBRMB0GA1UdDgQWBBT4
71Qvuq0DxSsqqqTcOUulnUQARzAfBgNVHSMEGDAWgBT471Qvuq0DxSsqqqTcOUul
nUQARzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCXrXkQSznV
i8HkJuP9NMYAwSlB8vRVgZsjpb13HAp0RQIhALG5XTymMhCdWsxqhVGPeoIefaWK
2NG8IMSrwG+vSobY
-----END CERTIFICATE-----
"""


def connected(kubeconfig: Path) -> Any:
    source = Source(
        kubeconfig=str(kubeconfig), host="", port=0, environ={}, service_account=Path("/nowhere")
    )
    return connect(source, qps=0, burst=1, now=time.monotonic, observe=lambda *_: None)


@pytest.fixture
async def client(kubeconfig: Path) -> AsyncIterator[Client]:
    """A client with the daemon's rights."""
    async with connected(kubeconfig) as client:
        yield client


@pytest.fixture
def admin(control_plane: ControlPlane) -> Api:
    """The API with all rights."""
    return control_plane.api(ADMIN)


@pytest.fixture
def name(admin: Api) -> Iterator[str]:
    """A name for this test's objects, which go with the test."""
    name = f"kube-{uuid.uuid4().hex[:8]}"
    yield name
    for path in (SERVICES, POLICIES, POOLS):
        admin.delete(f"{path}/{name}")
    admin.delete(f"{LEASES}/cilium-l2announce-{name}")
    for event in admin.get(f"{EVENTS}?fieldSelector=involvedObject.name={name}").body["items"]:
        admin.delete(f"{EVENTS}/{event['metadata']['name']}")


def service(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": name}},
    }


def custom(kind: str, version: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": f"cilium.io/{version}",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


async def test_what_happens_to_objects_becomes_facts(admin: Api, client: Client, name: str) -> None:
    cases = [
        (Kind.SERVICE, SERVICES, service(name), name),
        (
            Kind.POLICY,
            POLICIES,
            custom("CiliumL2AnnouncementPolicy", "v2alpha1", name, {"externalIPs": True}),
            name,
        ),
        (
            Kind.POOL,
            POOLS,
            custom("CiliumLoadBalancerIPPool", "v2", name, {"blocks": [{"cidr": "10.9.0.0/24"}]}),
            name,
        ),
        (
            Kind.LEASE,
            LEASES,
            {"metadata": {"name": f"cilium-l2announce-{name}"}, "spec": {"holderIdentity": "x"}},
            f"cilium-l2announce-{name}",
        ),
    ]
    for kind, path, manifest, object_name in cases:
        async with watching(client, kind) as watched:
            await watched.until(lambda watched=watched: watched.reflector.state is State.WATCHING)  # type: ignore[misc]
            assert object_name not in watched.names
            assert admin.post(path, manifest).ok
            await watched.until(lambda w=watched, n=object_name: n in w.names)  # type: ignore[misc]
            admin.delete(f"{path}/{object_name}")
            await watched.until(lambda w=watched, n=object_name: n not in w.names)  # type: ignore[misc]
            assert watched.reflector.problem == ""


async def test_nodes_are_listed_and_watched(client: Client) -> None:
    async with watching(client, Kind.NODE) as watched:
        await watched.until(lambda: watched.reflector.state is State.WATCHING)
        assert watched.reflector.problem == ""


async def test_server_that_restarts(
    control_plane: ControlPlane, admin: Api, client: Client, name: str
) -> None:
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: watched.reflector.state is State.WATCHING)
        control_plane.stop_api_server(signal.SIGKILL)
        try:
            await watched.until(lambda: watched.reflector.problem != "")
            assert "kubernetes" in watched.names
        finally:
            await asyncio.to_thread(control_plane.start_api_server)
        assert admin.post(SERVICES, service(name)).ok
        await watched.until(lambda: name in watched.names)
        assert watched.reflector.problem == ""
    # its memory of changes began with the restart: a watch from before gets 410, then lists
    async with watching(client, Kind.SERVICE) as watched:
        watched.reflector.state, watched.reflector._version = State.WATCHING, "1"
        await watched.until(lambda: name in watched.names)
        assert len(watched.lists) == 1


async def test_stranger_is_told_which_right_is_missing(control_plane: ControlPlane) -> None:
    async with (
        connected(control_plane.kubeconfig(STRANGER)) as client,
        watching(client, Kind.LEASE) as watched,
    ):
        await watched.until(lambda: watched.reflector.problem != "")
        sentence = watched.reflector.problem
        assert "not permitted to list leases in namespace kube-system" in sentence
        assert 'User "stranger" cannot list resource "leases"' in sentence


def changed(kubeconfig: Path, directory: Path, cluster: set[str], user: set[str]) -> Path:
    """The kubeconfig with nothing left of its cluster and user but these fields."""
    config = json.loads(kubeconfig.read_text())
    for section, entry, kept in (("clusters", "cluster", cluster), ("users", "user", user)):
        fields = config[section][0][entry]
        config[section][0][entry] = {name: fields[name] for name in kept}
    path = directory / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


async def test_nobody_is_denied(kubeconfig: Path, tmp_path: Path) -> None:
    path = changed(kubeconfig, tmp_path, {"server", "certificate-authority"}, set())
    async with connected(path) as client:
        with pytest.raises(Denied, match="services is forbidden"):
            await client.request("GET", SERVICES, resource="services", timeout_seconds=5)


async def test_authority_is_read_again_when_its_file_changes(
    control_plane: ControlPlane, kubeconfig: Path, tmp_path: Path
) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text(WRONG_AUTHORITY)
    path = changed(kubeconfig, tmp_path, {"server"}, {"token"})
    config = json.loads(path.read_text())
    config["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    path.write_text(json.dumps(config))
    async with connected(path) as client:
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await client.request("GET", SERVICES, resource="services", timeout_seconds=5)
        authority.write_bytes(control_plane.ca_file.read_bytes())
        await client.request("GET", SERVICES, resource="services", timeout_seconds=5)


class Leases:
    """The daemon's calls about one Lease."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.name = f"cilium-l2announce-{name}"

    async def write(self, holder: str, read: LeaseRecord | None, moment: str) -> Any:
        record = LeaseRecord(
            name=self.name,
            resource_version="",
            holder=holder,
            duration_seconds=15,
            acquire_time="2026-03-01T10:00:00.000001Z",
            renew_time=moment,
        )
        made = body(
            name=self.name,
            namespace="kube-system",
            read=read.raw if read else None,
            record=record,
        )
        call = LeaseWrite(self.name, made, create=read is None, renewal=read is not None)
        return await self._perform(call)

    async def read(self) -> Any:
        return await self._perform(ReadLease(self.name))

    async def delete(self, record: LeaseRecord) -> Any:
        uid = record.raw["metadata"]["uid"]
        return await self._perform(DeleteLease(self.name, uid, record.resource_version))

    async def _perform(self, call: LeaseWrite | ReadLease | DeleteLease) -> Any:
        return await leases.perform(self._client, call, namespace="kube-system", timeout_seconds=5)


async def test_lease_is_created_renewed_and_lost(admin: Api, client: Client, name: str) -> None:
    lease = Leases(client, name)
    assert await lease.read() == LeaseRead(lease.name, None, None)
    created = await lease.write("a", None, "2026-03-01T10:00:00.000001Z")
    assert isinstance(created, LeaseWritten)
    assert created.record.renew_time == "2026-03-01T10:00:00.000001Z"
    conflict = LeaseRefused(lease.name, Refusal.CONFLICT)
    assert await lease.write("b", None, "2026-03-01T10:00:01.000000Z") == conflict
    renewed = await lease.write("a", created.record, "2026-03-01T10:00:02.120000Z")
    assert isinstance(renewed, LeaseWritten)
    assert renewed.record.renew_time == "2026-03-01T10:00:02.120000Z"
    assert await lease.read() == LeaseRead(lease.name, renewed.record)
    patch = {"spec": {"holderIdentity": "b"}, "metadata": {"labels": {"kept": "yes"}}}
    taken = admin.call("PATCH", f"{LEASES}/{lease.name}", patch, sends=MERGE_PATCH)
    assert taken.ok
    assert await lease.write("a", renewed.record, "2026-03-01T10:00:04.000000Z") == conflict
    read = await lease.read()
    again = await lease.write("a", read.record, "2026-03-01T10:00:05.000000Z")
    assert again.record.holder == "a"
    assert again.record.raw["metadata"]["labels"] == {"kept": "yes"}


async def test_a_lease_that_was_written_or_made_again_is_not_deleted(
    admin: Api, client: Client, name: str
) -> None:
    lease = Leases(client, name)
    conflict = LeaseDeleted(lease.name, Refusal.CONFLICT)
    made = await lease.write("a", None, "2026-03-01T10:00:00.000001Z")
    renewed = await lease.write("b", made.record, "2026-03-01T10:00:02.000000Z")
    assert await lease.delete(made.record) == conflict
    assert (await lease.read()).record == renewed.record
    assert admin.delete(f"{LEASES}/{lease.name}").ok
    again = await lease.write("b", None, "2026-03-01T10:00:04.000000Z")
    assert await lease.delete(renewed.record) == conflict
    # the very state, but of the Lease of before
    stale = replace(renewed.record, resource_version=again.record.resource_version)
    assert await lease.delete(stale) == conflict
    assert (await lease.read()).record == again.record
    assert await lease.delete(again.record) == LeaseDeleted(lease.name)
    assert (await lease.read()).record is None
    assert await lease.delete(again.record) == LeaseDeleted(lease.name, Refusal.MISSING)


async def test_renewal_of_a_lease_that_was_deleted(admin: Api, client: Client, name: str) -> None:
    """A PUT may create a Lease, but not one that carries the uid of what was deleted."""
    lease = Leases(client, name)
    created = await lease.write("a", None, "2026-03-01T10:00:00.000001Z")
    assert admin.delete(f"{LEASES}/{lease.name}").ok
    refused = await lease.write("a", created.record, "2026-03-01T10:00:02.000000Z")
    assert isinstance(refused, LeaseRefused)
    assert refused.why in {Refusal.CONFLICT, Refusal.MISSING}
    assert await lease.read() == LeaseRead(lease.name, None, None)


async def test_status_of_a_service_and_of_a_pool(admin: Api, client: Client, name: str) -> None:
    made = admin.post(SERVICES, service(name)).body
    key = Key("default", name)
    condition: dict[str, Any] = {
        "type": "cilium.io/IPAMRequestSatisfied",
        "status": "True",
        "reason": "satisfied",
        "message": "",
        "lastTransitionTime": "2026-03-01T10:00:00Z",
    }
    version = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    ingress = {"loadBalancer": {"ingress": [{"ip": "172.19.0.240"}]}, "conditions": [condition]}
    call = StatusWrite(Kind.SERVICE, key, {**version, "status": ingress})
    written = await write_status(client, call)
    assert isinstance(written, StatusWritten)
    assert isinstance(written.object, Service)
    assert [each.ip for each in written.object.ingress] == ["172.19.0.240"]
    assert (await write_status(client, call)).why is Refusal.CONFLICT
    read = await read_service(client, TABLE[Kind.SERVICE], key, 5)
    assert read.service == written.object

    spec = {"blocks": [{"cidr": "10.9.0.0/24"}]}
    made = admin.post(POOLS, custom("CiliumLoadBalancerIPPool", "v2", name, spec)).body
    version = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    condition |= {"type": "cilium.io/PoolConflict", "observedGeneration": 1}
    pool = StatusWrite(Kind.POOL, Key("", name), {**version, "status": {"conditions": [condition]}})
    written = await write_status(client, pool)
    assert isinstance(written, StatusWritten)
    assert isinstance(written.object, Pool)
    assert written.object.conditions[0].reason == "satisfied"


async def write_status(client: Client, call: StatusWrite) -> Any:
    resource = TABLE[call.kind]
    return await status.perform(
        client,
        call,
        resource=resource,
        group_version=resource.group_versions[0],
        timeout_seconds=5,
    )


async def test_events_are_accepted_and_counted(admin: Api, client: Client, name: str) -> None:
    recorder = Recorder(
        client,
        resources=TABLE,
        group_version=lambda kind: TABLE[kind].group_versions[0],
        node_name="worker",
        wall=time.time,
    )
    uid = str(uuid.uuid4())
    for _ in range(3):
        recorder.record(Event(Kind.SERVICE, Key("default", name), uid, "Announced", "hello"))
    recorder.record(Event(Kind.POLICY, Key("", name), uid, "BadSelector", "x", warning=True))
    task = asyncio.create_task(recorder.run())
    try:
        assert await recorder.flush(5)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    events = admin.get(f"{EVENTS}?fieldSelector=involvedObject.name={name}").body["items"]
    told = {(each["involvedObject"]["kind"], each["type"], each["count"]) for each in events}
    assert told == {("Service", "Normal", 3), ("CiliumL2AnnouncementPolicy", "Warning", 1)}
