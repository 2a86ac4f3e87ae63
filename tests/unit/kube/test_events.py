"""Events reach the objects that they are about, counted, and never hold up anything else."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from l2announcer.core.effects import Event
from l2announcer.core.model import Key, Kind
from l2announcer.kube.client import Client
from l2announcer.kube.events import (
    BEHIND_SECONDS,
    CROWD,
    CROWDED_SECONDS,
    QUEUE_LIMIT,
    Recorder,
)
from tests.fakes.apiserver import ApiServer
from tests.fakes.faults import Action, Fault
from tests.fakes.resources import EVENTS
from tests.unit.kube.watched import TABLE

MOMENT = 1_772_359_200.25  # 2026-03-01T10:00:00.25Z
EVENT = Event(
    kind=Kind.SERVICE,
    key=Key("default", "app1"),
    uid="u-1",
    reason="Announced",
    message="this node answers for 172.19.0.240 on eth0",
)


@pytest.fixture
async def recorder(client: Client) -> AsyncIterator[Recorder]:
    """A recorder at work."""
    recorder = Recorder(
        client,
        resources=TABLE,
        group_version=lambda kind: TABLE[kind].group_versions[0],
        node_name="worker",
        wall=lambda: MOMENT,
    )
    task = asyncio.create_task(recorder.run())
    yield recorder
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def posted(server: ApiServer) -> list[dict[str, Any]]:
    return server.store.list(EVENTS).items


async def test_what_is_told_of_goes_first(server: ApiServer, recorder: Recorder) -> None:
    recorder.record(EVENT)
    assert not await recorder.flush(BEHIND_SECONDS / 2)
    assert posted(server) == []
    assert await recorder.flush(5)
    assert len(posted(server)) == 1


async def test_event_about_a_service(server: ApiServer, recorder: Recorder) -> None:
    recorder.record(EVENT)
    assert await recorder.flush(5)
    (event,) = posted(server)
    metadata = event.pop("metadata")
    assert event.pop("eventTime") is None
    assert metadata["name"].startswith("app1.")
    assert metadata["namespace"] == "default"
    assert event == {
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Service",
            "name": "app1",
            "namespace": "default",
            "uid": "u-1",
        },
        "type": "Normal",
        "reason": "Announced",
        "message": "this node answers for 172.19.0.240 on eth0",
        "source": {"component": "l2announcer", "host": "worker"},
        "reportingComponent": "l2announcer",
        "reportingInstance": "worker",
        "firstTimestamp": "2026-03-01T10:00:00Z",
        "lastTimestamp": "2026-03-01T10:00:00Z",
        "count": 1,
    }


async def test_event_about_a_policy(server: ApiServer, recorder: Recorder) -> None:
    key = Key("", "a" * 250)
    recorder.record(Event(Kind.POLICY, key, "u", "BadSelector", "m", warning=True))
    assert await recorder.flush(5)
    (event,) = posted(server)
    assert event["metadata"]["namespace"] == "default"
    assert len(event["metadata"]["name"]) <= 253
    assert event["type"] == "Warning"
    about = event["involvedObject"]
    assert (about["apiVersion"], about["kind"]) == (
        "cilium.io/v2alpha1",
        "CiliumL2AnnouncementPolicy",
    )
    assert about["name"] == key.name


async def test_repeats_are_counted(server: ApiServer, recorder: Recorder) -> None:
    for _ in range(3):
        recorder.record(EVENT)
    recorder.record(Event(Kind.SERVICE, EVENT.key, "u-1", "Announced", "something else"))
    assert await recorder.flush(5)
    assert sorted(event["count"] for event in posted(server)) == [1, 3]


async def test_repeat_of_one_that_expired_is_posted_afresh(
    server: ApiServer, recorder: Recorder
) -> None:
    recorder.record(EVENT)
    assert await recorder.flush(5)
    (old,) = posted(server)
    name = old["metadata"]["name"]
    server.store.delete(EVENTS, namespace="default", name=name, now=MOMENT)
    recorder.record(EVENT)
    assert await recorder.flush(5)
    (new,) = posted(server)
    assert new["metadata"]["name"] != name
    assert new["count"] == 1


async def test_failure_loses_one_event_and_is_told_once(
    server: ApiServer, recorder: Recorder
) -> None:
    server.faults.plant(Fault(action=Action.ANSWER, code=403, times=2))
    with capture_logs() as logs:
        for _ in range(3):
            recorder.record(EVENT)
        assert await recorder.flush(5)
    assert [entry["event"] for entry in logs] == ["an Event is lost"]
    assert [event["count"] for event in posted(server)] == [1]


async def test_flush_is_bounded_and_so_is_the_queue(server: ApiServer, recorder: Recorder) -> None:
    server.faults.plant(Fault(action=Action.HANG))
    with capture_logs() as logs:
        for number in range(QUEUE_LIMIT + 10):
            recorder.record(Event(Kind.SERVICE, EVENT.key, "u", "R", str(number)))
        async with asyncio.timeout(2):
            assert not await recorder.flush(0.05)
    assert [entry["event"] for entry in logs] == ["an Event is lost"]


def crowd(recorder: Recorder, size: int) -> None:
    for number in range(size):
        recorder.record(Event(Kind.SERVICE, EVENT.key, "u", "R", str(number)))


async def test_a_crowd_of_events_is_posted_slowly(server: ApiServer, recorder: Recorder) -> None:
    """Three more than may follow one another → three pauses, and none is lost."""
    began_at = time.monotonic()
    crowd(recorder, CROWD + 3)
    assert await recorder.flush(5)
    assert time.monotonic() - began_at >= 3 * CROWDED_SECONDS
    assert len(posted(server)) == CROWD + 3


async def test_a_long_crowd_is_told_of_once(server: ApiServer, recorder: Recorder) -> None:
    """Some are posted in between, and again there are too many → still the same trouble."""
    with capture_logs() as logs:
        crowd(recorder, QUEUE_LIMIT + 1)
        async with asyncio.timeout(5):
            while len(posted(server)) < 2:  # noqa: ASYNC110  the fake tells nobody
                await asyncio.sleep(0.005)
        crowd(recorder, QUEUE_LIMIT)
    assert [entry["event"] for entry in logs] == ["an Event is lost"]
