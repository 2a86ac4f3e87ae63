"""The log: what a line holds in either form, and that libraries are heard."""

from __future__ import annotations

import io
import ipaddress
import json
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from l2announcer import logs
from l2announcer.settings import LogFormat, LogLevel


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The log is a process's: leave none of ours to other tests."""
    root = logging.getLogger()
    level, installed = root.level, list(root.handlers)
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = installed
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines_have_time_level_and_event_first() -> None:
    stream = io.StringIO()
    logs.configure(LogFormat.AUTO, LogLevel.INFO, environ={}, stream=stream)
    address = ipaddress.ip_address("172.19.0.240")
    structlog.get_logger().info("announced", service="default/app1", address=address)
    (line,) = lines(stream)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert str(line.pop("timestamp"))[10::13] == "TZ"
    assert line == {
        "level": "info",
        "event": "announced",
        "service": "default/app1",
        "address": "172.19.0.240",
    }


def test_less_than_the_level_is_not_logged() -> None:
    stream = io.StringIO()
    logs.configure(LogFormat.JSON, LogLevel.WARNING, environ={}, stream=stream)
    structlog.get_logger().info("not this")
    structlog.get_logger().warning("but this")
    assert [line["event"] for line in lines(stream)] == ["but this"]


def test_libraries_are_heard_from_warning_on() -> None:
    stream = io.StringIO()
    logs.configure(LogFormat.JSON, LogLevel.DEBUG, environ={}, stream=stream)
    logging.getLogger("aiohttp.server").info("chatter")
    logging.getLogger("aiohttp.server").warning("slow %s", "peer")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
    first, second = lines(stream)
    assert (first["level"], first["event"], first["logger"]) == (
        "warning",
        "slow peer",
        "aiohttp.server",
    )
    assert second["logger"] == "py.warnings"
    assert "old ways" in str(second["event"])


def test_libraries_keep_to_a_higher_level() -> None:
    stream = io.StringIO()
    logs.configure(LogFormat.JSON, LogLevel.ERROR, environ={}, stream=stream)
    logging.getLogger("asyncio").warning("slow callback")
    assert lines(stream) == []


def test_an_exception_stays_on_its_line() -> None:
    stream = io.StringIO()
    logs.configure(LogFormat.JSON, LogLevel.INFO, environ={}, stream=stream)
    try:
        Path("/proc/no such file").stat()
    except OSError:
        structlog.get_logger().exception("cannot open the interface")
        logging.getLogger("asyncio").exception("task failed")
    assert ["no such file" in str(line["exception"]) for line in lines(stream)] == [True, True]


def test_people_on_a_terminal_get_colours_unless_they_decline() -> None:
    shown = []
    for environ in ({}, {"NO_COLOR": "1"}):
        stream = Terminal()
        logs.configure(LogFormat.AUTO, LogLevel.INFO, environ=environ, stream=stream)
        structlog.get_logger().info("announced", service="default/app1")
        shown.append(stream.getvalue())
    assert "\x1b[" in shown[0]
    assert "\x1b[" not in shown[1]
    assert "service=default/app1" in shown[1]


def test_console_into_a_file_has_no_colours() -> None:
    stream = io.StringIO()
    logs.configure(LogFormat.CONSOLE, LogLevel.INFO, environ={}, stream=stream)
    structlog.get_logger().info("announced")
    assert "announced" in stream.getvalue()
    assert "\x1b[" not in stream.getvalue()


def test_the_journal_gets_the_level_as_a_prefix(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with path.open("w", encoding="utf-8") as stream:
        found = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        logs.configure(LogFormat.AUTO, LogLevel.INFO, environ=environ, stream=stream)
        structlog.get_logger().warning("lost")
        logs.configure(
            LogFormat.AUTO, LogLevel.INFO, environ={"JOURNAL_STREAM": "1:1"}, stream=stream
        )
        structlog.get_logger().warning("lost")
    prefixed, plain = path.read_text(encoding="utf-8").splitlines()
    assert prefixed.startswith("<4>{")
    assert plain.startswith("{")
