"""How soon a reflector is up to date again after an outage, and how it spares a server."""

import time

import pytest

from l2announcer.core.facts import Listed
from l2announcer.core.model import Kind
from l2announcer.kube.client import Client
from l2announcer.kube.reflector import Reflector, State
from tests.fakes.apiserver import ApiServer
from tests.fakes.faults import Action, Fault
from tests.fakes.resources import SERVICES
from tests.unit.kube.watched import BRISK, TABLE, Watched, watching

GROWN_SECONDS = 60.0


async def watch_now(reflector: Reflector) -> None:
    """Watch without waiting for the delay, which is then as after many failures."""
    reflector.state = State.WATCHING
    reflector._backoff._next_seconds = GROWN_SECONDS
    await reflector.step()
    assert reflector.state is State.WAITING


async def test_a_version_that_a_restarted_server_forgot_does_not_prolong_the_outage(
    server: ApiServer, client: Client
) -> None:
    reflector = Watched(client, TABLE[Kind.SERVICE]).reflector
    await reflector.step()
    server.faults.plant(Fault(action=Action.ANSWER, code=503, verbs={"watch"}, times=1))
    await watch_now(reflector)
    assert reflector._delay_seconds >= GROWN_SECONDS / 2
    server.faults.plant(Fault(action=Action.ANSWER, code=410, verbs={"watch"}, times=1))
    await watch_now(reflector)
    assert reflector._delay_seconds <= BRISK.first_delay_seconds
    await reflector.step()
    assert reflector.state is State.LISTING


async def test_a_server_that_forgets_what_it_has_just_listed_is_spared(
    server: ApiServer, client: Client
) -> None:
    reflector = Watched(client, TABLE[Kind.SERVICE]).reflector
    await reflector.step()
    server.faults.plant(Fault(action=Action.ANSWER, code=410, verbs={"watch"}, times=2))
    await watch_now(reflector)
    assert reflector._delay_seconds >= GROWN_SECONDS / 2
    reflector.state = State.LISTING
    await reflector.step()
    await watch_now(reflector)
    assert reflector._delay_seconds >= GROWN_SECONDS / 2


def add(server: ApiServer, name: str) -> None:
    body = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
    server.store.create(SERVICES, body, namespace="default", now=time.time())


async def test_a_server_that_comes_back_with_an_older_store_is_believed(
    server: ApiServer, client: Client
) -> None:
    for number in range(50):
        add(server, f"lost{number}")
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: server.requests["watch", "services"] == 1)
        assert not any(fact.restored for fact in watched.facts if isinstance(fact, Listed))
        port = server.port
        await server.stop()
        await watched.until(lambda: watched.reflector.problem != "")
        restored = ApiServer()
        add(restored, "kept")
        await restored.start(port=port)
        try:
            await watched.until(lambda: watched.names == {"kubernetes", "kept"})
            assert isinstance(watched.facts[-1], Listed)
            assert watched.facts[-1].restored
            # though its version is one that was used before
            add(restored, "new")
            await watched.until(lambda: "new" in watched.names)
        finally:
            await restored.stop()


async def test_a_store_that_went_back_and_was_written_to_since_is_noticed_by_an_older_object(
    server: ApiServer, client: Client
) -> None:
    watched = Watched(client, TABLE[Kind.SERVICE])
    for number in range(50):
        add(server, f"other{number}")
    add(server, "kept")
    await watched.reflector.step()
    port = server.port
    await server.stop()
    restored = ApiServer()
    add(restored, "kept")
    for number in range(100):
        add(restored, f"new{number}")
    await restored.start(port=port)
    try:
        watched.reflector.state = State.LISTING
        await watched.reflector.step()
    finally:
        await restored.stop()
    before, after = watched.facts
    assert isinstance(before, Listed)
    assert isinstance(after, Listed)
    assert int(after.version) > int(before.version)
    assert after.restored


@pytest.mark.parametrize(("code", "state"), [(503, State.LISTING), (429, State.WATCHING)])
async def test_only_a_server_that_was_away_is_listed_afresh(
    server: ApiServer, client: Client, code: int, state: State
) -> None:
    reflector = Watched(client, TABLE[Kind.SERVICE]).reflector
    await reflector.step()
    server.faults.plant(Fault(action=Action.ANSWER, code=code, verbs={"watch"}, times=1))
    await reflector.step()
    assert reflector.state is State.WAITING
    await reflector.step()
    assert reflector.state is state
