"""The daemon: one task group, one pump, and the only place that knows every part.

Background tasks turn the world into facts and know nothing else. The pump, in the body of the
group, is the only one that acts. An unexpected exception anywhere ends the group and the process;
the Leases still name this node, so what starts it again resumes them at once.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf

import structlog
import uvloop

from l2announcer import __version__, clock
from l2announcer.callbacks import callbacks_failure
from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.answers import AnswerTable
from l2announcer.core.effects import Call, Event, Gratuitous, Transition
from l2announcer.core.facts import Resign
from l2announcer.core.gratuitous import Schedule
from l2announcer.core.model import Holding, Kind, Span
from l2announcer.core.terms import Terms
from l2announcer.inbox import Inbox
from l2announcer.kube.client import Client, connect
from l2announcer.kube.configuration import SERVICE_ACCOUNT, ConfigurationError, Source
from l2announcer.kube.gateway import Gateway
from l2announcer.lan.incarnation import NodeLock, NodeLockedError, read_incarnation
from l2announcer.lan.links import watch_links
from l2announcer.lan.packets import MissingRightError, require_rights
from l2announcer.lan.responder import Responder
from l2announcer.metrics import Metrics
from l2announcer.observation import Observation
from l2announcer.pump import step
from l2announcer.settings import (
    DefaultLbServiceIpam,
    HoldOver,
    IpamStandby,
    LeaseMode,
    Settings,
)
from l2announcer.systemd import Notifier, pause_seconds
from l2announcer.web.server import CannotListenError, application, serve

RELEASE_SECONDS = 1.2  # of the 2 s in which a stopped daemon is gone
FLUSH_SECONDS = 0.3
IDLE_SECONDS = 5.0  # the pump steps at least this often, so that its age tells of a stuck loop

MENDED_BY_TIME = (ConfigurationError, CannotListenError, NodeLockedError)

log = structlog.get_logger(__name__)


def run(settings: Settings) -> int:
    """Run until a signal; 0 when stopped in order, else the log says why it can't go on.

    1 is what starting again may mend, 2 what only a person can: a missing right.
    """
    began_at, code = clock.now(), 1
    try:
        code = _ran(settings)
    finally:
        if code == 1:
            clock.wait(pause_seconds(os.environ, clock.now() - began_at))
    return code


def _ran(settings: Settings) -> int:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(settings))
    except MENDED_BY_TIME as error:
        log.error("cannot go on", why=str(error))  # noqa: TRY400 - a sentence for its reader
        return 1
    except MissingRightError as error:
        log.error("cannot go on", why=str(error))  # noqa: TRY400 - as above
        return 2
    return 0


async def _run(settings: Settings) -> None:
    """Put the parts together; everything is closed again in the reverse order."""
    require_rights()
    inbox = Inbox()
    with (
        Notifier(os.environ) as notifier,
        NodeLock(settings.node_name),
        _responder(inbox) as responder,
    ):
        announcer = Announcer(_config(settings))
        observation = Observation(announcer, responder, now=clock.now)
        metrics = Metrics(
            __version__,
            observation.frames,
            observation.events,
            observation.watches,
            observation.addresses,
        )
        async with connect(
            _source(settings),
            qps=settings.k8s_client_rate_limit_qps,
            burst=settings.k8s_client_rate_limit_burst,
            now=clock.now,
            observe=metrics.observe_request,
        ) as client:
            gateway = _gateway(client, settings, inbox, metrics)
            observation.reflectors = gateway.reflectors
            app = application(
                live=observation.live,
                ready=observation.ready,
                show_status=observation.status,
                status_public=settings.status_public,
                registry=metrics.registry,
            )
            async with serve(app, settings.listen) as addresses:
                log.info(
                    "started",
                    version=__version__,
                    node=settings.node_name,
                    api_server=client.server,
                    listen=[str(address) for address in addresses],
                )
                daemon = _Daemon(announcer, responder, gateway, inbox, observation, metrics)
                await daemon.run(notifier)
    log.info("stopped", node=settings.node_name)


class _Daemon:
    """The pump and the world that it acts on (pump.World)."""

    def __init__(
        self,
        announcer: Announcer,
        responder: Responder,
        gateway: Gateway,
        inbox: Inbox,
        observation: Observation,
        metrics: Metrics,
    ) -> None:
        self._announcer = announcer
        self._responder = responder
        self._gateway = gateway
        self._inbox = inbox
        self._observation = observation
        self._metrics = metrics
        self._group = asyncio.TaskGroup()
        self._calls: set[asyncio.Task[None]] = set()  # under way
        self._table: AnswerTable | None = None
        self._troubles: Mapping[str, str] = {}
        self._logged: dict[str, str] = {}  # troubles that were not seen to end
        self._endpoints: asyncio.Task[None] | None = None  # the reflector of EndpointSlices

    async def run(self, notifier: Notifier) -> None:
        """Pump until everything is released after a signal; then end the background tasks."""
        with _signals(self._resign):
            async with self._group as group:
                background = [
                    group.create_task(callbacks_failure(), name="callbacks"),
                    group.create_task(watch_links(self._inbox.post), name="links"),
                    group.create_task(self._gateway.recorder.run(), name="events"),
                    group.create_task(self._gateway.watch_confirmation(), name="confirmation"),
                    *(
                        group.create_task(reflector.run(), name=f"reflector {kind.value}")
                        for kind, reflector in self._gateway.reflectors.items()
                    ),
                ]
                await self._pump(notifier)
                await self._gateway.recorder.flush(FLUSH_SECONDS)
                self.watch_endpoints(Span())
                # A call that still waits for an answer would outlive the time that we have.
                for task in (*background, *self._calls):
                    task.cancel()

    # pump.World

    def install(self, table: AnswerTable) -> None:
        self._table = table
        self._responder.install(table)
        self._troubles = dict(self._responder.troubles)
        for interface, why in self._troubles.items():
            if self._logged.get(interface) != why:
                log.warning("an interface is not served", interface=interface, why=why)
        # What is left alone for a while, and then fails again as before, is nothing new.
        served = {answers.link.name for answers in table.places.values()} - self._troubles.keys()
        for interface in served & self._logged.keys():
            log.info("an interface is served again", interface=interface)
            del self._logged[interface]
        self._logged |= self._troubles

    def watch_endpoints(self, span: Span) -> None:
        if self._endpoints is not None:
            self._endpoints.cancel()
        reflector = self._gateway.watch_endpoints(span)
        if reflector is not None:
            name = f"reflector {Kind.ENDPOINT_SLICE.value}"
            self._endpoints = self._group.create_task(reflector.run(), name=name)

    def send(self, frames: Sequence[Gratuitous]) -> None:
        self._responder.send(frames)

    def start(self, call: Call) -> None:
        task = self._group.create_task(self._perform(call))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    def record(self, event: Event) -> None:
        self._gateway.recorder.record(event)

    def log(self, transition: Transition) -> None:
        write = log.warning if transition.warning else log.info
        write(transition.what, **transition.keys, why=transition.reason)

    async def _perform(self, call: Call) -> None:
        self._inbox.post(await self._gateway.perform(call))

    async def _pump(self, notifier: Notifier) -> None:
        announcer, observation = self._announcer, self._observation
        idle_seconds = min(IDLE_SECONDS, notifier.watchdog_interval_seconds or IDLE_SECONDS)
        ready, stop_at, ping_at = False, None, -inf
        while True:
            now = clock.now()
            wake_at = step(announcer, self._inbox.take(), self, now=now, wall=clock.wall())
            observation.stepped(now, self._metrics)
            if now >= ping_at:  # not at each step: there may be hundreds a second
                notifier.watchdog()
                self._repair()
                ping_at = now + idle_seconds / 2
            if announcer.resigning:
                if stop_at is None:
                    notifier.stopping()
                    stop_at = now + RELEASE_SECONDS
                if announcer.released or now >= stop_at:
                    return
                wake_at = min(wake_at, stop_at)
            if not announcer.unlisted:
                notifier.ready()
                if not ready:
                    ready = True
                    # What is there now stays. To look through it for garbage would take 20 ms and
                    # more with 1,000 Services, in which nothing is answered.
                    gc.freeze()
                    log.info("ready", services=len(announcer.cluster.services))
            notifier.status(observation.summary)
            wait_seconds = min(wake_at - clock.now(), idle_seconds)
            if not await self._inbox.wait(wait_seconds) and wait_seconds > 0:
                late_seconds = clock.now() - (now + wait_seconds)
                self._metrics.loop_lag_seconds.observe(max(late_seconds, 0.0))

    def _repair(self) -> None:
        """Try again to open what the last install could not: no fact would ask for it."""
        if self._table is not None and self._troubles:
            self.install(self._table)

    def _resign(self) -> None:
        if self._announcer.resigning:
            os._exit(1)  # asked twice: at once, whatever is under way
        self._inbox.post(Resign())


def _config(settings: Settings) -> Config:
    incarnation = read_incarnation()
    terms = Terms(
        node=settings.node_name,
        namespace=settings.lease_namespace,
        holding=Holding(boot=incarnation.boot, netns=incarnation.netns),
        duration_seconds=int(settings.lease_duration),
        renew_seconds=settings.lease_retry_period,
        schedule=Schedule(
            after_seconds=settings.announce_schedule, refresh_seconds=settings.announce_refresh
        ),
        announce_in_use=settings.announce_in_use,
        spread=settings.spread,
        quiet_seconds=settings.spread_quiet_period,
        request_seconds=settings.lease_renew_deadline,
        holds_over=settings.hold_over is HoldOver.SEGMENT,
        hold_over_limit_seconds=settings.hold_over_limit,
        node_leases=settings.lease_mode is LeaseMode.NODE,
    )
    return Config(
        terms=terms,
        qps=settings.k8s_client_rate_limit_qps,
        lb_ipam=settings.lb_ipam,
        address_rest_seconds=max(settings.address_rest, settings.lease_duration),
        serves_unclassed=settings.default_lb_service_ipam is DefaultLbServiceIpam.LBIPAM,
        ipam_stands_by=settings.ipam_standby is IpamStandby.AUTO,
        clean_up_seconds=settings.lease_clean_up,
    )


def _source(settings: Settings) -> Source:
    return Source(
        kubeconfig=settings.kubeconfig,
        host=settings.k8s_service_host,
        port=settings.k8s_service_port,
        environ=os.environ,
        service_account=SERVICE_ACCOUNT,
    )


def _gateway(client: Client, settings: Settings, inbox: Inbox, metrics: Metrics) -> Gateway:
    return Gateway(
        client,
        node_name=settings.node_name,
        lease_namespace=settings.lease_namespace,
        service_proxy_name=settings.service_proxy_name,
        lease_write_seconds=settings.lease_renew_deadline,
        post=inbox.post,
        observe_renewal=metrics.lease_renewal_seconds.observe,
    )


@contextmanager
def _responder(inbox: Inbox) -> Iterator[Responder]:
    responder = Responder(post=inbox.post, now=clock.now)
    try:
        yield responder
    finally:
        responder.close()


@contextmanager
def _signals(resign: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, resign)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
