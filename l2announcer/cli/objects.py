"""The Services and pools of a cluster, read once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from l2announcer import clock
from l2announcer.core.facts import Object
from l2announcer.core.model import IPAddress, Kind, Pool, Service
from l2announcer.kube import decode
from l2announcer.kube.client import Client, connect
from l2announcer.kube.configuration import SERVICE_ACCOUNT, ConfigurationError, Source
from l2announcer.kube.errors import MALFORMED, ApiError, Missing
from l2announcer.kube.hosts import read_hosts
from l2announcer.kube.lists import read_all
from l2announcer.kube.pace import PACE
from l2announcer.kube.resources import Resource, table

T = TypeVar("T")


class NoAnswerError(Exception):
    """The cluster cannot be read; the sentence says why, and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """What a cluster has; `unreadable` are sentences on what is left out.

    `hosts` are the addresses of its own machines, which no Service is given, and whose they are.
    """

    services: Sequence[Service]
    pools: Sequence[Pool]
    hosts: Mapping[IPAddress, str]
    unreadable: Sequence[str]


def read(kubeconfig: str) -> Objects:
    """Read all Services and pools, as whom the kubeconfig says. Raises NoAnswerError."""
    return asked(_read(kubeconfig))


def asked(question: Coroutine[Any, Any, T]) -> T:
    """What a question to the API server gives. Raises NoAnswerError, and what is its own."""
    try:
        return asyncio.run(question)
    except (ConfigurationError, ApiError) as error:
        raise NoAnswerError(str(error)) from error
    except MALFORMED as error:
        raise NoAnswerError(
            f"what answers is no API server ({error}); check the server's address in the kubeconfig"
        ) from error


async def _read(kubeconfig: str) -> Objects:
    source = Source(
        kubeconfig=kubeconfig,
        host="",
        port=0,
        environ=os.environ,
        service_account=SERVICE_ACCOUNT,
    )
    resources = table(lease_namespace="", lease_prefixes=(), service_proxy_name="")
    async with connect(source, qps=0, burst=1, now=clock.now, observe=lambda *_: None) as client:
        services = await _all(client, resources[Kind.SERVICE])
        pools = await _all(client, resources[Kind.POOL])
        hosts = await read_hosts(client, resources[Kind.NODE], PACE)
    found = [*services, *pools]
    unreadable = [each.sentence for each in found if isinstance(each, decode.Problem)]
    if hosts.why is not None:
        unreadable.append(
            f"the Nodes cannot be listed ({hosts.why.value}): their addresses count as free here"
        )
    return Objects(
        services=[each for each in found if isinstance(each, Service)],
        pools=[each for each in found if isinstance(each, Pool)],
        hosts=hosts.hosts or {},
        unreadable=unreadable,
    )


async def _all(client: Client, resource: Resource) -> list[Object | decode.Problem]:
    """Every object, at the first version that is served; none where none is."""
    for group_version in resource.group_versions:
        try:
            _, found = await read_all(client, resource, group_version, PACE)
        except Missing:
            continue
        return list(found.values())
    return []
