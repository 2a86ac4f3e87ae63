"""`l2announcer ipam` and `ipam plan` on an API server: what they say, and that they only read."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from l2announcer.cli import main
from l2announcer.cli.ipam import CHANGES
from tests.fakes.apiserver import ApiServer
from tests.fakes.bootstrap import apply_object
from tests.fakes.faults import Action, Fault
from tests.fakes.kubeconfig import write_kubeconfig
from tests.fakes.resources import NAMESPACES, SERVICES
from tests.unit.kube.conftest import CRDS

OLD = "2024-01-01T00:00:00Z"


def pool(name: str, *cidrs: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumLoadBalancerIPPool",
        "metadata": {"name": name},
        "spec": {"blocks": [{"cidr": cidr} for cidr in cidrs]} | spec,
    }


@dataclass
class Desk:
    """Somebody with a kubeconfig, an API server, and what the last command printed."""

    server: ApiServer
    directory: Path
    capture: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    async def run(self, *arguments: str) -> int:
        """Run a command with the kubeconfig; its exit code."""
        kubeconfig = write_kubeconfig(self.directory / "kubeconfig", self.server.url)
        command = ["ipam", "--kubeconfig", str(kubeconfig), *arguments]
        code = await asyncio.to_thread(main, command)
        self.out, self.err = self.capture.readouterr()
        return code

    async def plan(self, *pools: dict[str, Any]) -> int:
        file = self.directory / "pool.yaml"
        file.write_text(yaml.safe_dump_all(pools), encoding="utf-8")
        return await self.run("plan", "-f", str(file))

    def pool(self, *arguments: Any, **spec: Any) -> None:
        apply_object(self.server.store, pool(*arguments, **spec), time.time())

    def service(self, name: str, *addresses: str, namespace: str = "default", **spec: Any) -> None:
        """Create a Service that shows these addresses, and is told that this is all it asks for."""
        made = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]} | spec,
        }
        apply_object(self.server.store, made, time.time())
        if addresses:
            satisfied = {
                "type": "cilium.io/IPAMRequestSatisfied",
                "status": "True",
                "reason": "satisfied",
                "message": "",
                "lastTransitionTime": OLD,
            }
            status = {
                "loadBalancer": {"ingress": [{"ip": address} for address in addresses]},
                "conditions": [satisfied],
            }
            self.server.store.update(
                SERVICES,
                self.server.store.get(SERVICES, namespace, name) | {"status": status},
                namespace=namespace,
                name=name,
                now=time.time(),
                subresource="status",
            )

    def line(self, name: str) -> str:
        """The line that begins with this name, its columns parted by one space."""
        (found,) = [line for line in self.out.splitlines() if line.split()[:1] == [name]]
        return " ".join(found.split())


@pytest.fixture
async def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Desk]:
    """A cluster that knows pools, and has none. Nothing is ever written to it."""
    async with ApiServer() as server:
        server.apply_files(*CRDS)
        yield Desk(server, tmp_path, capsys)
        assert {verb for verb, _ in server.requests} <= {"list", "get"}


async def test_pools_and_services(desk: Desk) -> None:
    """A pool in use, a full one, one in conflict, one that is off → counts, and what they do."""
    desk.pool("a", "10.0.0.0/28")
    desk.pool("b", "10.0.1.0/32", serviceSelector={"matchLabels": {"app": "full"}})
    desk.pool("c", "10.0.0.8/29")
    desk.pool("d", "10.0.3.0/24", "fd00::/64", disabled=True)
    desk.service("app1", "10.0.0.5")
    desk.service("other", "192.0.2.9", loadBalancerClass="example.com/other")
    desk.service("internal", type="ClusterIP")

    assert await desk.run() == 0

    assert desk.line("a") == "a 10.0.0.0/28 1 15 gives addresses"
    assert desk.line("b") == "b 10.0.1.0/32 0 1 gives addresses"
    assert desk.line("c").startswith("c 10.0.0.8/29 0 8 block 10.0.0.8 to 10.0.0.15 overlaps")
    assert desk.line("d") == (
        f"d 10.0.3.0/24, fd00::/64 0 {256 + 2**64} disabled, gives no further address"
    )
    assert desk.line("default/app1") == "default/app1 10.0.0.5 a has all that it asks for"
    assert "left to the controller of its class, example.com/other" in desk.line("default/other")
    assert "internal" not in desk.out
    assert "Is one running?" not in desk.out
    assert desk.err == ""


async def test_who_waits_and_why(desk: Desk) -> None:
    """No controller runs: one Service to be given an address, one without → both are told of."""
    desk.pool("a", "10.0.0.0/32")
    desk.service("app1")
    desk.service("app2")

    assert await desk.run() == 0

    assert desk.line("default/app1") == "default/app1 - - will have 10.0.0.0"
    assert desk.line("default/app2").startswith(
        "default/app2 - - waits: Every IPv4 address of the pools that select this Service is taken"
    )
    assert "get lease l2announcer-controller" in desk.out


async def test_one_namespace(desk: Desk) -> None:
    """Services of two namespaces, one asked for → only that one's are shown, all are counted."""
    desk.server.store.create(NAMESPACES, {"metadata": {"name": "web"}}, now=time.time())
    desk.pool("a", "10.0.0.0/28")
    desk.service("app1", "10.0.0.1")
    desk.service("app2", "10.0.0.2", namespace="web")

    assert await desk.run("-n", "web") == 0

    assert "default/app1" not in desk.out
    assert desk.line("web/app2") == "web/app2 10.0.0.2 a has all that it asks for"
    assert desk.line("a") == "a 10.0.0.0/28 2 14 gives addresses"


async def test_no_pool(desk: Desk) -> None:
    """Nothing gives addresses → it says what to create."""
    desk.service("app1")
    assert await desk.run() == 0
    assert "There is no pool" in desk.out


async def test_unreadable_object(desk: Desk) -> None:
    """A Service's annotation is no text → the others are shown, and the one is named."""
    desk.pool("a", "10.0.0.0/28")
    desk.service("app1", "10.0.0.1")
    desk.service("odd")
    stored = desk.server.store.get(SERVICES, "default", "odd")
    stored["spec"]["ports"] = "many"

    assert await desk.run() == 0

    assert "has all that it asks for" in desk.line("default/app1")
    assert "left out: Service default/odd: spec.ports" in desk.err


async def test_no_answer(desk: Desk) -> None:
    """The API server is not there → one sentence that names it, and 1."""
    await desk.server.stop()
    assert await desk.run() == 1
    assert desk.out == ""
    assert desk.server.url in desk.err


async def test_no_api_server(desk: Desk) -> None:
    """Something else answers → a sentence, and 1."""
    desk.server.faults.plant(Fault(action=Action.ANSWER, code=200))
    assert await desk.run() == 1
    assert "no API server" in desk.err


async def test_plan_without_consequence(desk: Desk) -> None:
    """A pool is widened → nothing changes for anybody, 0, and the pool's new counts are shown."""
    desk.pool("a", "10.0.0.0/28")
    desk.service("app1", "10.0.0.5")

    assert await desk.plan(pool("a", "10.0.0.0/24")) == 0

    assert "No Service's address would change." in desk.out
    assert desk.line("a") == "a 10.0.0.0/24 1 255 gives addresses"


async def test_plan_that_gives(desk: Desk) -> None:
    """One waits, a block is added → it would be given one, and that is no reason for alarm: 0."""
    desk.pool("a", "10.0.0.5/32")
    desk.service("app1", "10.0.0.5")
    desk.service("app2")

    assert await desk.plan(pool("a", "10.0.0.5/32", "10.0.1.0/28")) == 0

    assert desk.line("default/app2") == "default/app2 - 10.0.1.0 is given"
    assert "default/app1" not in desk.out


async def test_plan_never_promises_the_address_of_a_node(desk: Desk) -> None:
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "worker"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.0"}]},
    }
    apply_object(desk.server.store, node, time.time())
    desk.service("app1")
    assert await desk.plan(pool("new", "192.0.2.0/31")) == 0
    assert "192.0.2.1" in desk.out
    assert "192.0.2.0 " not in desk.out


async def test_plan_that_moves_and_takes(desk: Desk) -> None:
    """A block shrinks to one address → one stays, one moves to another pool, one has none: 3."""
    desk.pool("a", "10.0.0.0/28")
    for number, name in enumerate(("stays", "moves", "loses")):
        desk.service(name, f"10.0.0.{number}")
    desk.pool("b", "10.0.1.0/28", serviceSelector={"matchLabels": {"app": "moves"}})

    assert await desk.plan(pool("a", "10.0.0.0/32")) == CHANGES

    assert desk.line("default/moves") == "default/moves 10.0.0.1 10.0.1.0 moves"
    assert desk.line("default/loses").startswith(
        "default/loses 10.0.0.2 - loses its address: Every"
    )
    assert "default/stays" not in desk.out


async def test_plan_of_a_new_pool_in_conflict(desk: Desk) -> None:
    """A new pool overlaps an old one → it is the one that gives nothing, and is said to."""
    desk.pool("z", "10.0.0.0/28")
    desk.service("app1", "10.0.0.5")

    assert await desk.plan(pool("a", "10.0.0.8/29")) == 0

    assert "of the older pool z" in desk.line("a")


async def test_plan_of_an_exchange(desk: Desk) -> None:
    """A new pool with the old one's range, the old one deleted → nobody's address changes."""
    desk.pool("a", "10.0.0.0/28")
    desk.service("app1", "10.0.0.5")
    file = desk.directory / "new.yaml"
    file.write_text(yaml.safe_dump(pool("b", "10.0.0.0/27")), encoding="utf-8")

    assert await desk.run("plan", "-f", str(file), "--delete", "a") == 0
    assert "No Service's address would change." in desk.out

    assert await desk.run("plan", "--delete", "a") == CHANGES
    assert desk.line("default/app1").startswith("default/app1 10.0.0.5 - loses its address")


async def test_plan_from_standard_input(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What kubectl prints, a list, by a pipe → read as a file is."""
    desk.pool("a", "10.0.0.0/28")
    desk.service("app1", "10.0.0.5")
    listed = {"apiVersion": "v1", "kind": "List", "items": [pool("a", "10.0.0.8/29")]}
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump(listed)))

    assert await desk.run("plan", "-f", "-") == CHANGES
    assert desk.line("default/app1") == "default/app1 10.0.0.5 10.0.0.8 moves"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Service", "has no CiliumLoadBalancerIPPool"),
        ("kind: [", "is not YAML"),
        (yaml.safe_dump(pool("a", block=[])), "no field spec.block; did you mean blocks?"),
        (yaml.safe_dump(pool("a", disabled="no")), "CiliumLoadBalancerIPPool a: spec.disabled"),
    ],
)
async def test_plan_of_what_is_no_pool(desk: Desk, text: str, words: str) -> None:
    """A file that is not what it should be → one sentence that names it, and 2."""
    file = desk.directory / "pool.yaml"
    file.write_text(text, encoding="utf-8")
    assert await desk.run("plan", "-f", str(file)) == 2
    assert str(file) in desk.err
    assert words in desk.err


async def test_plan_of_nothing(desk: Desk) -> None:
    """No file, a missing file, a pool that is not there → what to do about it, and 2."""
    assert await desk.run("plan") == 2
    assert "-f pool.yaml" in desk.err
    assert await desk.run("plan", "-f", str(desk.directory / "none.yaml")) == 2
    assert "none.yaml cannot be read: No such file" in desk.err
    assert await desk.run("plan", "--delete", "none") == 2
    assert "there is no pool none" in desk.err


async def test_colours_for_people_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal → colours; a pipe, or $NO_COLOR → none."""
    desk.pool("a", "10.0.0.0/28")
    await desk.run()
    assert "\x1b[" not in desk.out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    await desk.run()
    assert "\x1b[32mgives addresses\x1b[0m" in desk.out
    monkeypatch.setenv("NO_COLOR", "1")
    await desk.run()
    assert "\x1b[" not in desk.out
