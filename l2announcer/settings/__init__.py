"""Settings: every option once, read from flags, environment and a file. Pure: given its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from l2announcer.settings.options import (
    OPTIONS,
    DefaultLbServiceIpam,
    HoldOver,
    IpamStandby,
    LeaseMode,
    LogFormat,
    LogLevel,
    Option,
    Settings,
)
from l2announcer.settings.rules import broken
from l2announcer.settings.sources import (
    CONFIG_VARIABLE,
    File,
    Source,
    from_environ,
    from_file,
    from_flags,
    suggestion,
)
from l2announcer.settings.values import NAME, ListenAddress

__all__ = [
    "CONFIG_VARIABLE",
    "OPTIONS",
    "DefaultLbServiceIpam",
    "File",
    "HoldOver",
    "IpamStandby",
    "LeaseMode",
    "ListenAddress",
    "LogFormat",
    "LogLevel",
    "Option",
    "Settings",
    "WrongSettingsError",
    "load",
    "suggestion",
]


class WrongSettingsError(Exception):
    """Each problem is a sentence that says where the setting stands and what is expected."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(
    *, flags: Mapping[str, str], environ: Mapping[str, str], file: File | None, host_name: str
) -> Settings:
    """Settings by precedence: flag, environment, file, default; an empty value is no value.

    `flags` are those that were given, by field of Settings. `host_name` is the node's name where
    nothing else names it. Raises WrongSettingsError with every problem that was found.
    """
    sources = (
        from_file(file) if file else Source({}, ()),
        from_environ(environ),
        from_flags(flags),
    )
    problems = [problem for source in sources for problem in source.problems]
    given = {name: each for source in sources for name, each in source.given.items()}
    values: dict[str, Any] = {}
    for option in OPTIONS:
        if option.name not in given:
            continue
        text, origin = given[option.name]
        try:
            values[option.name] = option.kind.parse(text.strip())
        except ValueError:
            problems.append(f"{origin}: '{text}' is not {option.kind.expects}")
    if "node_name" not in given:
        values["node_name"], problem = _from_host_name(host_name)
        problems.extend(problem)
    if not problems:
        settings = Settings(**values)
        problems.extend(broken(settings, {name: each.origin for name, each in given.items()}))
    if problems:
        raise WrongSettingsError(tuple(problems))
    return settings


def _from_host_name(host_name: str) -> tuple[str, tuple[str, ...]]:
    """As kubelet names a Node by default."""
    name = host_name.strip().lower()
    try:
        return NAME.parse(name), ()
    except ValueError:
        return name, (f"the host's name '{host_name}' is not {NAME.expects}: set nodeName",)
