"""What happens on the way to the API server, in it, and on the segment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from tests.sim.api import Health
from tests.sim.host import Host
from tests.sim.node import Node
from tests.sim.objects import addresses
from tests.sim.plan import Fault
from tests.sim.stage import Stage


class NetworkFaults:
    """Each act says in a sentence what it did."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    @property
    def acts(self) -> Mapping[Fault, Callable[[], str]]:
        return {
            Fault.CUT: self._cut,
            Fault.OUTAGE: self._outage,
            Fault.DENIED: partial(self._ails, Health.DENYING),
            Fault.SLOW_WRITES: partial(self._ails, Health.WRITING_SLOWLY),
            Fault.BROKEN_WATCH: self._break_watch,
            Fault.LAGGING_WATCH: self._lag,
            Fault.SLOW_CALLS: self._slow,
            Fault.COMPACTION: self._compact,
            Fault.PARTITION: self._partition,
            Fault.FOREIGN_HOST: self._foreign_host,
            Fault.PROBER: self._prober,
        }

    def calm(self) -> None:
        """End everything."""
        self._stage.api.health = Health.WELL
        for node in self._stage.nodes:
            node.cut = node.slow = False
            node.lag_until = 0.0
            node.stand(0)
        for host in self._stage.hosts:
            host.leave()

    def _cut(self) -> str:
        stage = self._stage
        cut = {stage.node() for _ in range(stage.rng.choice((1, 1, 2, 3)))}
        for node in cut:
            node.cut = True
        seconds = stage.later(partial(self._mend, cut), longest=8.0)
        return f"{sorted(map(repr, cut))} for {seconds:.3f} s"

    def _mend(self, nodes: set[Node]) -> None:
        for node in nodes:
            node.cut = False

    def _slow(self) -> str:
        node = self._stage.node()
        node.slow = True
        return f"{node} for {self._stage.later(partial(setattr, node, 'slow', False)):.3f} s"

    def _outage(self) -> str:
        """Nobody is answered, or all are told to come later; then, mostly, it is well again."""
        rng = self._stage.rng
        health = rng.choice((Health.DOWN, Health.DOWN, Health.BUSY))
        if health is Health.DOWN:
            self._break_all(self._stage.nodes)
        return f"{health.value} " + self._ails(health, longest=8.0)

    def _ails(self, health: Health, *, longest: float = 3.0) -> str:
        stage = self._stage
        stage.api.health = health
        after = Health.DENYING if stage.rng.random() < 0.2 else Health.WELL
        return f"for {stage.later(partial(self._recover, after), longest=longest):.3f} s"

    def _recover(self, health: Health) -> None:
        """A server that starts may know nobody's rights yet."""
        stage = self._stage
        stage.api.health = Health.WELL if stage.calm else health
        if stage.api.health is Health.DENYING:
            stage.timeline.after(2.0, partial(self._recover, Health.WELL))

    def _break_watch(self) -> str:
        node = self._stage.node()
        self._break_all([node])
        return f"{node}"

    def _break_all(self, nodes: list[Node]) -> None:
        for node in nodes:
            for watch in node.watches.values():
                watch.break_off()

    def _lag(self) -> str:
        stage = self._stage
        node = stage.node()
        seconds = stage.rng.uniform(0.1, 2.0) * stage.plan.duration_seconds
        node.lag_until = stage.timeline.now + seconds
        return f"{node} for {seconds:.3f} s"

    def _compact(self) -> str:
        self._stage.api.store.compact()
        return ""

    def _partition(self) -> str:
        node = self._stage.node()
        node.stand(1 - node.side)
        return f"{node} now on side {node.side}"

    # Who else is on the segment

    def _foreign_host(self) -> str:
        """Somebody takes an address that a Service has, politely or not, and leaves again."""
        host = self._host()
        if host is None:
            return "nothing to take"
        polite = self._stage.rng.random() < 0.5
        host.come(polite=polite)
        return f"{host} polite={polite} for {self._stage.later(host.leave):.3f} s"

    def _prober(self) -> str:
        """Somebody asks whether an address is free, several times, and never takes it."""
        host = self._host()
        if host is None:
            return "nothing to probe"
        times = self._stage.rng.randint(1, 4)
        host.probe(times)
        return f"{host} {times} times"

    def _host(self) -> Host | None:
        stage = self._stage
        known = [address for one in stage.api.services() for address in addresses(one)]
        if not known:
            return None
        number, address = len(stage.hosts), stage.rng.choice(known)
        host = Host(number, address, stage.segment, stage.timeline, stage.rng)
        stage.hosts.append(host)
        return host
