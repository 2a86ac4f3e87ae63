"""`l2announcer move` on an API server: what it asks for, waits for, and why it may not move."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from l2announcer.cli import main
from l2announcer.core import lease
from l2announcer.core.heartbeat import heartbeat_name
from l2announcer.core.model import PREFERRED_NODE, Holding, LeaseRecord, Wanted
from tests.fakes.apiserver import ApiServer
from tests.fakes.bootstrap import apply_object
from tests.fakes.kubeconfig import write_kubeconfig
from tests.fakes.resources import LEASES, SERVICES, Resource
from tests.unit.kube.conftest import CRDS

SYSTEM = "kube-system"
POLICY = "CiliumL2AnnouncementPolicy"
LEASE = "cilium-l2announce-default-shop"
HOLDING = Holding(boot="b", netns=1)
RECORD = LeaseRecord(
    name=LEASE,
    resource_version="",
    holder="a",
    duration_seconds=15,
    acquire_time="2026-11-25T10:00:00.000000Z",
    renew_time="2026-11-25T10:00:00.000000Z",
    holding=HOLDING,
)


@dataclass
class Desk:
    """Somebody with a kubeconfig, an API server with nodes a and b, and what was printed."""

    server: ApiServer
    directory: Path
    capture: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""
    _leases: int = 0
    _policies: int = 0

    async def run(self, *arguments: str) -> int:
        kubeconfig = write_kubeconfig(self.directory / "kubeconfig", self.server.url)
        command = ["move", "--kubeconfig", str(kubeconfig), *arguments]
        code = await asyncio.to_thread(main, command)
        self.out, self.err = self.capture.readouterr()
        return code

    def apply(self, made: dict[str, Any]) -> None:
        apply_object(self.server.store, made, time.time())

    def select_by(self, **spec: Any) -> None:
        """Let a policy be so, and the only one."""
        self._policies += 1
        if self._policies > 1:
            self.server.store.delete(self._resource(POLICY), name="l2", now=time.time())
        metadata = {"name": "l2"}
        spec = {"loadBalancerIPs": True, **spec}
        version = "cilium.io/v2alpha1"
        self.apply({"apiVersion": version, "kind": POLICY, "metadata": metadata, "spec": spec})

    def _resource(self, kind: str) -> Resource:
        return next(each for each in self.server.store.resources() if each.kind == kind)

    def beat(self, node: str, *, ago_seconds: float = 0.0, holder: str | None = None) -> None:
        """A node's heartbeat: what its daemon wrote last."""
        name = heartbeat_name(node)
        self.server.store.delete(LEASES, namespace=SYSTEM, name=name, now=time.time())
        self._write_beat(node, ago_seconds, node if holder is None else holder)

    def join(self, node: str) -> None:
        """Another node, on which a daemon runs."""
        found = {"metadata": {"name": node, "labels": {"name": node}}}
        self.apply({"apiVersion": "v1", "kind": "Node", **found})
        self._write_beat(node, 0.0, node)

    def _write_beat(self, node: str, ago_seconds: float, holder: str) -> None:
        name = heartbeat_name(node)
        at = lease.micro_time(int((time.time() - ago_seconds) * lease.MICROSECONDS))
        record = replace(RECORD, name=name, holder=holder, renew_time=at, duration_seconds=180)
        self.apply(lease.body(name=name, namespace=SYSTEM, read=None, record=record))

    def holds(self, record: LeaseRecord) -> None:
        """Make the Lease so, in place of the one that was."""
        if self._leases:
            self.server.store.delete(LEASES, namespace=SYSTEM, name=LEASE, now=time.time())
        self._leases += 1
        body = lease.body(name=LEASE, namespace=SYSTEM, read=None, record=record)
        self.apply(body)

    @property
    def preferred(self) -> str | None:
        service = self.server.store.get(SERVICES, "default", "shop")
        found: str | None = service["metadata"].get("annotations", {}).get(PREFERRED_NODE)
        return found

    async def when_asked(self, record: LeaseRecord) -> None:
        """The daemons: as soon as the wish is there, this is what the Lease becomes."""
        while self.preferred is None:  # noqa: ASYNC110  the store tells nobody
            await asyncio.sleep(0.01)
        self.holds(record)


@pytest.fixture
async def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Desk]:
    async with ApiServer() as server:
        server.apply_files(*CRDS)
        desk = Desk(server, tmp_path, capsys)
        for name in ("a", "b"):
            desk.join(name)
        spec = {"type": "LoadBalancer", "ports": [{"port": 80}]}
        metadata = {"name": "shop", "namespace": "default"}
        desk.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
        desk.select_by()
        desk.holds(RECORD)
        yield desk


async def test_it_asks_and_waits(desk: Desk) -> None:
    moved = replace(RECORD, holder="b", transitions=1)
    daemons = asyncio.create_task(desk.when_asked(moved))
    assert await desk.run("shop", "--to", "b") == 0
    await daemons
    assert desk.out.startswith("default/shop moved from a to b in ")
    assert desk.preferred == "b"


async def test_where_it_is_it_is_to_stay(desk: Desk) -> None:
    assert await desk.run("default/shop", "--to", "a") == 0
    assert desk.preferred == "a"
    assert "is to stay there" in desk.out


async def test_anywhere_takes_the_wish_back(desk: Desk) -> None:
    await desk.run("shop", "--to", "a")
    assert await desk.run("shop", "--anywhere") == 0
    assert desk.preferred is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none", "--to", "b"), "there is no Service default/none"),
        (("none", "--anywhere"), "there is no Service default/none"),
        (("shop", "--to", "c"), "there is no Node c; nothing was changed. 'kubectl get nodes'"),
    ],
)
async def test_what_is_not_there(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    assert await desk.run(*arguments) == 1
    assert said in desk.err
    assert desk.preferred is None


async def test_a_node_that_no_policy_selects(desk: Desk) -> None:
    desk.select_by(nodeSelector={"matchLabels": {"name": "a"}})
    assert await desk.run("shop", "--to", "b") == 1
    assert "CiliumL2AnnouncementPolicy l2: nodeSelector does not match node b" in desk.err
    assert desk.preferred is None


async def test_a_node_that_is_leaving(desk: Desk) -> None:
    node = {"metadata": {"name": "c"}, "spec": {"unschedulable": True}}
    desk.apply({"apiVersion": "v1", "kind": "Node", **node})
    assert await desk.run("shop", "--to", "c") == 1
    assert "c may not announce default/shop: Node c: is cordoned" in desk.err
    assert desk.preferred is None


@pytest.mark.parametrize(
    ("beat", "said"),
    [
        ({"holder": ""}, "no l2announcer runs there (nobody holds its heartbeat, Lease"),
        ({"ago_seconds": 300.0}, "its l2announcer has not been heard of for 30"),
    ],
)
async def test_a_node_without_a_daemon(desk: Desk, beat: dict[str, Any], said: str) -> None:
    desk.beat("b", **beat)
    assert await desk.run("shop", "--to", "b") == 1
    assert f"b cannot announce default/shop: {said}" in desk.err
    assert desk.preferred is None


async def test_what_takes_longer_says_what_is_waited_for(desk: Desk) -> None:
    assert await desk.run("shop", "--to", "b", "--timeout", "1.5") == 1
    assert desk.err.splitlines()[0] == "waiting: b is to ask for it, a has it"
    assert len(desk.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"holding": None}, "held by a, which is no l2announcer"),
        ({"holder": ""}, "no node announces default/shop now"),
    ],
)
async def test_a_lease_that_nobody_of_ours_holds(
    desk: Desk, fields: dict[str, Any], said: str
) -> None:
    desk.holds(replace(RECORD, **fields))
    assert await desk.run("shop", "--to", "b") == 1
    assert said in desk.err
    assert desk.preferred is None


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (None, "b did not ask for default/shop in 0.5 s"),
        (Wanted("b", 0), "b asked for default/shop, and a did not give it in 0.5 s"),
    ],
)
async def test_what_takes_too_long(desk: Desk, wanted: Wanted | None, said: str) -> None:
    desk.holds(replace(RECORD, wanted=wanted))
    assert await desk.run("shop", "--to", "b", "--timeout", "0.5") == 1
    assert said in desk.err
    assert "The wish stays" in desk.err
    assert desk.preferred == "b"


async def test_an_api_server_that_refuses_is_quoted(desk: Desk) -> None:
    await desk.server.stop()
    assert await desk.run("shop", "--to", "b") == 1
    assert "does not answer" in desk.err


def test_one_of_both_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["move", "shop"])
    assert ended.value.code == 2
    assert "--to --anywhere" in capsys.readouterr().err
