"""A cluster with a controller in it: what users do to Services and pools, and what they see."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from l2announcer.core.ipam import Scope
from l2announcer.core.model import Kind
from l2announcer.kube.client import MERGE_PATCH, Client
from l2announcer.kube.errors import Missing
from tests.cluster.ipam.controller import Controller, running

NAMESPACES = "/api/v1/namespaces"
ALL_SERVICES = "/api/v1/services"
POOLS = "/apis/cilium.io/v2/ciliumloadbalancerippools"
SATISFIED = "cilium.io/IPAMRequestSatisfied"
PATIENCE_SECONDS = 15.0

Labels = Mapping[str, str | None]
Nothing: Labels = {}


class Cluster:
    """Everything that is made here is removed by `clear`.

    `admin` is who makes it, `daemon` as whom the controller acts. After `settle`, and until
    anything is changed, what is seen is what stands.
    """

    def __init__(self, admin: Client, daemon: Client) -> None:
        self.controller: Controller | None = None
        self._admin = admin
        self._daemon = daemon
        self._services: dict[str, Any] = {}
        self._pools: dict[str, Any] = {}
        self._made: set[str] = set()  # paths
        self._end = AsyncExitStack()
        self._check: Callable[[], None] = lambda: None

    # The controller

    async def start(self, *, node: str = "worker", scope: Scope | None = None) -> Controller:
        """Start a controller; the one before it, if there is one, crashes."""
        await self._end.aclose()
        self.controller = Controller(self._daemon, node=node, scope=scope)
        self._check = await self._end.enter_async_context(running(self.controller))
        return self.controller

    async def resign(self) -> None:
        """Stop the controller in order: it has released its Lease."""
        assert self.controller is not None
        self.controller.resign()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.controller.announcer.released:
                self._check()
                await asyncio.sleep(0.01)
        await self.stop()

    async def stop(self) -> None:
        await self._end.aclose()
        self.controller = None

    async def settle(self) -> None:
        """Wait until the controller has seen everything and has nothing left to do."""
        assert self.controller is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._read() != self.controller.versions or not self.controller.rests:
                self._check()
                await asyncio.sleep(0.01)

    async def until(self, true: Callable[[], bool]) -> None:
        """Read again until something is so: counts are written a second late at most."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._read() and not true():
                self._check()
                await asyncio.sleep(0.02)

    # What users do

    async def service(
        self,
        name: str,
        *,
        labels: Labels = Nothing,
        annotations: Labels = Nothing,
        shows: tuple[str, ...] = (),
        **spec: Any,
    ) -> None:
        """Create a LoadBalancer Service; `shows` is what an earlier controller gave it."""
        body = {
            "metadata": {"name": _short(name), "labels": labels, "annotations": annotations},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]} | spec,
        }
        await self._make(_collection(name), body)
        if shows:
            await self.show(name, *shows)

    async def change(
        self, name: str, *, labels: Labels = Nothing, annotations: Labels = Nothing, **spec: Any
    ) -> None:
        """Edit a Service; None removes."""
        metadata = {"labels": labels, "annotations": annotations}
        await self._ask("PATCH", _path(name), {"metadata": metadata, "spec": spec})

    async def show(self, name: str, *addresses: str, **status: Any) -> None:
        """Write a Service's status, as somebody else does."""
        entries = [{"ip": address} for address in addresses]
        body = {"status": {"loadBalancer": {"ingress": entries}} | status}
        await self._ask("PATCH", f"{_path(name)}/status", body)

    async def delete(self, name: str) -> None:
        await self._ask("DELETE", _path(name))

    async def pool(self, name: str, *blocks: str, **spec: Any) -> None:
        """Create a pool; each block is a cidr, `start-stop` or `start`."""
        body = {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumLoadBalancerIPPool",
            "metadata": {"name": name},
            "spec": {"blocks": [_block(text) for text in blocks]} | spec,
        }
        await self._make(POOLS, body)

    async def change_pool(self, name: str, *blocks: str, **spec: Any) -> None:
        """Edit a pool: its blocks, when some are given, and fields of its spec."""
        if blocks:
            spec["blocks"] = [_block(text) for text in blocks]
        await self._ask("PATCH", f"{POOLS}/{name}", {"spec": spec})

    async def delete_pool(self, name: str) -> None:
        await self._ask("DELETE", f"{POOLS}/{name}")

    async def namespace(self, name: str) -> None:
        """Make sure that there is such a namespace; it stays, for nothing would ever remove it."""
        try:
            await self._ask("GET", f"{NAMESPACES}/{name}")
        except Missing:
            await self._ask("POST", NAMESPACES, {"metadata": {"name": name}})

    async def clear(self) -> None:
        """Stop the controller, so that the next test's may be one at once; remove what was made."""
        if self.controller is not None and self.controller.acts:
            await self.resign()
        await self.stop()
        await asyncio.gather(*map(self._remove, self._made))

    # What users see

    def ips(self, name: str) -> list[str]:
        """The addresses in a Service's status."""
        entries = self._status(name).get("loadBalancer", {}).get("ingress", ())
        return [entry["ip"] for entry in entries]

    def ip(self, name: str) -> str:
        """The one address of a Service."""
        (found,) = self.ips(name)
        return found

    def spec(self, name: str) -> dict[str, Any]:
        spec: dict[str, Any] = self._services[_full(name)]["spec"]
        return spec

    def conditions(self, name: str) -> list[dict[str, Any]]:
        return list(self._status(name).get("conditions", ()))

    def condition(self, name: str) -> dict[str, Any]:
        """The condition that tells whether a Service got what it asks for."""
        (found,) = [each for each in self.conditions(name) if each["type"] == SATISFIED]
        metadata = self._services[_full(name)]["metadata"]
        assert found.get("observedGeneration", 0) == metadata.get("generation", 0)
        return found

    def reason(self, name: str) -> str:
        """The reason there; its status says the same."""
        found = self.condition(name)
        assert found["status"] == ("True" if found["reason"] == "satisfied" else "False")
        return str(found["reason"])

    def pool_condition(self, name: str, type_: str) -> dict[str, Any]:
        """One condition of a pool; empty while it is not there."""
        found = self._pools[name].get("status", {}).get("conditions", ())
        return next((each for each in found if each["type"] == type_), {})

    def conflicts(self, *names: str) -> list[str]:
        """Whether these pools are in conflict, as they say themselves: "True", "False" or ""."""
        found = (self.pool_condition(name, "cilium.io/PoolConflict") for name in names)
        return [each.get("status", "") for each in found]

    def counts(self, name: str) -> list[str]:
        """How many addresses a pool has, still has, and has given away, as it says itself."""
        types = (f"cilium.io/IPs{word}" for word in ("Total", "Available", "Used"))
        return [self.pool_condition(name, type_).get("message", "") for type_ in types]

    def _status(self, name: str) -> dict[str, Any]:
        status: dict[str, Any] = self._services[_full(name)].get("status", {})
        return status

    async def _read(self) -> dict[tuple[Kind, str], str]:
        """Read everything again; the resourceVersions, as a Controller tells what it has seen."""
        services, pools = await asyncio.gather(
            self._ask("GET", ALL_SERVICES), self._ask("GET", POOLS)
        )
        self._services = {_named(each): each for each in services["items"]}
        self._pools = {each["metadata"]["name"]: each for each in pools["items"]}
        return {
            **{(Kind.SERVICE, name): _version(each) for name, each in self._services.items()},
            **{(Kind.POOL, name): _version(each) for name, each in self._pools.items()},
        }

    async def _make(self, collection: str, body: dict[str, Any]) -> None:
        await self._ask("POST", collection, body)
        self._made.add(f"{collection}/{body['metadata']['name']}")

    async def _remove(self, path: str) -> None:
        with contextlib.suppress(Missing):  # a test may have removed it itself
            await self._ask("DELETE", path)

    async def _ask(self, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Raises ApiError where the API server refuses."""
        answer = await self._admin.request(
            verb,
            path,
            resource="",
            timeout_seconds=PATIENCE_SECONDS,
            body=body,
            content_type=MERGE_PATCH if verb == "PATCH" else "application/json",
        )
        return json.loads(answer)


def _full(name: str) -> str:
    return name if "/" in name else f"default/{name}"


def _short(name: str) -> str:
    return name.rpartition("/")[2]


def _collection(name: str) -> str:
    return f"{NAMESPACES}/{_full(name).partition('/')[0]}/services"


def _path(name: str) -> str:
    return f"{_collection(name)}/{_short(name)}"


def _block(text: str) -> dict[str, str]:
    if "/" in text:
        return {"cidr": text}
    start, _, stop = text.partition("-")
    return {"start": start, "stop": stop} if stop else {"start": start}


def _named(item: dict[str, Any]) -> str:
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


def _version(item: dict[str, Any]) -> str:
    return str(item["metadata"]["resourceVersion"])
