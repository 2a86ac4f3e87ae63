"""The cluster as one thing: what is read of it, and how each call of the core is carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from l2announcer import clock
from l2announcer.core.candidacy import LEASE_PREFIX
from l2announcer.core.coexistence import CILIUM_OPERATOR_LEASE
from l2announcer.core.controller import CONTROLLER_LEASE
from l2announcer.core.effects import (
    Call,
    DeleteLease,
    LeaseWrite,
    ReadHosts,
    ReadLease,
    ReadService,
    ReadServices,
    StatusWrite,
)
from l2announcer.core.facts import Fact, Listed
from l2announcer.core.heartbeat import HEARTBEAT_PREFIX
from l2announcer.core.model import ALWAYS_WATCHED, Kind, Span
from l2announcer.kube import confirmation, leases, status
from l2announcer.kube.client import Client
from l2announcer.kube.events import Recorder
from l2announcer.kube.hosts import read_hosts
from l2announcer.kube.pace import PACE
from l2announcer.kube.reflector import Reflector
from l2announcer.kube.resources import Resource, spanned, table
from l2announcer.kube.services import read_service, read_services
from l2announcer.kube.turns import Turns

READ_SECONDS = 5.0
STATUS_SECONDS = 10.0
RESUME_SECONDS = 10.0
LEASE_PREFIXES = (LEASE_PREFIX, HEARTBEAT_PREFIX, CONTROLLER_LEASE, CILIUM_OPERATOR_LEASE)
LEASES_AT_ONCE = 16
RENEWAL_PATIENCE = 0.3  # of the time that a write may take: so long it waits for its turn at most
STATUSES_AT_ONCE = 16  # each waits on a connection of its own; more of them make none faster


class Gateway:
    """Reflectors by kind, to be run; the Events' recorder, and `perform`.

    A Lease write takes `lease_write_seconds` at most; `observe_renewal` is told the seconds that
    each renewal took.
    """

    def __init__(
        self,
        client: Client,
        *,
        node_name: str,
        lease_namespace: str,
        service_proxy_name: str,
        lease_write_seconds: float,
        post: Callable[[Fact], None],
        observe_renewal: Callable[[float], None],
    ) -> None:
        self._client = client
        self._lease_namespace = lease_namespace
        self._lease_write_seconds = lease_write_seconds
        self._observe_renewal = observe_renewal
        self._statuses = asyncio.Semaphore(STATUSES_AT_ONCE)
        self._renewals = Turns(
            at_once=LEASES_AT_ONCE, patience_seconds=RENEWAL_PATIENCE * lease_write_seconds
        )
        self._others = Turns(at_once=LEASES_AT_ONCE, patience_seconds=lease_write_seconds)
        self._resources = table(
            lease_namespace=lease_namespace,
            lease_prefixes=LEASE_PREFIXES,
            service_proxy_name=service_proxy_name,
        )
        self._post = post
        self.reflectors = {
            kind: self._reflector(resource, post)
            for kind, resource in self._resources.items()
            if kind in ALWAYS_WATCHED
        }
        self.recorder = Recorder(
            client,
            resources=self._resources,
            group_version=self._group_version,
            node_name=node_name,
            wall=clock.wall,
        )

    async def watch_confirmation(self) -> None:
        """Tell, for ever, when nothing has shown for too long that the view of Services is current.

        A watch that is idle for too long is begun anew, and has a moment for that.
        """
        services = self.reflectors[Kind.SERVICE]
        await confirmation.watch(
            lambda: services.last_confirmed_at,
            post=self._post,
            now=clock.now,
            limit_seconds=PACE.idle_seconds + RESUME_SECONDS,
        )

    def watch_endpoints(self, span: Span) -> Reflector | None:
        """The reflector, to be run, of the EndpointSlices that are to be watched; None for none.

        The one of before is to be ended.
        """
        self.reflectors.pop(Kind.ENDPOINT_SLICE, None)
        if not span.any:
            return None

        def post(fact: Fact) -> None:
            self._post(replace(fact, span=span) if isinstance(fact, Listed) else fact)

        resource = spanned(self._resources[Kind.ENDPOINT_SLICE], span)
        reflector = self.reflectors[Kind.ENDPOINT_SLICE] = self._reflector(resource, post)
        return reflector

    def _reflector(self, resource: Resource, post: Callable[[Fact], None]) -> Reflector:
        return Reflector(
            self._client, resource, post=post, now=clock.now, chance=clock.chance, pace=PACE
        )

    async def perform(self, call: Call) -> Fact:
        """Carry out one call; its one outcome. Whatever the API server answers is an outcome."""
        match call:
            case LeaseWrite():
                began_at = clock.now()
                async with (self._renewals if call.renewal else self._others).turn():
                    outcome: Fact = await self._lease_call(call, self._lease_write_seconds)
                if call.renewal:
                    self._observe_renewal(clock.now() - began_at)
                return outcome
            case ReadLease() | DeleteLease():
                return await self._lease_call(call, READ_SECONDS)
            case ReadService():
                async with self._others.turn():
                    return await read_service(
                        self._client, self._resources[Kind.SERVICE], call.key, READ_SECONDS
                    )
            case ReadServices():
                return await read_services(self._client, self._resources[Kind.SERVICE], PACE)
            case ReadHosts():
                return await read_hosts(self._client, self._resources[Kind.NODE], PACE)
            case StatusWrite():
                async with self._statuses:
                    return await status.perform(
                        self._client,
                        call,
                        resource=self._resources[call.kind],
                        group_version=self._group_version(call.kind),
                        timeout_seconds=STATUS_SECONDS,
                    )
            case _:
                assert_never(call)

    async def _lease_call(self, call: LeaseWrite | ReadLease | DeleteLease, seconds: float) -> Fact:
        return await leases.perform(
            self._client, call, namespace=self._lease_namespace, timeout_seconds=seconds
        )

    def _group_version(self, kind: Kind) -> str:
        return self.reflectors[kind].group_version
