"""Any history of edits, lost writes and restarts, against a naive reading of the truth.

Invariants: no address is given that another Service's status shows, unless they may share it; and
when nothing is left to write: every address is of a pool, nobody waits for what is free, counts are
exact, and a restart changes nothing.
"""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from l2announcer.core.effects import StatusWrite
from l2announcer.core.facts import Refusal
from l2announcer.core.ipam import ipam
from l2announcer.core.ipam.sharing import obstacle, sharing
from l2announcer.core.model import Key, Kind, LabelSelector, Pool, Port, Service
from tests.unit.core.ipam.store import Store, svc

NAMES = st.sampled_from([f"s{number}" for number in range(6)])
ADDRESSES = st.sampled_from([f"10.0.0.{number}" for number in range(8)])
LABELS = st.sampled_from([{}, {"color": "red"}])
KEYS = st.sampled_from(["", "", "k"])
BLOCKS = st.sampled_from(
    ["10.0.0.0/31", "10.0.0.2-10.0.0.4", "10.0.0.4/31", "10.0.0.6-10.0.0.6", "10.0.0.0/29"]
)

Blocks = list[tuple[set[str], set[str]]]


class History(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = Store()
        self.under_way: list[StatusWrite] = []

    @rule(name=NAMES, labels=LABELS, key=KEYS, port=st.sampled_from([80, 81]))
    def edit(self, name: str, labels: dict[str, str], key: str, port: int) -> None:
        annotations = {"lbipam.cilium.io/sharing-key": key}
        self.store.service(name, labels=labels, annotations=annotations, ports=(Port(port=port),))

    @rule(name=NAMES, address=ADDRESSES | st.just(""))
    def ask(self, name: str, address: str) -> None:
        self.store.service(name, load_balancer_ip=address)

    @rule(name=NAMES, type_=st.sampled_from(["LoadBalancer", "ClusterIP"]))
    def set_type(self, name: str, type_: str) -> None:
        self.store.service(name, type=type_)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if svc(name) in self.store.services:
            self.store.delete(name)

    @rule(
        name=st.sampled_from(["p0", "p1"]),
        blocks=st.lists(BLOCKS, min_size=1, max_size=2, unique=True),
        disabled=st.sampled_from([False, False, True]),
        red=st.booleans(),
        ends=st.booleans(),
    )
    def edit_pool(
        self, name: str, blocks: list[str], disabled: bool, red: bool, ends: bool
    ) -> None:
        selector = LabelSelector(match_labels=(("color", "red"),)) if red else None
        self.store.pool(
            name,
            *blocks,
            disabled=disabled,
            service_selector=selector,
            allow_first_last_ips=ends,
        )

    @rule(name=st.sampled_from(["p0", "p1"]))
    def delete_pool(self, name: str) -> None:
        if Key("", name) in self.store.pools:
            self.store.delete_pool(name)
            for write in [write for write in self.under_way if write.key.name == name]:
                self.under_way.remove(write)
                self.store.refuse(write, Refusal.MISSING)

    @rule()
    def poll(self) -> None:
        self.store.now += 1
        writes, _ = self.store.step()
        self.under_way += writes

    @precondition(lambda self: bool(self.under_way))
    @rule(data=st.data(), fate=st.sampled_from(["done", "done", "lost", "late"]))
    def settle_one(self, data: st.DataObject, fate: str) -> None:
        """One write comes to its end: done, not done and no answer, or done and no answer."""
        number = data.draw(st.integers(0, len(self.under_way) - 1))
        write = self.under_way.pop(number)
        self._judge(write)
        if fate == "lost" or write.key not in self.store.services:
            self.store.refuse(write, Refusal.UNAVAILABLE)
        elif fate == "late":
            listening = self.store.ipam
            self.store.ipam = self.store._new()  # nobody hears of it
            self.store.carry_out(write)
            self.store.ipam = listening
            self.store.refuse(write, Refusal.UNAVAILABLE)
            self.store.ipam.handle_service(self.store.services[write.key])
        else:
            self.store.carry_out(write)

    @rule()
    def restart(self) -> None:
        self.under_way = []
        self.store.restart()

    @rule()
    def come_to_rest(self) -> None:
        writes, self.under_way = self.under_way, []
        for write in writes:
            self._judge(write)
            self.store.carry_out(write)
        self.store.run()
        self._check_rest()
        self.store.restart()
        assert self.store.run() == 0

    def _judge(self, write: StatusWrite) -> None:
        """No write gives what another's status shows, unless the two may share it."""
        truth = self.store.services.get(write.key)
        entries = write.patch["status"].get("loadBalancer", {}).get("ingress", [])
        if write.kind is not Kind.SERVICE or truth is None:
            return
        if write.patch["metadata"]["resourceVersion"] != truth.resource_version:
            return
        for added in {entry["ip"] for entry in entries} - shown(truth):
            for other in self.store.services.values():
                if other.key != truth.key and added in shown(other):
                    assert other.type == "LoadBalancer"
                    assert obstacle(sharing(truth), sharing(other)) is None

    def _check_rest(self) -> None:
        store = self.store
        users: dict[str, list[Service]] = {}
        for service in store.services.values():
            for address in shown(service):
                users.setdefault(address, []).append(service)
        for together in users.values():
            for one in together:
                for other in together:
                    assert one is other or obstacle(sharing(one), sharing(other)) is None
        pools = {key.name: naive_blocks(pool) for key, pool in store.pools.items()}
        of_pools = {
            address for blocks in pools.values() for block, _ in blocks for address in block
        }
        assert users.keys() <= of_pools or not pools  # without any pool nothing is touched
        for name, blocks in pools.items():
            total = sum(len(block) for block, _ in blocks)
            available = sum(len(givable - users.keys()) for _, givable in blocks)
            assert store.counts(name) == (total, available, total - available)
        self._check_nobody_waits_in_vain(set(users), pools)

    def _check_nobody_waits_in_vain(self, taken: set[str], pools: dict[str, Blocks]) -> None:
        store = self.store
        for service in store.services.values():
            if service.type != "LoadBalancer" or shown(service) or not store.pools:
                continue
            for name, blocks in pools.items():
                pool = store.pools[Key("", name)]
                red = pool.service_selector is not None
                if pool.disabled or store.conflicting(name):
                    continue
                if red and service.labels.get("color") != "red":
                    continue
                free = set().union(*(givable for _, givable in blocks)) - taken
                asked = service.load_balancer_ip
                assert (asked not in free) if asked else not free


def shown(service: Service) -> set[str]:
    return {entry.ip for entry in service.ingress}


def naive_blocks(pool: Pool) -> Blocks:
    """Each block's addresses one by one, and those of them that may be given."""
    found = []
    for block in pool.blocks:
        if block.cidr:
            addresses = [str(address) for address in ip_network(block.cidr)]
        else:
            first, last = (int(text.rpartition(".")[2]) for text in (block.start, block.stop))
            addresses = [f"10.0.0.{number}" for number in range(first, last + 1)]
        givable = set(addresses)
        if block.cidr and len(addresses) > 2 and not pool.allow_first_last_ips:
            givable -= {addresses[0], addresses[-1]}
        found.append((set(addresses), givable))
    return found


SOME = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("steps", [1, 3, ipam.STEPS])
def test_any_history(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """However little is done in one poll."""
    monkeypatch.setattr(ipam, "STEPS", steps)
    run_state_machine_as_test(History, settings=SOME)
