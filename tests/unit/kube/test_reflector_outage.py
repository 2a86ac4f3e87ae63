"""How soon a reflector is up to date again after an outage, and how it spares a server."""

from l2announcer.core.model import Kind
from l2announcer.kube.client import Client
from l2announcer.kube.reflector import Reflector, State
from tests.fakes.apiserver import ApiServer
from tests.fakes.faults import Action, Fault
from tests.unit.kube.watched import BRISK, TABLE, Watched

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
