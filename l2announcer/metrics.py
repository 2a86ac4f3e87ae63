"""What Prometheus is told. Frames are counted elsewhere in plain integers and read at a scrape."""

from __future__ import annotations

import platform
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# From one round trip in a quiet cluster to the time-out of a renewal.
_RENEWAL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# From the resolution of the loop's clock to what makes a holder lose its Lease.
_LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class FrameCount(NamedTuple):
    """How many frames from an interface were answered (no reason), or dropped for a reason."""

    interface: str
    protocol: str
    dropped_for: str | None
    frames: int


class EventCount(NamedTuple):
    """How often something else happened on an interface: sent unasked, heard of, gone wrong."""

    interface: str
    event: str
    times: int


class WatchAge(NamedTuple):
    """Seconds since anything was last heard on the watch of a resource."""

    resource: str
    age_seconds: float


class AddressCount(NamedTuple):
    """How many addresses of a pool are `used` or `available`."""

    pool: str
    state: str
    addresses: int


class Metrics:
    """All metrics of one daemon, on a registry of their own.

    `read_frames` and `read_events` give totals that only grow, `read_watches` ages, and
    `read_addresses` what is so now, nothing where this node is not the controller; they are called
    at each scrape, in the thread that collects.
    """

    def __init__(
        self,
        version: str,
        read_frames: Callable[[], Iterable[FrameCount]],
        read_events: Callable[[], Iterable[EventCount]],
        read_watches: Callable[[], Iterable[WatchAge]],
        read_addresses: Callable[[], Iterable[AddressCount]],
    ) -> None:
        # A second series for each counter that nobody asks for; there is only this global switch.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.services_held = Gauge(
            "l2announcer_services_held",
            "Services whose Lease this node holds",
            registry=self.registry,
        )
        self.services_held_over = Gauge(
            "l2announcer_services_held_over",
            "Services that this node answers for without an answer of the API server",
            registry=self.registry,
        )
        self.hold_overs = Counter(
            "l2announcer_hold_overs",
            "How often a Service came to be held over",
            registry=self.registry,
        )
        self.lease_transitions = Counter(
            "l2announcer_lease_transitions",
            "Leases that this node took or lost",
            registry=self.registry,
        )
        self.lease_renewal_seconds = Histogram(
            "l2announcer_lease_renewal_seconds",
            "Time from handing out a Lease's renewal to its outcome",
            buckets=_RENEWAL_BUCKETS,
            registry=self.registry,
        )
        self.api_requests = Counter(
            "l2announcer_api_requests",
            "Requests to the API server by outcome; code is 'none' where no answer came",
            ["verb", "resource", "code"],
            registry=self.registry,
        )
        self.loop_lag_seconds = Histogram(
            "l2announcer_loop_lag_seconds",
            "How much later than asked for the event loop woke the daemon",
            buckets=_LAG_BUCKETS,
            registry=self.registry,
        )
        build = Info("l2announcer_build", "What is running", registry=self.registry)
        build.info({"version": version, "python": platform.python_version()})
        self.registry.register(_Frames(read_frames))
        self.registry.register(_Events(read_events))
        self.registry.register(_Watches(read_watches))
        self.registry.register(_Addresses(read_addresses))
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def observe_request(self, verb: str, resource: str, code: str, _seconds: float) -> None:
        """Count one request to the API server."""
        self.api_requests.labels(verb, resource, code).inc()


class _Frames(Collector):
    def __init__(self, read: Callable[[], Iterable[FrameCount]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return _frame_families()

    def collect(self) -> Iterator[Metric]:
        requests, replies, dropped = _frame_families()
        received: Tally[tuple[str, str]] = Tally()
        for interface, protocol, reason, frames in self._read():
            received[interface, protocol] += frames
            if reason is None:
                replies.add_metric([interface, protocol], frames)
            else:
                dropped.add_metric([interface, protocol, reason], frames)
        for labels, frames in received.items():
            requests.add_metric(labels, frames)
        yield from (requests, replies, dropped)


def _frame_families() -> tuple[CounterMetricFamily, CounterMetricFamily, CounterMetricFamily]:
    where = ["interface", "protocol"]
    return (
        CounterMetricFamily(
            "l2announcer_requests", "Frames that the kernel's filter let through", labels=where
        ),
        CounterMetricFamily("l2announcer_replies", "Requests that were answered", labels=where),
        CounterMetricFamily(
            "l2announcer_dropped_requests",
            "Frames that were not answered, by reason",
            labels=[*where, "reason"],
        ),
    )


class _Events(Collector):
    def __init__(self, read: Callable[[], Iterable[EventCount]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return [_event_family()]

    def collect(self) -> Iterator[Metric]:
        family = _event_family()
        for interface, event, times in self._read():
            family.add_metric([interface, event], times)
        yield family


def _event_family() -> CounterMetricFamily:
    return CounterMetricFamily(
        "l2announcer_interface_events",
        "Frames sent unasked, claims of other hosts, and failures",
        labels=["interface", "event"],
    )


class _Watches(Collector):
    def __init__(self, read: Callable[[], Iterable[WatchAge]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return [_watch_family()]

    def collect(self) -> Iterator[Metric]:
        family = _watch_family()
        for resource, age in self._read():
            family.add_metric([resource], age)
        yield family


def _watch_family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "l2announcer_watch_lag_seconds",
        "Time since anything was heard on a watch, bookmarks included",
        labels=["resource"],
    )


class _Addresses(Collector):
    def __init__(self, read: Callable[[], Iterable[AddressCount]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return [_address_family()]

    def collect(self) -> Iterator[Metric]:
        family = _address_family()
        for pool, state, addresses in self._read():
            family.add_metric([pool, state], addresses)
        yield family


def _address_family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "l2announcer_pool_addresses",
        "Addresses of a pool by state; only where this node is the controller",
        labels=["pool", "state"],
    )
