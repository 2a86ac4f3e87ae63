"""Leases that heartbeats keep, on a real API server: what is written, and who answers when."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from l2announcer.core.lease import ENDLESS_SECONDS
from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.announced import address_of, made, policy, pool, removed, service
from tests.cluster.daemon.audit import Asked
from tests.cluster.daemon.site import BEATING, LEASES, POLICIES, POOLS, SERVICES, SHORT, Site
from tests.lab.arp_witness import ArpWitness, longest_gap, runs
from tests.lab.cluster import PLANS, WORKERS

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

MANY = 6
CALM_SECONDS = 3.0
STEADY_SECONDS = 6.0
RESTART_SECONDS = 3.0  # to take over what a stopped daemon had, on a busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """Services of one pool, each with its address and a client that asks for it all the time."""

    site: Site
    witnesses: dict[str, ArpWitness]

    def lease(self, name: str) -> dict[str, Any]:
        """What its Lease says."""
        found: dict[str, Any] = self.site.lease(name)["spec"]
        return found

    def held_by(self, node: str) -> list[str]:
        return [name for name in self.witnesses if self.site.holder(name) == node]

    def leases_asked(self, since: int) -> list[Asked]:
        """What the daemons asked about Leases, but for those of earlier tests."""
        own = [f"cilium-l2announce-default-{name}" for name in self.witnesses]
        asked = self.site.audit.asked(DAEMON, since)
        return [
            each
            for each in asked
            if each.resource == "leases"
            and (each.name in own or not each.name.startswith("cilium"))
        ]

    def settled(self) -> bool:
        """Is each answered for by its holder?"""
        since = time.monotonic() - 0.2
        return all(
            witness.count(PLANS[holder].mac, since) > 0
            for name, witness in self.witnesses.items()
            if (holder := self.site.holder(name) or WORKERS[0])
        )

    def in_turns(self) -> None:
        """At no time did two nodes answer: each change of the answer is one of the Lease."""
        for name, witness in self.witnesses.items():
            assert len(runs(witness.claims)) - 1 <= self.lease(name)["leaseTransitions"], name


@contextmanager
def many(site: Site) -> Iterator[Many]:
    number = site.next_number()
    name = f"kept-{number}"
    addresses = [f"172.19.8.{number * MANY + each}" for each in range(MANY)]
    with removed(site, name, MANY) as names, ExitStack() as asking:
        made(site, POOLS, pool(name, [f"{address}/32" for address in addresses]))
        made(site, POLICIES, policy(name))
        for each in names:
            made(site, SERVICES, service(each, name))
        witnesses = {}
        for each in names:
            address = site.until("it has an address", partial(address_of, site, each))
            witnesses[each] = asking.enter_context(site.asking(address))
        found = Many(site=site, witnesses=witnesses)
        site.until("all are answered for", found.settled)
        yield found


@pytest.fixture
def kept(empty_site: Site) -> Iterator[Many]:
    """Services whose Leases heartbeats keep."""
    empty_site.install()
    empty_site.run(BEATING)
    with many(empty_site) as found:
        yield found


def test_heartbeats_are_all_that_is_written_and_nothing_is_read(kept: Many) -> None:
    for name in kept.witnesses:
        assert kept.lease(name)["leaseDurationSeconds"] == ENDLESS_SECONDS
    time.sleep(CALM_SECONDS)  # who lost a race for a Lease may have probed for its address
    since = kept.site.audit.mark()
    time.sleep(STEADY_SECONDS)
    asked = kept.leases_asked(since)
    assert {each.verb for each in asked} == {"update"}
    written = Counter(each.name for each in asked)
    assert set(written) == {f"l2announcer-node-{node}" for node in PLANS}
    beats = STEADY_SECONDS / BEATING.retry_period
    assert all(beats - 2 <= count <= beats + 1 for count in written.values()), written


def test_of_a_killed_node_all_addresses_move_at_once(kept: Many) -> None:
    killed = max(WORKERS, key=lambda node: len(kept.held_by(node)))
    (other,) = set(WORKERS) - {killed}
    had = kept.held_by(killed)
    assert len(had) > 1
    kept.site.stop(killed, signal.SIGKILL)
    struck_at = time.monotonic()
    for name in had:
        answered_at = kept.site.answered(kept.witnesses[name], other)
        assert answered_at - struck_at < BEATING.duration + 1
    kept.in_turns()
    kept.site.start(killed)
    kept.site.until("it takes part again", partial(kept.site.reads, killed))
    kept.in_turns()


def test_a_stopped_node_gives_all_away_with_one_write(kept: Many) -> None:
    stopped = max(WORKERS, key=lambda node: len(kept.held_by(node)))
    (other,) = set(WORKERS) - {stopped}
    had, since = kept.held_by(stopped), kept.site.audit.mark()
    assert kept.site.stop(stopped) == 0
    for name in had:
        kept.site.answered(kept.witnesses[name], other)
        assert longest_gap(kept.witnesses[name].claims) < RESTART_SECONDS
    released = kept.site.read(f"{LEASES}/l2announcer-node-{stopped}")["spec"]
    assert released["holderIdentity"] == ""
    written = Counter(each.name for each in kept.leases_asked(since) if each.verb == "update")
    services = {name for name in written if name.startswith("cilium")}
    assert services <= {f"cilium-l2announce-default-{name}" for name in had}
    assert all(written[name] == 1 for name in services), "by who took it"
    kept.in_turns()
    kept.site.start(stopped)
    kept.site.until("it takes part again", partial(kept.site.reads, stopped))


def test_there_and_back_node_by_node_without_a_gap(empty_site: Site) -> None:
    empty_site.install()
    empty_site.run(SHORT)
    with many(empty_site) as found:
        for timing, seconds in ((BEATING, ENDLESS_SECONDS), (SHORT, SHORT.duration)):
            for node in PLANS:
                empty_site.start_again(node, timing)
                empty_site.until("all are answered for", found.settled)
            said = [found.lease(name)["leaseDurationSeconds"] for name in found.witnesses]
            assert said == [seconds] * MANY
        for witness in found.witnesses.values():
            assert longest_gap(witness.claims) < RESTART_SECONDS
        found.in_turns()
