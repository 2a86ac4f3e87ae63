"""The pump keeps at what could not be done at once; a process that fails is in no haste to end."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import cast

import pytest

from l2announcer import clock, daemon
from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.answers import AnswerTable
from l2announcer.core.model import Holding
from l2announcer.core.terms import Terms
from l2announcer.daemon import _Daemon
from l2announcer.inbox import Inbox
from l2announcer.kube.configuration import ConfigurationError
from l2announcer.kube.gateway import Gateway
from l2announcer.lan.packets import MissingRightError
from l2announcer.lan.responder import Responder
from l2announcer.metrics import Metrics
from l2announcer.observation import Observation
from l2announcer.settings import Settings
from l2announcer.systemd import Notifier


@pytest.mark.parametrize(
    ("error", "lived", "paused"),
    [
        (ConfigurationError("no way"), 0.5, 3.0),
        (ConfigurationError("no way"), 60.0, 0.0),
        (RuntimeError("a mistake of ours"), 0.5, 3.0),
        (MissingRightError(), 0.5, 0.0),
        (None, 0.5, 0.0),
    ],
)
def test_who_fails_soon_after_its_start_does_not_end_in_haste(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, lived: float, paused: float
) -> None:
    pauses: list[float] = []
    times = iter((100.0, 100.0 + lived))

    async def run(_: Settings) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr("l2announcer.daemon._run", run)
    monkeypatch.setattr(clock, "now", lambda: next(times))
    monkeypatch.setattr(clock, "wait", pauses.append)
    monkeypatch.setenv("NOTIFY_SOCKET", "@somebody")
    expected = pytest.raises(RuntimeError) if isinstance(error, RuntimeError) else nullcontext()
    with expected:
        daemon.run(cast("Settings", None))
    assert sum(pauses) == paused


class FailingTwice:
    """A responder that can't open an interface the first two times."""

    def __init__(self) -> None:
        self.installed: list[AnswerTable] = []
        self.served = asyncio.Event()
        self.troubles: dict[str, str] = {}

    def install(self, table: AnswerTable) -> None:
        self.installed.append(table)
        if len(self.installed) > 2:
            self.served.set()
        self.troubles = {} if self.served.is_set() else {"eth0": "Too many open files"}


async def test_an_interface_that_could_not_be_opened_is_tried_again_until_it_is() -> None:
    terms = Terms(node="a", namespace="kube-system", holding=Holding(boot="b", netns=1))
    announcer, fake = Announcer(Config(terms=terms)), FailingTwice()
    responder = cast("Responder", fake)
    observation = Observation(announcer, responder, now=clock.now)
    metrics = Metrics("0", tuple, tuple, tuple, tuple)
    gateway = cast("Gateway", None)  # nothing is asked of the cluster
    at_work = _Daemon(announcer, responder, gateway, Inbox(), observation, metrics)
    table = AnswerTable([], [], [])
    at_work.install(table)
    pumping = asyncio.create_task(at_work._pump(Notifier({"WATCHDOG_USEC": "20000"})))
    try:
        async with asyncio.timeout(10):
            await fake.served.wait()
        await asyncio.sleep(0.05)
    finally:
        pumping.cancel()
    assert fake.installed == [table] * 3
