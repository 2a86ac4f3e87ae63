"""A plain client of a Kubernetes API server for tests: one call, one answer, nothing clever."""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from tests.cluster.place import HERE, Place

APPLY = "application/apply-patch+yaml"
JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said to one request."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        """Whether the server did what it was asked."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """An API server as one user at `place` sees it. Errors are answers; no answer at all raises."""

    url: str
    ca_file: Path
    token: str
    place: Place = HERE
    timeout_seconds: float = 10.0

    def call(
        self, verb: str, path: str, body: object = None, *, sends: str = JSON, accepts: str = JSON
    ) -> Answer:
        """Make one request. Raises OSError where the server does not answer."""
        request = urllib.request.Request(
            self.url + path,
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": sends,
                "Accept": accepts,
            },
        )
        context = ssl.create_default_context(cafile=str(self.ca_file))
        try:
            with (
                self.place.inside(),
                urllib.request.urlopen(
                    request, timeout=self.timeout_seconds, context=context
                ) as reply,
            ):
                return Answer(status=reply.status, body=_decode(reply.read()))
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answer(status=refusal.code, body=_decode(refusal.read()))

    def with_timeout(self, seconds: float) -> Self:
        """The same, with this much patience."""
        return replace(self, timeout_seconds=seconds)

    def get(self, path: str, *, accepts: str = JSON) -> Answer:
        """Read one object, or one list."""
        return self.call("GET", path, accepts=accepts)

    def post(self, path: str, body: object) -> Answer:
        """Create an object in the collection at `path`."""
        return self.call("POST", path, body)

    def delete(self, path: str) -> Answer:
        """Delete the object at `path`; that it is already gone is an answer too."""
        return self.call("DELETE", path)


def _decode(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")
