"""Metrics: names, and that frames and ages are read at the scrape."""

from __future__ import annotations

from prometheus_client import generate_latest

from l2announcer.metrics import AddressCount, EventCount, FrameCount, Metrics, WatchAge


def scrape(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


def test_frames_and_ages_are_read_at_each_scrape() -> None:
    frames = [
        FrameCount("eth0", "arp", None, 3),
        FrameCount("eth0", "arp", "expired", 2),
        FrameCount("eth1", "ndp", None, 1),
    ]
    events = [EventCount("eth0", "announced", 7)]
    ages = [WatchAge("services", 1.5)]
    counts = [AddressCount("lan", "available", 2**64)]
    metrics = Metrics("1.2.3", lambda: frames, lambda: events, lambda: ages, lambda: counts)
    shown = scrape(metrics)
    for line in (
        'l2announcer_requests_total{interface="eth0",protocol="arp"} 5.0',
        'l2announcer_replies_total{interface="eth0",protocol="arp"} 3.0',
        'l2announcer_replies_total{interface="eth1",protocol="ndp"} 1.0',
        'l2announcer_dropped_requests_total{interface="eth0",protocol="arp",reason="expired"} 2.0',
        'l2announcer_interface_events_total{event="announced",interface="eth0"} 7.0',
        'l2announcer_watch_lag_seconds{resource="services"} 1.5',
        'l2announcer_pool_addresses{pool="lan",state="available"} 1.8446744073709552e+19',
    ):
        assert line in shown
    frames[0] = FrameCount("eth0", "arp", None, 4)
    ages.clear()
    shown = scrape(metrics)
    assert 'l2announcer_replies_total{interface="eth0",protocol="arp"} 4.0' in shown
    assert not any(line.startswith("l2announcer_watch_lag_seconds{") for line in shown)


def test_what_the_daemon_counts_itself() -> None:
    metrics = Metrics("1.2.3", lambda: (), lambda: (), lambda: (), lambda: ())
    metrics.services_held.set(2)
    metrics.lease_transitions.inc()
    metrics.lease_renewal_seconds.observe(0.02)
    metrics.api_requests.labels(verb="get", resource="leases", code="200").inc()
    metrics.loop_lag_seconds.observe(0.002)
    shown = scrape(metrics)
    for line in (
        "l2announcer_services_held 2.0",
        "l2announcer_lease_transitions_total 1.0",
        'l2announcer_lease_renewal_seconds_bucket{le="0.025"} 1.0',
        'l2announcer_api_requests_total{code="200",resource="leases",verb="get"} 1.0',
        'l2announcer_loop_lag_seconds_bucket{le="0.0025"} 1.0',
    ):
        assert line in shown
    (build,) = [line for line in shown if line.startswith("l2announcer_build_info{")]
    assert 'version="1.2.3"' in build
    assert 'python="3.' in build


def test_every_metric_is_ours_explained_and_alone_in_its_registry() -> None:
    Metrics("1", lambda: (), lambda: (), lambda: (), lambda: ())
    shown = scrape(Metrics("1", lambda: (), lambda: (), lambda: (), lambda: ()))
    names = [line.split()[2:] for line in shown if line.startswith("# HELP ")]
    assert all(len(name) > 1 for name in names)
    assert {name[0].partition("_")[0] for name in names} == {"l2announcer", "process", "python"}
    assert not any("_created" in line for line in shown)
