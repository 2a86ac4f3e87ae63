"""What the daemon of one node says of itself: its /status, read over HTTP."""

from __future__ import annotations

import argparse
import urllib.error
import urllib.request
from http.client import HTTPException

import msgspec

DEFAULT_URL = "http://127.0.0.1:9480"
PATIENCE_SECONDS = 5.0


class NoAnswerError(Exception):
    """The daemon does not answer as one; the sentence says which, and what to do."""


class Lease(msgspec.Struct, rename="camel"):
    """A Lease as the daemon sees it; `tenure_seconds` is how long it may still answer."""

    name: str = ""
    holder: str = ""
    tenure_seconds: float = 0.0
    wanted_by: str = ""
    problem: str = ""


class Grant(msgspec.Struct):
    """An address that the node may answer for."""

    address: str
    interface: str


class Service(msgspec.Struct, rename="camel"):
    """Where one Service stands on the node."""

    state: str
    why: str = ""
    addresses: list[Grant] = []
    left_out: list[str] = []
    leaving: list[str] = []
    conflict: str = ""
    lease: Lease = msgspec.field(default_factory=Lease)


class Status(msgspec.Struct, rename="camel"):
    """As much of /status as a person is shown."""

    node: str
    services: dict[str, Service]
    controller: Lease
    waiting_for: list[str] = []
    leaving: list[str] = []
    degraded: list[str] = []
    interface_troubles: dict[str, str] = {}


def add_node_url(parser: argparse.ArgumentParser) -> None:
    """Give a command the argument that says which node is asked."""
    parser.add_argument(
        "--node-url",
        default=DEFAULT_URL,
        metavar="url",
        help=f"the daemon to ask [default: {DEFAULT_URL}]; of another node than this one only if"
        " its settings say statusPublic: true",
    )


def ask(url: str) -> Status:
    """Ask a daemon. Raises NoAnswerError."""
    if not url.startswith(("http://", "https://")):
        url = f"http://{url}"
    try:
        # the scheme was looked at
        with urllib.request.urlopen(  # noqa: S310  see above
            f"{url.rstrip('/')}/status", timeout=PATIENCE_SECONDS
        ) as answer:
            return msgspec.json.decode(answer.read(), type=Status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            said = " ".join(refusal.read().decode(errors="replace").split())
        raise NoAnswerError(f"{url} says {refusal.code}: {said}") from refusal
    except msgspec.DecodeError as error:
        raise NoAnswerError(f"{url} answers, but not as an l2announcer does: {error}") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NoAnswerError(
            f"{url} does not answer: {reason}; is the daemon running there (setting `listen`)?"
            " Name another by --node-url"
        ) from error
