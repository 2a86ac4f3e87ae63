"""So many Services on daemons at work, for the benches of what goes on when nothing happens."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvloop

from l2announcer.core.candidacy import LEASE_PREFIX
from tests.bench import services
from tests.bench.failover.cluster import Cluster
from tests.bench.failover.sides import Node, Setup
from tests.cluster.controlplane import ADMIN, DAEMON
from tests.cluster.daemon.announced import policy, pool
from tests.cluster.daemon.site import LEASES, POLICIES, POOLS

BLOCK = "172.19.192.0/19"
CROWD = 200  # Services that come together, some at once: more are too many for a lab's API server
AT_ONCE = 8
QUIET_SECONDS = 3.0
PATIENCE_SECONDS = 180.0
LOOK_SECONDS = 0.5


class Steady:
    """Services of one name on a cluster with one side; `count` of them are there."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.name = name
        self.count = 0
        self.cluster = cluster
        (self.side,) = cluster.sides
        self._admin = cluster.control_plane.kubeconfig(ADMIN)

    @contextmanager
    def running(self, setup: Setup) -> Iterator[None]:
        """Have a pool, a policy, and daemons on no node yet; nothing of it is left afterwards."""
        cluster = self.cluster
        self.side.setup = setup
        made = ((POOLS, pool(self.name, [BLOCK])), (POLICIES, policy(self.name)))
        try:
            for collection, manifest in made:
                assert cluster.api.post(collection, manifest).ok
            yield
        finally:
            cluster.stop(self.side)
            self._do(services.delete, range(self.count))
            self.count = 0
            for collection, manifest in made:
                cluster.api.delete(f"{collection}/{manifest['metadata']['name']}")
            cluster.api.delete(LEASES)

    def start(self, node: Node) -> None:
        """Start the daemon of a node; return when it takes part."""
        self.cluster.start(self.side, node)
        ready = partial(self.side.daemon.ready, node)
        self.cluster.until(f"{node.name} is ready", ready)

    def grow(self, count: int) -> None:
        """Have so many Services; return when each Lease is held and nothing more is to be done."""
        while self.count < count:
            first, self.count = self.count, min(self.count + CROWD, count)
            self._do(services.create, range(first, self.count))
            self.cluster.until(
                f"all of {self.count} Leases are held",
                lambda: self.held().total() == self.count,
                PATIENCE_SECONDS,
            )
        self.rest()

    def rest(self) -> None:
        """Wait until nothing but renewals was asked for a while: the last Events may be late."""
        cluster = self.cluster

        def busy() -> bool:
            since = cluster.audit.mark()
            time.sleep(QUIET_SECONDS)
            asked = cluster.audit.asked(DAEMON, since)
            return any((each.verb, each.resource) != ("update", "leases") for each in asked)

        cluster.until("all is at rest", lambda: not busy(), PATIENCE_SECONDS)

    def held(self) -> Counter[str]:
        """How many of the Leases each node holds."""
        prefix = f"{LEASE_PREFIX}default-{self.name}-"
        time.sleep(LOOK_SECONDS if self.count else 0.0)  # a long list, that others have to wait for
        found = self.cluster.api.get(LEASES).body["items"]
        return Counter(
            lease["spec"]["holderIdentity"]
            for lease in found
            if lease["metadata"]["name"].startswith(prefix) and lease["spec"].get("holderIdentity")
        )

    def _do(self, deed: services.Deed, numbers: range) -> None:
        with (
            self.cluster.home.in_namespace(),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(services.done(self._admin, deed, self.name, numbers, AT_ONCE))
