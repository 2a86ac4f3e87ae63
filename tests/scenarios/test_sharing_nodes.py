"""Several nodes that contest a group: never two that answer, and soon one, in whatever order."""

from __future__ import annotations

import pytest

from l2announcer.core.model import Key, Policy, Service
from tests.scenarios.delays import World

A, B, C = (Key("default", name) for name in "abc")
X, Y, Z = "172.19.0.240", "172.19.0.241", "172.19.0.242"


def service(key: Key, *addresses: str) -> Service:
    return Service(key=key, uid=str(key), external_ips=addresses)


def started(seed: int, *services: Service, nodes: int = 3, delay_seconds: float = 0.02) -> World:
    """A world that nobody has answered in yet, with a policy that wants everything everywhere."""
    world = World(seed, nodes=nodes, delay_seconds=delay_seconds)
    world.policies = [Policy(key=Key("", "p"), resource_version="1", external_ips=True)]
    for one in services:
        world.put(one)
    for machine in world.machines:
        world.after(world.delay(), machine.start)
    return world


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("delay_seconds", [0.001, 0.02, 0.2])
def test_of_three_that_take_at_once_one_comes_to_hold_all(seed: int, delay_seconds: float) -> None:
    chain = (service(A, X), service(B, X, Y), service(C, Y, Z))
    world = started(seed, *chain, delay_seconds=delay_seconds)
    world.run(3.0 + 20 * delay_seconds)
    ((one,), *others) = [world.answering(address) for address in (X, Y, Z)]
    assert others == [[one], [one]]
    assert set(world.holders.values()) == {f"node{one}"}


@pytest.mark.parametrize("seed", range(4))
def test_a_stop_and_a_crash_are_taken_over_as_a_whole(seed: int) -> None:
    world = started(seed, service(A, X), service(B, X, Y), service(C, Y, Z))
    world.run(3.0)
    (first,) = world.answering(X)
    world.resign(first)
    world.run(1.0)
    (second,) = world.answering(X)
    assert second != first
    world.kill(second)
    world.run(15.5)
    (third,) = world.answering(X)
    assert world.answering(Y) == world.answering(Z) == [third]
    assert third not in {first, second}


@pytest.mark.parametrize("seed", range(16))
def test_whatever_happens_to_its_services_one_answers_in_the_end(seed: int) -> None:
    world = started(seed, service(A, X), service(B, X, Y))
    rng = world.rng
    for _ in range(4):
        world.run(rng.choice((0.005, 0.05, 0.5, 3.0)))
        key = rng.choice((A, B, C))
        if rng.random() < 0.3:
            world.delete(key)
        else:
            kept = {address for one in world.services.values() for address in one.external_ips}
            usual = {A: {X}, B: {X, Y}, C: {Y, Z}}[key]
            world.put(service(key, *sorted(usual & (kept | usual))))
    world.run(20.0)
    for address in {each for one in world.services.values() for each in one.external_ips}:
        assert len(world.answering(address)) == 1, address


CHAIN = (service(A, X), service(B, X, Y), service(C, Y, Z))
LEASES = [f"cilium-l2announce-default-{name}" for name in "abc"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", LEASES)
def test_a_lease_that_is_cleared_by_hand_is_taken_back_with_the_rest(seed: int, name: str) -> None:
    world = started(seed, *CHAIN)
    world.run(3.0)
    world.write_lease(name, holderIdentity="")
    world.run(2.0)
    ((one,), *others) = [world.answering(address) for address in (X, Y, Z)]
    assert others == [[one], [one]]
    assert set(world.holders.values()) == {f"node{one}"}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", LEASES)
def test_a_lease_that_a_stranger_takes_silences_all_until_it_runs_out(seed: int, name: str) -> None:
    world = started(seed, *CHAIN)
    world.run(3.0)
    world.write_lease(name, holderIdentity="somebody", renewTime="2030-01-01T00:00:00.000000Z")
    world.run(1.0)
    assert [world.answering(address) for address in (X, Y, Z)] == [[], [], []]
    held = {holder for other, holder in world.holders.items() if other != name}
    assert held == {""} if name == LEASES[0] else len(held) == 1
    world.run(17.0)
    ((one,), *others) = [world.answering(address) for address in (X, Y, Z)]
    assert others == [[one], [one]]


@pytest.mark.parametrize("seed", range(4))
def test_a_group_moves_to_its_favourite_as_a_whole_and_stays_there(seed: int) -> None:
    world = started(seed, *CHAIN)
    world.run(90.0)
    order = world.machines[0].announcer.roster.order(LEASES[0], CHAIN, world.now)
    favourite = world.names.index(order[0])
    assert [world.answering(address) for address in (X, Y, Z)] == 3 * [[favourite]]
    before = world.transitions
    assert before <= 2 * 3
    world.run(120.0)
    assert world.transitions == before
    assert world.answering(X) == [favourite]


@pytest.mark.parametrize("seed", range(4))
def test_a_node_that_leaves_hands_the_whole_group_over(seed: int) -> None:
    world = started(seed, *CHAIN)
    world.run(3.0)
    (first,) = world.answering(X)
    before = world.transitions
    world.cordon(first)
    world.run(10.0)
    ((second,), *others) = [world.answering(address) for address in (X, Y, Z)]
    assert others == [[second], [second]]
    assert second != first
    assert world.transitions == before + 3
