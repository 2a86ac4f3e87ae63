"""sd_notify on real datagram sockets, by path and by abstract name."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from l2announcer.systemd import PAUSE_SECONDS, SOON_SECONDS, Notifier, pause_seconds


@pytest.fixture(params=["path", "abstract"])
def supervisor(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[socket.socket, str]]:
    """What systemd does: a socket, and its name as NOTIFY_SOCKET has it."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(5)
        receiver.bind(path if request.param == "path" else "\0" + path)
        yield receiver, path if request.param == "path" else "@" + path


def test_messages_arrive_as_systemd_knows_them(supervisor: tuple[socket.socket, str]) -> None:
    receiver, name = supervisor
    with Notifier({"NOTIFY_SOCKET": name}) as notifier:
        notifier.ready()
        notifier.status("2 of 5 Services\nheld")
        notifier.watchdog()
        notifier.stopping()
    assert [receiver.recv(100) for _ in range(4)] == [
        b"READY=1",
        b"STATUS=2 of 5 Services held",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


def test_what_is_told_already_is_not_told_again(supervisor: tuple[socket.socket, str]) -> None:
    receiver, name = supervisor
    with Notifier({"NOTIFY_SOCKET": name}) as notifier:
        for text in ("one", "one", "two", "two", "one"):
            notifier.ready()
            notifier.status(text)
        notifier.stopping()
    assert [receiver.recv(100) for _ in range(5)] == [
        b"READY=1",
        b"STATUS=one",
        b"STATUS=two",
        b"STATUS=one",
        b"STOPPING=1",
    ]


def test_what_was_not_delivered_is_told_again(supervisor: tuple[socket.socket, str]) -> None:
    receiver, name = supervisor
    receiver.setblocking(False)
    with Notifier({"NOTIFY_SOCKET": name}) as notifier:
        for _ in range(10_000):  # far beyond any queue
            notifier.watchdog()
        notifier.ready()
        notifier.status("one")
        assert set(drained(receiver)) == {b"WATCHDOG=1"}
        notifier.ready()
        notifier.status("one")
    assert drained(receiver) == [b"READY=1", b"STATUS=one"]


def drained(receiver: socket.socket) -> list[bytes]:
    said = []
    with suppress(BlockingIOError):
        while True:
            said.append(receiver.recv(100))
    return said


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_socket_nothing_happens(environ: dict[str, str]) -> None:
    with Notifier(environ) as notifier:
        notifier.ready()
        notifier.watchdog()
        assert notifier.watchdog_interval_seconds is None


def test_a_supervisor_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    with Notifier({"NOTIFY_SOCKET": str(tmp_path / "never-there")}) as notifier:
        notifier.watchdog()
    path = str(tmp_path / "closed")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
    with Notifier({"NOTIFY_SOCKET": path}) as notifier:
        notifier.watchdog()


def test_a_supervisor_that_cannot_be_reached_does_no_harm(tmp_path: Path) -> None:
    path = str(tmp_path / "stream")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as another_kind:
        another_kind.bind(path)
        for name in (path, f"/{'long' * 50}"):
            with Notifier({"NOTIFY_SOCKET": name}) as notifier:
                notifier.watchdog()


def test_a_supervisor_that_does_not_read_does_not_block(
    supervisor: tuple[socket.socket, str],
) -> None:
    receiver, name = supervisor
    with Notifier({"NOTIFY_SOCKET": name}) as notifier:
        for _ in range(10_000):  # far beyond any queue
            notifier.watchdog()
    assert receiver.recv(100) == b"WATCHDOG=1"


def test_the_watchdog_is_fed_twice_as_often_as_asked() -> None:
    environ = {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    assert Notifier(environ).watchdog_interval_seconds == 15
    assert Notifier({"WATCHDOG_USEC": "3000000"}).watchdog_interval_seconds == 1.5


@pytest.mark.parametrize(
    "environ",
    [
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
    ],
)
def test_no_watchdog_that_is_not_ours(environ: dict[str, str]) -> None:
    assert Notifier(environ).watchdog_interval_seconds is None


def test_only_who_is_started_again_at_once_waits_before_it_ends() -> None:
    assert pause_seconds({"NOTIFY_SOCKET": "@name"}, 1.0) == PAUSE_SECONDS
    assert pause_seconds({"NOTIFY_SOCKET": "@name"}, SOON_SECONDS) == 0
    assert pause_seconds({}, 1.0) == 0
