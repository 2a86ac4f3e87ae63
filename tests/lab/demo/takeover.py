"""The last step: the holder of app1 is stopped, and the other worker takes over."""

from __future__ import annotations

import time

from tests.lab.cluster import PLANS, WORKERS
from tests.lab.demo.guide import APPS, SETTLE_SECONDS, Guide
from tests.lab.requests import PAUSE_SECONDS, Requests

STOP_SECONDS = 2.0
AFTERWARDS = 20


def take_over(guide: Guide) -> None:
    """DemoError or LabError when the address does not move, or stops being answered."""
    cluster, console = guide.cluster, guide.console
    address = APPS["app1"]
    before = cluster.holder("app1-service")
    after = next(name for name in WORKERS if name != before)
    console.step(f"{before} is stopped: {after} takes over app1")
    pause = f"{PAUSE_SECONDS * 1000:.0f} ms"
    console.say(f"(the client asks http://{address} every {pause}, on a new connection each time)")
    with Requests(cluster.client, address) as requests:
        _until_answered(guide, requests, time.monotonic(), f"{address} answers beforehand")
        daemon = cluster.daemons[before]
        console.command(before, f"kill -TERM {daemon.pid}", "")
        stopped = time.monotonic()
        daemon.terminate()
        cluster.until(
            f"the daemon of {before} has ended after SIGTERM",
            lambda: daemon.poll() is not None,
            SETTLE_SECONDS,
        )
        code, seconds = daemon.returncode, time.monotonic() - stopped
        cluster.until(
            f"{after} holds the Lease of app1-service",
            lambda: cluster.holder("app1-service") == after,
            SETTLE_SECONDS,
        )
        cluster.until(
            f"the client's neighbour entry for {address} has the MAC of {after}",
            lambda: guide.neighbour(address) == PLANS[after].mac,
            SETTLE_SECONDS,
        )
        moved = time.monotonic()
        _until_answered(guide, requests, moved, f"{address} answers afterwards")
    console.require(
        f"the daemon of {before} ended with exit code {code} after {seconds:.2f} s",
        holds=code == 0 and seconds < STOP_SECONDS,
        otherwise=f"the daemon of {before} ended with exit code {code} after {seconds:.1f} s; it"
        f" should be 0, within {STOP_SECONDS:g} s",
    )
    guide.kubectl("get", "lease", "-n", "kube-system")
    guide.show_holder("app1", address)
    console.require(
        f"{len(requests.made)} requests, {requests.lost} lost;"
        f" the longest time without an answer was {requests.longest_gap * 1000:.0f} ms",
        holds=requests.answered_since(moved) >= AFTERWARDS,
        otherwise=f"{address} does not answer after {after} took over",
    )


def _until_answered(guide: Guide, requests: Requests, since: float, fact: str) -> None:
    guide.cluster.until(fact, lambda: requests.answered_since(since) >= AFTERWARDS, SETTLE_SECONDS)
