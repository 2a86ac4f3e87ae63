"""The log: structlog to standard error, as JSON lines or lines for people; libraries join in.

Under systemd each JSON line begins with its level as `<N>` (sd-daemon(3)), which the journal takes
off again; `journalctl -p warning` then works.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from l2announcer import clock
from l2announcer.settings import LogFormat, LogLevel

_LEVELS = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}
# syslog(3); structlog's name of the level to its number.
_SYSLOG = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


def configure(
    form: LogFormat, level: LogLevel, *, environ: Mapping[str, str], stream: TextIO
) -> None:
    """Set up the log of this process; `stream` is where it goes.

    Loggers of libraries (aiohttp, kubernetes_asyncio, asyncio, warnings) are heard from level
    warning on, or from `level` where that is higher.
    """
    on_terminal = stream.isatty()
    console = form is LogFormat.CONSOLE or (form is LogFormat.AUTO and on_terminal)
    shape = (
        _for_people(colours=on_terminal and not environ.get("NO_COLOR"))
        if console
        else _for_programs(prefixed=_is_journal(stream, environ))
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, _timestamp, *shape],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(capture=True)
    logging.basicConfig(
        level=max(logging.WARNING, _LEVELS[level]), handlers=[_Libraries()], force=True
    )


class _Libraries(logging.Handler):
    """Passes what libraries log through the standard module on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno,
            record.getMessage(),
            logger=record.name,
            **({"exc_info": record.exc_info} if record.exc_info else {}),
        )


def _for_people(*, colours: bool) -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _for_programs(*, prefixed: bool) -> list[Processor]:
    render = structlog.processors.JSONRenderer(default=str)
    return [
        structlog.processors.format_exc_info,
        _in_order,
        _prefixing(render) if prefixed else render,
    ]


def _prefixing(
    render: structlog.processors.JSONRenderer,
) -> Callable[[WrappedLogger, str, EventDict], str]:
    def prefixed(logger: WrappedLogger, name: str, event: EventDict) -> str:
        number = _SYSLOG[event["level"]]
        return f"<{number}>{render(logger, name, event)!s}"

    return prefixed


def _timestamp(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    moment = datetime.fromtimestamp(clock.wall(), UTC).isoformat(timespec="milliseconds")
    event["timestamp"] = moment.replace("+00:00", "Z")
    return event


def _in_order(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """What every line has comes first, so that lines can be read by eye."""
    first = {key: event[key] for key in ("timestamp", "level", "event")}
    return {**first, **event}


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """systemd.exec(5): JOURNAL_STREAM is device and inode of the stream it connected."""
    name = environ.get("JOURNAL_STREAM")
    if not name:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return name == f"{found.st_dev}:{found.st_ino}"
