"""Kinds of setting: text into a typed value and back, the same for flags, environment and file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

_UNITS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_PLAIN_SECONDS = re.compile(_NUMBER)
_DURATION_PART = re.compile(rf"({_NUMBER})(ns|us|µs|ms|s|m|h)")
_DURATION = re.compile(rf"(?:{_NUMBER}(?:ns|us|µs|ms|s|m|h))+")
_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LISTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\[\]:\s]*)):(?P<port>[0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """How values of one kind are read and written.

    `parse` raises ValueError for text that is no such value; `expects` completes the sentence
    'X is not ...'. `show` gives text that `parse` reads back.
    """

    name: str
    expects: str
    parse: Callable[[str], T]
    show: Callable[[T], str]


class ListenAddress(NamedTuple):
    """Where to listen; no host means every address of this machine."""

    host: str | None
    port: int

    def __str__(self) -> str:
        if self.host is None:
            return f":{self.port}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _parse_duration(text: str) -> float:
    if _PLAIN_SECONDS.fullmatch(text):
        return float(text)
    if not _DURATION.fullmatch(text):
        raise ValueError(text)
    return float(
        sum(Decimal(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))
    )


def _parse_durations(text: str) -> tuple[float, ...]:
    durations = tuple(_parse_duration(part.strip()) for part in text.split(","))
    if list(durations) != sorted(set(durations)):
        raise ValueError(text)
    return durations


def show_duration(seconds: float) -> str:
    """As Kubernetes writes durations: 15s, 200ms, 1m30s."""
    whole = Decimal(repr(seconds))
    if 0 < whole < 1:
        return f"{(whole * 1000).normalize():f}ms"
    parts = []
    for unit in ("h", "m"):
        count, whole = divmod(whole, _UNITS[unit])
        if count:
            parts.append(f"{count:f}{unit}")
    if whole or not parts:
        parts.append(f"{whole.normalize():f}s")
    return "".join(parts)


def _parse_switch(text: str) -> bool:
    match text.lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
        case _:
            raise ValueError(text)


def _parse_name(text: str) -> str:
    if len(text) > 253 or not _NAME.fullmatch(text):
        raise ValueError(text)
    return text


def _parse_listen(text: str) -> ListenAddress:
    found = _LISTEN.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return ListenAddress(found["six"] or found["host"] or None, _parse_port(found["port"]))


def _parse_port(text: str) -> int:
    return _within(_whole(text), 1, 65535)


def _whole(text: str) -> int:
    if not re.fullmatch("[0-9]+", text):
        raise ValueError(text)
    return int(text)


def _within(number: int, least: int, most: int) -> int:
    if not least <= number <= most:
        raise ValueError(number)
    return number


def _parse_rate(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(text)
    return number


DURATION: Kind[float] = Kind(
    name="duration",
    expects="a duration such as 15s, 200ms or 1m30s, or a number of seconds",
    parse=_parse_duration,
    show=show_duration,
)
DURATIONS: Kind[tuple[float, ...]] = Kind(
    name="durations",
    expects="growing durations with commas between, such as 0s,1s,2s,4s",
    parse=_parse_durations,
    show=lambda several: ",".join(show_duration(each) for each in several),
)
SWITCH: Kind[bool] = Kind(
    name="true|false",
    expects="true or false",
    parse=_parse_switch,
    show=lambda on: "true" if on else "false",
)
TEXT: Kind[str] = Kind(name="text", expects="a text", parse=str, show=str)
FILE: Kind[str] = Kind(name="file", expects="the name of a file", parse=str, show=str)
NAME: Kind[str] = Kind(
    name="name",
    expects="a Kubernetes name (lower-case letters, digits, '-' and '.')",
    parse=_parse_name,
    show=str,
)
COUNT: Kind[int] = Kind(
    name="number",
    expects="a whole number from 1 to 1000000",
    parse=lambda text: _within(_whole(text), 1, 1_000_000),
    show=str,
)
# 0, which no text stands for, is "not set".
PORT: Kind[int] = Kind(
    name="port",
    expects="a port number from 1 to 65535",
    parse=_parse_port,
    show=lambda port: str(port or ""),
)
RATE: Kind[float] = Kind(
    name="number",
    expects="a number above 0",
    parse=_parse_rate,
    show=lambda rate: f"{rate:g}",
)
LISTEN: Kind[ListenAddress] = Kind(
    name="address",
    expects="an address to listen on such as :9480, 127.0.0.1:9480 or [::1]:9480",
    parse=_parse_listen,
    show=str,
)


def choice(of: type[E]) -> Kind[E]:
    """One of an enumeration's values, which are texts."""
    values = [str(member.value) for member in of]
    return Kind(
        name="|".join(values),
        expects=f"one of {', '.join(values)}",
        parse=of,
        show=lambda member: str(member.value),
    )
