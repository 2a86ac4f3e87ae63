"""A bare client: what it does to so many Services, as fast as the API server takes it.

Run by `python -m tests.bench.services KUBECONFIG DEED NAME FIRST END`; prints the seconds it took.
It is a process of its own, so that what it costs is not taken from whom it is compared to.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import uvloop

from l2announcer.kube.client import MERGE_PATCH, Client
from l2announcer.kube.errors import Missing
from tests.cluster.ipam.controller import connected

SERVICES = "/api/v1/namespaces/default/services"
AT_ONCE = 64
PATIENCE_SECONDS = 60.0
NOT_OURS = "example.com/bare"
"""The class of Services that this client gives addresses to by itself."""
CONDITION = {
    "type": "cilium.io/IPAMRequestSatisfied",
    "status": "True",
    "reason": "satisfied",
    "message": "",
    "lastTransitionTime": "2024-01-01T00:00:00Z",
}

Deed = Callable[[Client, str, int], Awaitable[None]]


async def create(client: Client, name: str, number: int) -> None:
    """Create a Service that asks for an address."""
    await _ask(client, "POST", SERVICES, _service(name, number))


async def create_and_patch(client: Client, name: str, number: int) -> None:
    """Create a Service and give it an address: what it costs at least."""
    body = _service(name, number)
    body["spec"]["loadBalancerClass"] = NOT_OURS
    made = await _ask(client, "POST", SERVICES, body)
    await _patch(client, name, number, made["metadata"]["resourceVersion"])


async def patch(client: Client, name: str, number: int) -> None:
    """Give a Service an address."""
    await _patch(client, name, number, None)


async def delete(client: Client, name: str, number: int) -> None:
    """Delete a Service, if it is there."""
    with contextlib.suppress(Missing):
        await _ask(client, "DELETE", f"{SERVICES}/{name}-{number}")


DEEDS: dict[str, Deed] = {deed.__name__: deed for deed in (create, create_and_patch, patch, delete)}


async def done(
    kubeconfig: Path, deed: Deed, name: str, numbers: range, at_once: int = AT_ONCE
) -> float:
    """Do it for each number, some at once. Raises ApiError (in a group) where one is refused."""
    left = iter(numbers)
    async with connected(kubeconfig) as client:
        began_at = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(_work(client, deed, name, left))
        return time.monotonic() - began_at


async def in_a_process(kubeconfig: Path, deed: Deed, name: str, numbers: range) -> float:
    """The same by a process of its own; the seconds that it took without its start."""
    extent = (str(numbers.start), str(numbers.stop))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, str(kubeconfig), deed.__name__, name, *extent),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{deed.__name__} of {name} failed: exit code {process.returncode}")
    return float(printed)


async def _work(client: Client, deed: Deed, name: str, left: Iterator[int]) -> None:
    for number in left:
        await deed(client, name, number)


async def _patch(client: Client, name: str, number: int, version: str | None) -> None:
    address = f"10.64.{number // 256}.{number % 256}"
    status = {"loadBalancer": {"ingress": [{"ip": address}]}, "conditions": [CONDITION]}
    body = {"metadata": {"resourceVersion": version}, "status": status}
    await _ask(client, "PATCH", f"{SERVICES}/{name}-{number}/status", body)


async def _ask(
    client: Client, verb: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    answer = await client.request(
        verb,
        path,
        resource="services",
        timeout_seconds=PATIENCE_SECONDS,
        body=body,
        content_type=MERGE_PATCH if verb == "PATCH" else "application/json",
    )
    decoded: dict[str, Any] = json.loads(answer)
    return decoded


def _service(name: str, number: int) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{name}-{number}", "labels": {"app": name}},
        "spec": {
            "type": "LoadBalancer",
            "allocateLoadBalancerNodePorts": False,  # a cluster has fewer of these than Services
            "ports": [{"port": 80}],
            "selector": {"app": f"{name}-{number}"},
        },
    }


def main() -> None:
    kubeconfig, deed, name, first, end = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        numbers = range(int(first), int(end))
        print(runner.run(done(Path(kubeconfig), DEEDS[deed], name, numbers)))


if __name__ == "__main__":
    main()
