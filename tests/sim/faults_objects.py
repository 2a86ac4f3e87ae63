"""What people do to the objects of the cluster, and what there is when nobody does anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from l2announcer.core.candidacy import lease_name
from l2announcer.core.heartbeat import heartbeat_name
from l2announcer.core.model import Key, Kind
from tests.fakes.patching import MERGE_PATCH
from tests.fakes.resources import ENDPOINT_SLICES, LEASES, NODES, SERVICES
from tests.sim import objects
from tests.sim.askers import Askers
from tests.sim.objects import LEASE_NAMESPACE, NAMESPACE, POLICY, Json, resources
from tests.sim.plan import Fault
from tests.sim.sharing import Sharers
from tests.sim.stage import Stage


class ObjectFaults:
    """Each act says in a sentence what it did."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._api = stage.api
        self._address = 0
        self._askers = Askers(stage)
        self._sharers = Sharers(stage)

    @property
    def acts(self) -> Mapping[Fault, Callable[[], str]]:
        return {
            Fault.SERVICE: self._change_service,
            Fault.POLICY: self._change_policy,
            Fault.LABEL: self._change_label,
            Fault.NODE: self._delete_node,
            Fault.ENDPOINTS: self._move_endpoints,
            Fault.LEASE_DELETED: partial(self._touch_lease, delete=True),
            Fault.LEASE_CLEARED: partial(self._touch_lease, delete=False),
            Fault.ASKER: self._askers.change,
            Fault.POOL: self._askers.change_pool,
            Fault.SHARER: self._sharers.change,
            Fault.SHARED_LEASE: self._sharers.clear_lease,
        }

    def populate(self) -> None:
        """What there is at the start."""
        for name in dict.fromkeys(machine.name for machine in self._stage.machines):
            self._create_node(name)
        pool = objects.pool("172.19.255.0/28")
        self._api.store.create(resources()[Kind.POOL], pool, now=self._api.unix)
        self._create_policy(workers_only=self._stage.rng.random() < 0.5)
        for number in range(self._stage.plan.services):
            self._create_service(f"app{number}")
        self._askers.populate()
        self._sharers.populate()

    def calm(self) -> None:
        """Make every object what it was at the start."""
        for name in self._names:
            self._create_node(name)
            self._label(name, worker=True)
        self._askers.calm()
        self._sharers.calm()
        if self._api.policy() is None:
            self._create_policy(workers_only=True)
        for number in range(self._stage.plan.services):
            if self._api.find(Kind.SERVICE, f"app{number}") is None:
                self._create_service(f"app{number}")
            self._patch_service(f"app{number}", {"metadata": {"labels": {"announce": "yes"}}})
            if self._stage.plan.local:
                self._place(f"app{number}", self._names)

    @property
    def _names(self) -> list[str]:
        return list(dict.fromkeys(node.name for node in self._stage.nodes))

    # What changes

    def _change_service(self) -> str:
        rng = self._stage.rng
        name = f"app{rng.randrange(self._stage.plan.services)}"
        found = self._api.find(Kind.SERVICE, name)
        if found is None:
            self._create_service(name)
            return f"{name} created"
        match rng.randrange(4):
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
        rng = self._stage.rng
        if self._api.policy() is None:
            self._create_policy(workers_only=rng.random() < 0.5)
            return "created"
        self._api.store.delete(resources()[Kind.POLICY], name=POLICY, now=self._api.unix)
        if rng.random() < 0.7:
            self._create_policy(workers_only=rng.random() < 0.5)
            return "replaced"
        return "deleted"

    def _change_label(self) -> str:
        name = self._stage.node().name
        if self._api.find(Kind.NODE, name) is None:
            return f"{name} does not exist"
        worker = self._stage.rng.random() < 0.5
        self._label(name, worker=worker)
        return f"{name} worker={worker}"

    def _delete_node(self) -> str:
        """Delete a Node's object; its machine runs on, and registers again after a while."""
        name = self._stage.node().name
        if self._api.find(Kind.NODE, name) is None:
            return f"{name} does not exist"
        self._api.store.delete(NODES, name=name, now=self._api.unix)
        return f"{name} for {self._stage.later(partial(self._create_node, name)):.3f} s"

    def _move_endpoints(self) -> str:
        """Endpoints come, terminate and go; mostly some node has one."""
        rng = self._stage.rng
        name = f"app{rng.randrange(self._stage.plan.services)}"
        if rng.random() < 0.1 and self._api.find(Kind.ENDPOINT_SLICE, name) is not None:
            where = {"namespace": NAMESPACE, "name": name}
            self._api.store.delete(ENDPOINT_SLICES, **where, now=self._api.unix)
            return f"of {name} deleted"
        some = rng.sample(self._names, rng.randrange(1 + len(self._names)))
        self._place(name, some)
        return f"of {name} to {some}"

    def _place(self, service: str, nodes: list[str]) -> None:
        """Let these nodes have an endpoint each, and each other node none."""
        rng, store = self._stage.rng, self._api.store
        ready = [name for name in nodes if rng.random() < 0.6]
        made = objects.endpoints(service, ready, [name for name in nodes if name not in ready])
        where = {"namespace": NAMESPACE, "name": service}
        if self._api.find(Kind.ENDPOINT_SLICE, service) is None:
            store.create(ENDPOINT_SLICES, made, namespace=NAMESPACE, now=self._api.unix)
        else:
            patch = {"endpoints": made["endpoints"]}
            store.patch(ENDPOINT_SLICES, patch, MERGE_PATCH, **where)

    def _touch_lease(self, *, delete: bool) -> str:
        names = [lease_name(Key(NAMESPACE, f"app{n}")) for n in range(self._stage.plan.services)]
        if self._stage.plan.by_heartbeat:
            names += [heartbeat_name(node.name) for node in self._stage.nodes]
        name = self._stage.rng.choice(names)
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

    def _create_node(self, name: str) -> None:
        if self._api.find(Kind.NODE, name) is None:
            self._api.store.create(NODES, objects.node(name, worker=True), now=self._api.unix)

    def _create_service(self, name: str) -> None:
        found = objects.service(name, self._new_address())
        if name == "app1":
            found = objects.balanced(name)
        if self._stage.plan.local:
            found["spec"]["externalTrafficPolicy"] = "Local"
            self._place(name, self._names)
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
