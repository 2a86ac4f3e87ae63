"""Draws faults and changes from the seed, and ends each of them after a while."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from l2announcer.core.candidacy import lease_name
from l2announcer.core.model import Key, Kind
from tests.fakes.patching import MERGE_PATCH
from tests.fakes.resources import LEASES, NODES, SERVICES
from tests.sim import objects
from tests.sim.api import Api
from tests.sim.askers import Askers
from tests.sim.node import Node
from tests.sim.objects import LEASE_NAMESPACE, NAMESPACE, POLICY, Json, resources
from tests.sim.plan import AMBUSHES, Fault, Plan
from tests.sim.timeline import Timeline


class Chaos:
    """Everything that goes wrong or changes until `calm`.

    Half of the faults that are worst while a write is under way wait for a node to hand one out.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        timeline: Timeline,
        rng: Random,
        api: Api,
        nodes: list[Node],
        trace: Callable[[str, object], None],
    ) -> None:
        self._plan = plan
        self._timeline = timeline
        self._rng = rng
        self._api = api
        self._nodes = nodes
        self._trace = trace
        self._calm = False
        self._address = 0
        self._victim: Node | None = None
        self._askers = Askers(plan.asking, rng, api)
        self._acts: dict[Fault, Callable[[], str]] = {
            Fault.CRASH: partial(self._die, reboot=False),
            Fault.REBOOT: partial(self._die, reboot=True),
            Fault.RESIGN: self._resign,
            Fault.FREEZE: self._freeze,
            Fault.CUT: self._cut,
            Fault.OUTAGE: self._outage,
            Fault.BROKEN_WATCH: self._break_watch,
            Fault.LAGGING_WATCH: self._lag,
            Fault.SLOW_CALLS: self._slow,
            Fault.COMPACTION: self._compact,
            Fault.WALL_STEP: self._step_wall,
            Fault.LINK: self._link,
            Fault.PARTITION: self._partition,
            Fault.SERVICE: self._change_service,
            Fault.POLICY: self._change_policy,
            Fault.LABEL: self._change_label,
            Fault.LEASE_DELETED: partial(self._touch_lease, delete=True),
            Fault.LEASE_CLEARED: partial(self._touch_lease, delete=False),
            Fault.ASKER: self._askers.change,
            Fault.POOL: self._askers.change_pool,
        }

    # The calm parts

    def populate(self) -> None:
        """What there is at the start."""
        for name in dict.fromkeys(node.name for node in self._nodes):
            self._api.store.create(NODES, objects.node(name, worker=True), now=self._api.unix)
        pool = objects.pool("172.19.255.0/28")
        self._api.store.create(resources()[Kind.POOL], pool, now=self._api.unix)
        self._create_policy(workers_only=self._rng.random() < 0.5)
        for number in range(self._plan.services):
            self._create_service(f"app{number}")
        self._askers.populate()
        for node in self._nodes:
            self._timeline.after(self._rng.uniform(0.0, 3.0), partial(_launch, node))

    def begin(self) -> None:
        self._timeline.after(self._rng.expovariate(1.0 / self._plan.fault_gap), self._next)

    def calm(self) -> None:
        """End everything, and make every object what it was at the start."""
        self._calm = True
        self._api.down = False
        for node in self._nodes:
            node.cut = node.slow = False
            node.lag_until = 0.0
            node.side = 0
            node.resume()
            if not node.link_up:
                node.set_link(up=True)
            if not node.alive():
                node.launch()
            self._label(node.name, worker=True)
        self._askers.calm()
        if self._api.policy() is None:
            self._create_policy(workers_only=True)
        for number in range(self._plan.services):
            if self._api.find(Kind.SERVICE, f"app{number}") is None:
                self._create_service(f"app{number}")
            self._patch_service(f"app{number}", {"metadata": {"labels": {"announce": "yes"}}})

    def _next(self) -> None:
        if self._calm:
            return
        fault = self._rng.choice(self._plan.faults)
        if fault in AMBUSHES and self._rng.random() < 0.5:
            victim = self._node()
            victim.ambush = partial(self._strike, fault, victim)
        else:
            self._strike(fault, None)
        self.begin()

    def _strike(self, fault: Fault, victim: Node | None) -> None:
        if self._calm:
            return
        self._victim = victim
        self._trace("fault", f"{fault.value} {self._acts[fault]()}")
        self._victim = None

    def _later(self, action: Callable[[], None]) -> float:
        """Undo a fault after a while: mostly short, now and then past several durations."""
        seconds = self._rng.choice((0.02, 0.3, 1.0, 1.0, 3.0)) * self._plan.duration_seconds
        seconds *= self._rng.uniform(0.2, 1.2)
        self._timeline.after(seconds, action)
        return seconds

    def _node(self) -> Node:
        """Mostly one that holds something: there it matters."""
        holders = [node for node in self._nodes if node.holds]
        if self._victim is None and holders and self._rng.random() < 0.6:
            return self._rng.choice(holders)
        return self._victim or self._rng.choice(self._nodes)

    # Processes and machines

    def _die(self, *, reboot: bool) -> str:
        node = self._node()
        if not node.alive():
            return f"{node} is down already"
        node.die()
        if reboot:
            node.boot()
        return f"{node} for {self._later(partial(_launch, node)):.3f} s"

    def _resign(self) -> str:
        node = self._node()
        node.resign()
        return f"{node} for {self._later(partial(_launch, node)):.3f} s"

    def _freeze(self) -> str:
        node = self._node()
        if not node.alive() or node.frozen:
            return f"{node} is frozen or down already"
        node.freeze()
        return f"{node} for {self._later(node.resume):.3f} s"

    def _step_wall(self) -> str:
        node = self._node()
        node.clock.wall_offset += self._rng.choice((-3600.0, -2.0, 0.7, 5.0, 86400.0))
        return f"{node} now {node.clock.wall_offset:+} s"

    # Networks

    def _cut(self) -> str:
        node = self._node()
        node.cut = True
        return f"{node} for {self._later(partial(setattr, node, 'cut', False)):.3f} s"

    def _slow(self) -> str:
        node = self._node()
        node.slow = True
        return f"{node} for {self._later(partial(setattr, node, 'slow', False)):.3f} s"

    def _outage(self) -> str:
        self._api.down = True
        for node in self._nodes:
            _break_all(node)
        return f"for {self._later(partial(setattr, self._api, 'down', False)):.3f} s"

    def _break_watch(self) -> str:
        node = self._node()
        _break_all(node)
        return f"{node}"

    def _lag(self) -> str:
        node = self._node()
        seconds = self._rng.uniform(0.1, 2.0) * self._plan.duration_seconds
        node.lag_until = self._timeline.now + seconds
        return f"{node} for {seconds:.3f} s"

    def _compact(self) -> str:
        self._api.store.compact()
        return ""

    def _link(self) -> str:
        node = self._node()
        node.set_link(up=False)
        return f"{node} for {self._later(partial(node.set_link, up=True)):.3f} s"

    def _partition(self) -> str:
        node = self._node()
        node.side = 1 - node.side
        return f"{node} now on side {node.side}"

    # Objects

    def _change_service(self) -> str:
        name = f"app{self._rng.randrange(self._plan.services)}"
        found = self._api.find(Kind.SERVICE, name)
        if found is None:
            self._create_service(name)
            return f"{name} created"
        match self._rng.randrange(4):
            case 0:
                self._api.store.delete(SERVICES, namespace=NAMESPACE, name=name, now=self._api.unix)
                return f"{name} deleted"
            case 1 if found["spec"].get("externalIPs"):
                address = self._new_address()
                self._patch_service(name, {"spec": {"externalIPs": [address]}})
                return f"{name} has {address} now"
            case _:
                wanted = found["metadata"]["labels"].get("announce") == "yes"
                value = "no" if wanted else "yes"
                self._patch_service(name, {"metadata": {"labels": {"announce": value}}})
                return f"{name} announce={value}"

    def _change_policy(self) -> str:
        if self._api.policy() is None:
            self._create_policy(workers_only=self._rng.random() < 0.5)
            return "created"
        self._api.store.delete(resources()[Kind.POLICY], name=POLICY, now=self._api.unix)
        if self._rng.random() < 0.7:
            self._create_policy(workers_only=self._rng.random() < 0.5)
            return "replaced"
        return "deleted"

    def _change_label(self) -> str:
        node = self._node()
        worker = self._rng.random() < 0.5
        self._label(node.name, worker=worker)
        return f"{node.name} worker={worker}"

    def _touch_lease(self, *, delete: bool) -> str:
        names = [lease_name(Key(NAMESPACE, f"app{n}")) for n in range(self._plan.services)]
        name = self._rng.choice(names)
        found = self._api.find(Kind.LEASE, name)
        if found is None:
            return f"{name} does not exist"
        store, now = self._api.store, self._api.unix
        if delete:
            store.delete(LEASES, namespace=LEASE_NAMESPACE, name=name, now=now)
        else:
            patch = {"spec": {"holderIdentity": ""}}
            store.patch(LEASES, patch, MERGE_PATCH, namespace=LEASE_NAMESPACE, name=name)
        return name

    # Writes by the people who use the cluster

    def _create_service(self, name: str) -> None:
        found = objects.service(name, self._new_address())
        if name == "app1":
            found = objects.balanced(name)
        self._api.store.create(SERVICES, found, namespace=NAMESPACE, now=self._api.unix)

    def _create_policy(self, *, workers_only: bool) -> None:
        found = objects.policy(workers_only=workers_only)
        self._api.store.create(resources()[Kind.POLICY], found, now=self._api.unix)

    def _patch_service(self, name: str, patch: Json) -> None:
        self._api.store.patch(SERVICES, patch, MERGE_PATCH, namespace=NAMESPACE, name=name)

    def _label(self, name: str, *, worker: bool) -> None:
        patch = {"metadata": {"labels": {"role": "worker" if worker else "other"}}}
        self._api.store.patch(NODES, patch, MERGE_PATCH, name=name)

    def _new_address(self) -> str:
        """Never one that another Service had: that is a matter of its own."""
        self._address += 1
        return f"172.19.{self._address // 200 + 1}.{self._address % 200 + 1}"


def _launch(node: Node) -> None:
    if not node.alive():
        node.launch()


def _break_all(node: Node) -> None:
    for watch in node.watches.values():
        watch.break_off()
