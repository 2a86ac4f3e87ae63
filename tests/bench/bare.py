"""A bare client of the API server: one connection, one request after the other."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPSConnection
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.bench.failover.cluster import Cluster
from tests.bench.services import CONDITION, NOT_OURS
from tests.cluster.api import JSON, MERGE_PATCH
from tests.cluster.controlplane import ADMIN
from tests.cluster.daemon.announced import service
from tests.cluster.daemon.site import LEASES, SERVICES


class Bare:
    """The administrator, on the API server's host; `made` are the paths of what it created.

    A context manager; the connection is there in the block.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.made: list[str] = []
        self._home = cluster.home
        url = urlsplit(cluster.control_plane.url)
        trust = ssl.create_default_context(cafile=str(cluster.control_plane.ca_file))
        assert url.hostname is not None
        self._connection = HTTPSConnection(url.hostname, url.port, context=trust)

    def __enter__(self) -> Self:
        with self._home.in_namespace():
            self._connection.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def create(self, collection: str, manifest: Mapping[str, Any]) -> Any:
        self.made.append(f"{collection}/{manifest['metadata']['name']}")
        return self._ask("POST", collection, manifest)

    def serve(self, name: str, address: str) -> None:
        """Create a Service, give it an address, take its Lease, read it again."""
        manifest = service(name, name)
        manifest["spec"]["loadBalancerClass"] = NOT_OURS
        created = self.create(SERVICES, manifest)
        status = {"loadBalancer": {"ingress": [{"ip": address}]}, "conditions": [CONDITION]}
        version = created["metadata"]["resourceVersion"]
        self._ask(
            "PATCH",
            f"{SERVICES}/{name}/status",
            {"metadata": {"resourceVersion": version}, "status": status},
        )
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {
            "holderIdentity": "bare",
            "leaseDurationSeconds": 15,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": 0,
        }
        lease = {"metadata": {"name": f"cilium-l2announce-default-{name}"}, "spec": spec}
        self.create(LEASES, lease)
        self.get(f"{SERVICES}/{name}")

    def _ask(self, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {
            "Authorization": f"Bearer {ADMIN.token}",
            "Content-Type": MERGE_PATCH if verb == "PATCH" else JSON,
            "Accept": JSON,
        }
        text = None if body is None else json.dumps(body)
        self._connection.request(verb, path, text, headers)
        answer = self._connection.getresponse()
        read = json.loads(answer.read())
        assert answer.status < 300, read
        return read
