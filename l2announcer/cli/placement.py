"""Where one Service is announced, and may be: read from the API server; the wish is written."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from l2announcer import clock
from l2announcer.core import lease
from l2announcer.core.candidacy import lease_name
from l2announcer.core.eligibility import judge
from l2announcer.core.heartbeat import DURATION_SECONDS, heartbeat_name
from l2announcer.core.model import PREFERRED_NODE, Key, Kind, LeaseRecord, Node, Policy, Service
from l2announcer.core.policy import PolicyBook
from l2announcer.core.selection import select
from l2announcer.core.selectors import service_labels
from l2announcer.kube import decode
from l2announcer.kube.client import MERGE_PATCH, Client, connect
from l2announcer.kube.configuration import SERVICE_ACCOUNT, Source
from l2announcer.kube.errors import Missing
from l2announcer.kube.lists import read_all
from l2announcer.kube.pace import PACE
from l2announcer.kube.resources import table

REQUEST_SECONDS = 10.0
CLOCKS_APART_SECONDS = 60.0


@asynccontextmanager
async def placement(kubeconfig: str, lease_namespace: str, key: Key) -> AsyncIterator[Placement]:
    """The cluster that a kubeconfig leads to. Raises ConfigurationError and, inside, ApiError."""
    source = Source(
        kubeconfig=kubeconfig,
        host="",
        port=0,
        environ=os.environ,
        service_account=SERVICE_ACCOUNT,
    )
    async with connect(source, qps=0, burst=1, now=clock.now, observe=lambda *_: None) as client:
        yield Placement(client, lease_namespace, key)


class Placement:
    """One Service's. What is asked for and isn't there is None."""

    def __init__(self, client: Client, lease_namespace: str, key: Key) -> None:
        self._client = client
        self._key = key
        self._lease_key = Key(lease_namespace, lease_name(key))
        self._resources = table(
            lease_namespace=lease_namespace, lease_prefixes=(), service_proxy_name=""
        )

    async def service(self) -> Service | None:
        raw = await self._get(Kind.SERVICE, self._key)
        return decode.service(raw) if raw is not None else None

    async def node(self, name: str) -> Node | None:
        raw = await self._get(Kind.NODE, Key("", name))
        return decode.node(raw) if raw is not None else None

    async def lease(self) -> LeaseRecord | None:
        raw = await self._get(Kind.LEASE, self._lease_key)
        return decode.lease(raw) if raw is not None else None

    async def absent_because(self, node: str) -> str:
        """Why nobody on a node will ask for anything; empty if a daemon takes part there.

        The heartbeat's written time is compared with this machine's clock: a node whose clock is
        wrong by minutes would be told of wrongly, and nothing else.
        """
        key = Key(self._lease_key.namespace, heartbeat_name(node))
        raw = await self._get(Kind.LEASE, key)
        record = decode.lease(raw) if raw is not None else None
        if record is None or record.holder != node:
            return f"no l2announcer runs there (nobody holds its heartbeat, Lease {key})"
        renewed_at = lease.unix_microseconds(record.renew_time) / lease.MICROSECONDS
        silent_seconds = clock.wall() - renewed_at
        if silent_seconds > max(record.duration_seconds, DURATION_SECONDS) + CLOCKS_APART_SECONDS:
            return f"its l2announcer has not been heard of for {silent_seconds:.0f} s (Lease {key})"
        return ""

    async def barred_because(self, service: Service, node: Node) -> str:
        """Why a node may not announce the Service, or asks for nothing; empty if it may."""
        if leaving := judge(node):
            return "; ".join(map(str, leaving))
        resource, book = self._resources[Kind.POLICY], PolicyBook()
        try:
            _, found = await read_all(self._client, resource, resource.group_versions[0], PACE)
        except Missing:
            found = {}
        book.replace([each for each in found.values() if isinstance(each, Policy)], "")
        labels = service_labels(service)
        for policy in book.in_force:
            if policy.nodes.matches(node.labels) and policy.services.matches(labels):
                return ""
        return "; ".join(map(str, select(service, book.in_force, node, ()).reasons))

    async def prefer(self, node: str | None) -> None:
        """Write which node the Service is to be announced by; None for any."""
        await self._client.request(
            "PATCH",
            self._path(Kind.SERVICE, self._key),
            resource="services",
            timeout_seconds=REQUEST_SECONDS,
            body={"metadata": {"annotations": {PREFERRED_NODE: node}}},
            content_type=MERGE_PATCH,
        )

    def _path(self, kind: Kind, key: Key) -> str:
        resource = self._resources[kind]
        return resource.object(resource.group_versions[0], key)

    async def _get(self, kind: Kind, key: Key) -> bytes | None:
        try:
            return await self._client.request(
                "GET",
                self._path(kind, key),
                resource=self._resources[kind].plural,
                timeout_seconds=REQUEST_SECONDS,
            )
        except Missing:
            return None
