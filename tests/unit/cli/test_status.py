"""`l2announcer status` and `explain`: what they make of a real /status, and of no answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from l2announcer.cli import main
from l2announcer.core import explain
from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.facts import Links, Listed, Object
from l2announcer.core.model import Holding, Key, Kind, Node, Service
from l2announcer.core.terms import Terms
from l2announcer.web.status import routes


@dataclass
class Daemon:
    """A daemon of which only /status is there, and what a command printed that asked it."""

    status: dict[str, Any]
    capture: pytest.CaptureFixture[str]
    url: str = ""
    out: str = ""
    err: str = ""
    runner: web.AppRunner = field(init=False)

    async def start(self) -> None:
        app = web.Application()
        app.add_routes(routes(lambda: self.status, public=False))
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def run(self, *arguments: str) -> int:
        code = await asyncio.to_thread(main, [*arguments, "--node-url", self.url])
        self.out, self.err = self.capture.readouterr()
        return code

    @property
    def lines(self) -> list[str]:
        """What was printed, with one space between columns."""
        return [" ".join(line.split()) for line in self.out.splitlines()]


ANNOUNCED = {
    "state": "announcing",
    "why": "10.0.0.1 on eth0",
    "addresses": [{"address": "10.0.0.1", "interface": "eth0"}],
    "leftOut": ["policy p2: nodeSelector does not match node worker"],
    "leaving": ["Node worker: is cordoned"],
    "conflict": "02:00:00:00:00:09 claimed 10.0.0.1 on eth0",
    "lease": {
        "name": "cilium-l2announce-default-app1",
        "holder": "worker",
        "transitions": 3,
        "tenureSeconds": 12.34,
        "problem": "",
    },
}


@pytest.fixture
async def daemon(capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Daemon]:
    """One with a Service that no policy selects, as the core tells it, and one that it answers."""
    terms = Terms(node="worker", namespace="kube-system", holding=Holding(boot="b", netns=1))
    core = Announcer(Config(terms=terms))
    blue = Service(key=Key("web", "blue"), type="LoadBalancer", resource_version="9")
    listed: dict[Kind, tuple[Object, ...]] = {
        Kind.SERVICE: (blue,),
        Kind.NODE: (Node(key=Key("", "worker")),),
    }
    for kind in Kind:
        core.handle(Listed(kind, listed.get(kind, ()), "10"), 1.0)
    core.handle(Links(()), 1.0)
    core.poll(1.0, 1_700_000_000.0)
    status = explain.status(core, 1.0)
    services = status["services"]
    assert isinstance(services, dict)
    made = Daemon({**status, "services": {**services, "default/app1": ANNOUNCED}}, capsys)
    await made.start()
    yield made
    await made.runner.cleanup()


async def test_status(daemon: Daemon) -> None:
    """One Service is announced, one is not → a line for each, with the holder and the reason."""
    assert await daemon.run("status") == 0
    assert daemon.lines[0] == "node worker; the controller is nobody"
    assert (
        "default/app1 announcing 10.0.0.1%eth0 worker 10.0.0.1 on eth0; "
        "02:00:00:00:00:09 claimed 10.0.0.1 on eth0"
    ) in daemon.lines
    (blue,) = [line for line in daemon.lines if line.startswith("web/blue")]
    assert blue.startswith(
        "web/blue not selected - - policies: no CiliumL2AnnouncementPolicy exists"
    )


async def test_status_of_one_namespace(daemon: Daemon) -> None:
    """Only the Services of the namespace asked for."""
    assert await daemon.run("status", "-n", "web") == 0
    assert "web/blue" in daemon.out
    assert "default/app1" not in daemon.out


async def test_what_is_wrong_with_the_node_comes_first(daemon: Daemon) -> None:
    """Something is not listed yet, an interface is not served → told above the table."""
    daemon.status |= {
        "waitingFor": ["pools"],
        "interfaceTroubles": {"eth1": "no such device"},
        "leaving": ["Node worker: is cordoned", "Node worker: is not ready"],
        "degraded": ["interface eth1: is down"],
    }
    assert await daemon.run("status") == 0
    assert "waiting for the first list of: pools" in daemon.lines
    assert "interface eth1 is not served: no such device" in daemon.lines
    assert "it is leaving: Node worker: is cordoned; Node worker: is not ready" in daemon.lines
    assert "it is degraded: interface eth1: is down" in daemon.lines


async def test_explain(daemon: Daemon) -> None:
    """A Service in default, named alone → everything, a line for each fact."""
    assert await daemon.run("explain", "app1") == 0
    assert daemon.lines == [
        "default/app1 on node worker: announcing",
        "why 10.0.0.1 on eth0",
        "Lease cilium-l2announce-default-app1, held by worker, for 12.3 s more",
        "leaving Node worker: is cordoned",
        "conflict 02:00:00:00:00:09 claimed 10.0.0.1 on eth0",
        "left out policy p2: nodeSelector does not match node worker",
    ]


async def test_explain_what_is_not_there(daemon: Daemon) -> None:
    """No such Service → 1, and the name that was meant, or where they are listed."""
    assert await daemon.run("explain", "web/bleu") == 1
    assert "knows no Service web/bleu; did you mean web/blue?" in daemon.err
    assert await daemon.run("explain", "zzz/qqq") == 1
    assert "'l2announcer status' lists them" in daemon.err


@pytest.mark.parametrize("command", [("status",), ("explain", "app1")])
async def test_no_answer(daemon: Daemon, command: tuple[str, ...]) -> None:
    """Nobody listens, or it is somebody else → one sentence with the URL and what to do, and 1."""
    daemon.status = {"node": "worker"}
    assert await daemon.run(*command) == 1
    assert f"{daemon.url} answers, but not as an l2announcer does" in daemon.err
    await daemon.runner.cleanup()
    assert await daemon.run(*command) == 1
    assert f"{daemon.url} does not answer" in daemon.err
    assert "--node-url" in daemon.err


async def test_refused(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """From afar, and the node does not say so to everybody → what it says of that, and 1."""
    monkeypatch.setattr("l2announcer.web.status.is_loopback", lambda _: False)
    assert await daemon.run("status") == 1
    assert "says 403: /status answers to this machine's loopback addresses only" in daemon.err
    assert "statusPublic: true" in daemon.err
