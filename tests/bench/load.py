"""Load on one responder, from the generator in Go: requests kept under way, or at an even rate."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from l2announcer.core.model import IPAddress
from tests.bench.responders import LOAD_PROCESSORS, Bench, Responder, on, put_first
from tests.lab.root import LabError

FOREIGN_RATE = 50_000
FOREIGN_ADDRESSES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a run of the generator came to."""

    sent: int
    replies: int
    lost: int
    """Requests that were given up and asked anew: nothing had come for a fifth of a second."""
    replies_per_second: float
    p50_us: float
    p99_us: float
    processor: float
    """The share of the time that the responder's process ran."""


def asked(
    bench: Bench,
    responder: Responder,
    *,
    addresses: int,
    outstanding: int,
    seconds: float,
    most: int = 1 << 30,
) -> Heard:
    """Ask for all granted addresses in turn, with so many requests under way at every time."""
    return _run(
        bench,
        responder,
        seconds,
        {
            "first": _last_bytes(bench.protocol.first),
            "addresses": addresses,
            "outstanding": outstanding,
            "requests": most,
        },
    )


def stormed(bench: Bench, responder: Responder, *, seconds: float) -> Heard:
    """Ask for addresses of other nodes, evenly; LabError if anybody answers."""
    heard = _run(
        bench,
        responder,
        seconds,
        {
            "first": _last_bytes(bench.protocol.foreign),
            "addresses": FOREIGN_ADDRESSES,
            "rate": FOREIGN_RATE,
        },
    )
    if heard.replies:
        raise LabError(f"{responder.name} answered {heard.replies} requests that are for others")
    return heard


def _last_bytes(address: IPAddress) -> IPv4Address:
    """The generator is told no more of an address than its last four bytes."""
    return IPv4Address(int(address) % (1 << 32))


def _run(bench: Bench, responder: Responder, seconds: float, options: dict[str, Any]) -> Heard:
    options = {
        "protocol": bench.protocol.name,
        "interface": responder.link,
        "time": f"{seconds}s",
        **options,
    }
    arguments = [f"-{name}={value}" for name, value in options.items()]
    command = on(LOAD_PROCESSORS, [str(bench.programs / "load"), *arguments])
    before = responder.processor_seconds()
    load = bench.client.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    put_first(load.pid)
    told, failure = load.communicate(timeout=seconds + 60)
    used = responder.processor_seconds() - before
    if load.returncode:
        raise LabError(f"the load on {responder.name!r} failed: {failure.strip()}")
    found = json.loads(told)
    return Heard(
        sent=found["sent"],
        replies=found["replies"],
        lost=found["lost"],
        replies_per_second=found["replies"] / found["seconds"],
        p50_us=found["p50_us"],
        p99_us=found["p99_us"],
        processor=used / found["seconds"],
    )
