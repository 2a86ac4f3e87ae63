"""`l2announcer run`: read the settings, then be the daemon until a signal."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from l2announcer.settings import (
    CONFIG_VARIABLE,
    OPTIONS,
    File,
    Settings,
    WrongSettingsError,
    load,
)

SUMMARY = "run the daemon of this node"

_ABOUT = """\
Runs the daemon of this node, in the foreground, until SIGTERM or SIGINT: then it falls silent,
gives up its Leases so that another node answers at once, and ends.

Each setting is a flag, an environment variable or a key of the YAML file (--config). A flag wins
over the environment, that over the file, and the file over the default. An empty value counts as
not given. Durations: 15s, 200ms, 1m30s.
"""

_MORE = """\
rights that it needs:
  CAP_NET_RAW on the node, in the network namespace of the host
  the API server: see the ClusterRole in the project's config/

signals: the first SIGTERM or SIGINT stops it in order, a second one at once
exit codes: 0 stopped as asked, 1 failed (the last line of the log says why), 2 wrong settings,
  or a right is missing: starting again will not help
"""


def describe(parser: argparse.ArgumentParser) -> None:
    """Give the command's parser its help and arguments."""
    parser.usage = "l2announcer run [--config file] [--setting value ...]"
    parser.description = _ABOUT
    parser.epilog = _MORE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--config", metavar="file", help=f"a YAML file with settings [{CONFIG_VARIABLE}]"
    )
    for topic, options in groupby(OPTIONS, key=lambda option: option.topic):
        group = parser.add_argument_group(topic.value)
        for option in options:
            facts = f"default: {option.default_text}; {', '.join(option.variables)}; {option.key}"
            group.add_argument(
                option.flag,
                dest=option.name,
                metavar=option.kind.name,
                help=f"{option.explanation} [{facts}]".replace("%", "%%"),
            )
    parser.set_defaults(execute=execute)


def known_flags() -> list[str]:
    """For a hint where a flag is misspelt."""
    return ["--config", *(option.flag for option in OPTIONS)]


def execute(arguments: argparse.Namespace) -> int:
    try:
        settings = _settings(vars(arguments))
    except WrongSettingsError as error:
        for problem in error.problems:
            print(f"l2announcer: {problem}", file=sys.stderr)
        return 2
    # Here, since help and wrong settings should not take the time to load the whole daemon.
    from l2announcer import daemon, logs  # noqa: PLC0415

    logs.configure(settings.log_format, settings.log_level, environ=os.environ, stream=sys.stderr)
    return daemon.run(settings)


def _settings(arguments: Mapping[str, str | None]) -> Settings:
    name = arguments["config"] or os.environ.get(CONFIG_VARIABLE)
    flags = {option.name: arguments[option.name] for option in OPTIONS}
    return load(
        flags={name: text for name, text in flags.items() if text is not None},
        environ=os.environ,
        file=_read(name) if name else None,
        host_name=socket.gethostname(),
    )


def _read(name: str) -> File:
    try:
        return File(name, Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"the settings file {name} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = f"the settings file {name} is not text in UTF-8"
    raise WrongSettingsError((f"{problem} (named by --config or {CONFIG_VARIABLE})",))
