"""What the API server was asked, as its audit log tells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from tests.cluster.controlplane import User

# of a watch both stages are written, the first when it begins; of anything else the last only
BEGINS = "ResponseStarted"


class Asked(NamedTuple):
    """One request and its outcome."""

    verb: str
    group: str
    resource: str  # with its sub-resource: services/status
    name: str
    code: int
    uri: str
    agent: str
    received: float  # Unix times in seconds
    answered: float

    @property
    def right(self) -> tuple[str, str, str]:
        """What the authoriser was asked for."""
        return self.verb, self.group, self.resource


class Audit:
    """Reads the log from a place on; `mark` is where it ends now."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def mark(self) -> int:
        # The last line may be half written.
        return self._log.read_bytes().rfind(b"\n") + 1

    def asked(self, user: User, since: int = 0) -> list[Asked]:
        """What `user` asked, in the order of the answers; a watch counts when it begins."""
        with self._log.open("rb") as log:
            log.seek(since)
            lines = log.read().split(b"\n")[:-1]
        return list(_requests(map(json.loads, lines), user))


def _requests(events: Iterable[dict[str, Any]], user: User) -> Iterator[Asked]:
    for event in events:
        # whose token was not accepted is nobody
        if event["user"].get("username") != user.name or "objectRef" not in event:
            continue
        code = event.get("responseStatus", {}).get("code", 0)
        if event["verb"] == "watch" and code == 200 and event["stage"] != BEGINS:
            continue
        subject = event["objectRef"]
        parts = (subject.get("resource"), subject.get("subresource"))
        yield Asked(
            event["verb"],
            subject.get("apiGroup", ""),
            "/".join(filter(None, parts)),
            subject.get("name", ""),
            code,
            event["requestURI"],
            event.get("userAgent", ""),
            datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp(),
            datetime.fromisoformat(event["stageTimestamp"]).timestamp(),
        )
