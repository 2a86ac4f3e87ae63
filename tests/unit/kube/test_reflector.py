"""A reflector keeps the core's view of one kind true through all that an API server does."""

import time
from dataclasses import replace
from typing import Any

from structlog.testing import capture_logs

from l2announcer.core.facts import Gone, Seen
from l2announcer.core.model import Key, Kind, Service
from l2announcer.kube.client import Client
from l2announcer.kube.pace import PACE, Backoff
from l2announcer.kube.reflector import State
from l2announcer.kube.resources import table
from tests.fakes.apiserver import ApiServer
from tests.fakes.faults import Action, Fault
from tests.fakes.resources import LEASES, NODES, SERVICES
from tests.unit.kube.conftest import Connect
from tests.unit.kube.watched import BRISK, watching


def add(server: ApiServer, name: str, **labels: str) -> None:
    body = {"metadata": {"name": name, "labels": labels}, "spec": {"ports": [{"port": 80}]}}
    server.store.create(SERVICES, body, namespace="default", now=time.time())


def remove(server: ApiServer, name: str) -> None:
    server.store.delete(SERVICES, namespace="default", name=name, now=time.time())


def lists_asked(server: ApiServer, resource: str = "services") -> int:
    return server.requests["list", resource]


async def test_pages_then_changes(server: ApiServer, client: Client) -> None:
    for number in range(4):
        add(server, f"s{number}")
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: watched.reflector.listed)
        assert lists_asked(server) >= 3
        assert len(watched.facts) == 1
        assert watched.names == {"kubernetes", "s0", "s1", "s2", "s3"}
        await watched.until(lambda: watched.reflector.state is State.WATCHING)
        add(server, "new")
        await watched.until(lambda: "new" in watched.names)
        remove(server, "s0")
        await watched.until(lambda: watched.deleted == [Key("default", "s0")])
        gone = watched.facts[-1]
        assert isinstance(gone, Gone)
        assert gone.version == str(server.store.version)
        seen = next(fact for fact in watched.facts if isinstance(fact, Seen))
        assert isinstance(seen.object, Service)
        assert seen.object.key == Key("default", "new")


async def test_services_of_another_proxy_are_never_seen(server: ApiServer, client: Client) -> None:
    label = "service.kubernetes.io/service-proxy-name"
    add(server, "plain")
    add(server, "theirs", **{label: "theirs"})
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: watched.reflector.listed)
        assert watched.names == {"kubernetes", "plain"}
    only = table(lease_namespace="l", lease_prefixes=(), service_proxy_name="theirs")
    async with watching(client, Kind.SERVICE, resource=only[Kind.SERVICE]) as watched:
        await watched.until(lambda: watched.reflector.listed)
        assert watched.names == {"theirs"}


async def test_every_node(server: ApiServer, client: Client) -> None:
    for name in ("worker", "worker2"):
        server.store.create(NODES, {"metadata": {"name": name}}, now=time.time())
    async with watching(client, Kind.NODE) as watched:
        await watched.until(lambda: watched.reflector.listed)
        assert watched.names == {"worker", "worker2"}


async def test_only_leases_of_ours(server: ApiServer, client: Client) -> None:
    names = ("cilium-l2announce-a-b", "kube-scheduler", "l2announcer-controller")
    for name in names[:2]:
        body = {"metadata": {"name": name}, "spec": {"holderIdentity": "x"}}
        server.store.create(LEASES, body, namespace="kube-system", now=time.time())
    async with watching(client, Kind.LEASE) as watched:
        await watched.until(lambda: watched.reflector.state is State.WATCHING)
        assert watched.names == {names[0]}
        server.store.create(
            LEASES, {"metadata": {"name": names[2]}}, namespace="kube-system", now=time.time()
        )
        server.store.delete(LEASES, namespace="kube-system", name=names[1], now=time.time())
        server.store.delete(LEASES, namespace="kube-system", name=names[0], now=time.time())
        await watched.until(lambda: watched.deleted == [Key("kube-system", names[0])])
        assert watched.names == {names[2]}


async def test_watch_that_ends_is_resumed_without_a_list(server: ApiServer, client: Client) -> None:
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: server.requests["watch", "services"] == 1)
        for number in range(3):
            server.watches.close()
            add(server, f"s{number}")
            await watched.until(lambda name=f"s{number}": name in watched.names)  # type: ignore[misc]
        assert len(watched.lists) == 1
        assert server.requests["watch", "services"] == 4
        # each change was told once: a watch begins behind the last event, not behind the list
        assert len([fact for fact in watched.facts if isinstance(fact, Seen)]) == 3


async def test_watch_that_breaks_off_is_followed_by_a_list(
    server: ApiServer, client: Client
) -> None:
    """What was on the other end may be gone, and what is there now may know less."""
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: server.requests["watch", "services"] == 1)
        server.watches.close(abruptly=True)
        await watched.until(lambda: len(watched.lists) == 2)
        await watched.until(lambda: server.requests["watch", "services"] == 2)
        add(server, "new")
        await watched.until(lambda: "new" in watched.names)
        assert len(watched.lists) == 2


async def test_bookmark_is_a_version_to_resume_from(server: ApiServer, client: Client) -> None:
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: server.requests["watch", "services"] == 1)
        server.store.create(NODES, {"metadata": {"name": "other"}}, now=time.time())
        # the first bookmark from now on may have been on its way before; the second was not
        for _ in range(2):
            confirmed_at = watched.reflector.last_confirmed_at
            await watched.until(
                lambda then=confirmed_at: watched.reflector.last_confirmed_at > then  # type: ignore[misc]
            )
        for kind in server.store._tables:
            kind.history.compact(server.store.version)
        server.watches.close()
        add(server, "new")
        await watched.until(lambda: "new" in watched.names)
        assert len(watched.lists) == 1


async def test_expired_version_leads_to_a_fresh_list(server: ApiServer, client: Client) -> None:
    add(server, "old")
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: server.requests["watch", "services"] == 1)
        fault = server.faults.plant(Fault(action=Action.REFUSE, verbs={"watch"}))
        server.watches.close(abruptly=True)
        remove(server, "old")
        add(server, "new")
        server.store.compact()
        assert watched.names == {"kubernetes", "old"}
        server.faults.planted.remove(fault)
        await watched.until(lambda: watched.names == {"kubernetes", "new"})
        assert len(watched.lists) == 2
        assert not watched.deleted


async def test_error_event_in_a_watch(server: ApiServer, client: Client) -> None:
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: server.requests["watch", "services"] == 1)
        server.faults.watches_stalled = True
        add(server, "new")
        server.store.compact()
        server.faults.watches_stalled = False
        server.watches.wake()
        await watched.until(lambda: "new" in watched.names)
        assert len(watched.lists) == 2


async def test_page_that_expired_restarts_the_list(server: ApiServer, client: Client) -> None:
    for number in range(3):
        add(server, f"s{number}")
    asked = 0
    request = client.request

    async def compacting(*args: Any, **named: Any) -> bytes:
        nonlocal asked
        asked += 1
        if asked == 2:
            server.store.compact()
        return await request(*args, **named)

    client.request = compacting  # type: ignore[method-assign]
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: watched.reflector.listed)
        assert watched.names == {"kubernetes", "s0", "s1", "s2"}
        assert len(watched.lists) == 1
        assert asked >= 4


async def test_server_that_restarts(server: ApiServer, client: Client) -> None:
    add(server, "before")
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: server.requests["watch", "services"] == 1)
        port = server.port
        with capture_logs() as logs:
            await server.stop()
            await watched.until(lambda: watched.reflector.problem != "")
            assert "does not answer" in watched.reflector.problem
            assert client.server in watched.reflector.problem
            assert client.server not in watched.reflector.brief
            assert watched.names == {"kubernetes", "before"}
            add(server, "meanwhile")
            await server.start(port=port)
            await watched.until(lambda: "meanwhile" in watched.names)
        assert watched.reflector.problem == ""
        # what it was restarted with may be older than what we know: it is listed afresh
        assert len(watched.lists) == 2
        events = [entry["event"] for entry in logs]
        assert events.count("cannot read from the API server") == 1
        assert events.count("reads from the API server again") == 1


async def test_silent_watch_is_given_up(server: ApiServer, client: Client) -> None:
    async with watching(client, Kind.SERVICE, pace=replace(BRISK, idle_seconds=0.2)) as watched:
        await watched.until(lambda: server.requests["watch", "services"] == 1)
        server.faults.watches_stalled = True
        add(server, "unheard")
        await watched.until(lambda: server.requests["watch", "services"] > 1)
        server.faults.watches_stalled = False
        await watched.until(lambda: "unheard" in watched.names)


async def test_bookmarks_confirm_the_view(client: Client) -> None:
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: watched.reflector.listed)
        confirmed_at = watched.reflector.last_confirmed_at
        await watched.until(lambda: watched.reflector.last_confirmed_at > confirmed_at)
        assert len(watched.facts) == 1


async def test_denied_list_names_the_right_and_the_cure(server: ApiServer, client: Client) -> None:
    server.denied.add(("list", "leases"))
    async with watching(client, Kind.LEASE) as watched:
        await watched.until(lambda: watched.reflector.problem != "")
        problem = watched.reflector.problem
        assert problem.startswith("not permitted to list leases in namespace kube-system:")
        assert "config/rbac.yaml" in problem
        assert not watched.reflector.listed
        server.denied.clear()
        await watched.until(lambda: watched.reflector.listed)
        assert watched.reflector.problem == ""


async def test_denied_watch_keeps_what_was_listed(server: ApiServer, client: Client) -> None:
    server.denied.add(("watch", "services"))
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: "not permitted to watch" in watched.reflector.problem)
        assert watched.names == {"kubernetes"}
        add(server, "new")
        server.denied.clear()
        await watched.until(lambda: "new" in watched.names)
        assert lists_asked(server) == 1


async def test_wrong_token_says_so(connected: Connect) -> None:
    async with (
        ApiServer(token="right") as server,
        connected(server.url, token="wrong") as client,
        watching(client, Kind.SERVICE) as watched,
    ):
        await watched.until(lambda: watched.reflector.problem != "")
        assert "does not accept our credentials" in watched.reflector.problem


async def test_nothing_is_watched_without_a_version(server: ApiServer, client: Client) -> None:
    server.faults.plant(Fault(action=Action.ANSWER, code=503, verbs={"list"}, times=5))
    async with watching(client, Kind.SERVICE) as watched:
        await watched.until(lambda: watched.reflector.listed)
        assert lists_asked(server) == 6
        assert server.requests["watch", "services"] <= 1


def test_backoff_doubles_up_to_a_limit_and_is_spread() -> None:
    longest = Backoff(PACE, lambda: 1.0)
    assert [longest.take() for _ in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]
    longest.reset()
    assert longest.take() == 0.5
    assert Backoff(PACE, lambda: 0.0).take() == 0.25
