"""Each reason for which a node is leaving, and how many others it gives way to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.cluster import Changes, Cluster
from l2announcer.core.contest import Contest
from l2announcer.core.effects import Effects
from l2announcer.core.eligibility import EXCLUDED, LAST_RANK, Eligibility, judge
from l2announcer.core.facts import Listed
from l2announcer.core.model import Holding, Key, Kind, LabelSelector, Node, Policy, Service, Taint
from l2announcer.core.selection import Selection, select
from l2announcer.core.terms import Terms
from tests.scenarios.driver import link

OWN = Node(key=Key("", "worker"), resource_version="1")
CORDONED = replace(OWN, resource_version="2", unschedulable=True)
TERMS = Terms(node="worker", namespace="kube-system", holding=Holding(boot="b", netns=1))
BLUE = Service(key=Key("default", "blue"), labels={"color": "blue"}, external_ips=("172.19.0.240",))


def taint(key: str) -> Taint:
    return Taint(key, "NoSchedule")


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        (replace(OWN, deleting=True), "is being deleted"),
        (replace(OWN, conditions={"Ready": "False"}), "is not ready: its kubelet says so"),
        (
            replace(OWN, conditions={"Ready": "Unknown"}),
            "is not known to be ready: its kubelet has not been heard of lately",
        ),
        (
            replace(OWN, conditions={"Ready": "True", "NetworkUnavailable": "True"}),
            "has no working pod network (NetworkUnavailable)",
        ),
        (CORDONED, "is cordoned: kubectl uncordon lets it take part again"),
        (replace(OWN, labels={EXCLUDED: ""}), f"has the label {EXCLUDED}"),
        (
            replace(OWN, taints=(taint("node.kubernetes.io/out-of-service"),)),
            "is out of service (taint node.kubernetes.io/out-of-service)",
        ),
        (
            replace(OWN, taints=(taint("node.cloudprovider.kubernetes.io/shutdown"),)),
            "is shut down (taint node.cloudprovider.kubernetes.io/shutdown)",
        ),
        (
            replace(OWN, taints=(taint("ToBeDeletedByClusterAutoscaler"),)),
            "is to be removed by the cluster autoscaler (taint ToBeDeletedByClusterAutoscaler)",
        ),
    ],
)
def test_each_reason_has_its_sentence(node: Node, sentence: str) -> None:
    assert [str(reason) for reason in judge(node)] == [f"Node worker: {sentence}"]


@pytest.mark.parametrize(
    "node",
    [
        OWN,
        replace(OWN, conditions={"Ready": "True", "NetworkUnavailable": "False"}),
        replace(OWN, conditions={"MemoryPressure": "True"}),
        replace(OWN, taints=(taint("node-role.kubernetes.io/control-plane"),)),
    ],
)
def test_what_says_nothing_against_a_node(node: Node) -> None:
    assert judge(node) == ()


def test_all_reasons_are_told() -> None:
    node = replace(CORDONED, deleting=True, conditions={"Ready": "False"})
    assert len(judge(node)) == 3


class World:
    """A cluster of this node, named `worker`, and others; and one contest for BLUE."""

    def __init__(self, *nodes: Node) -> None:
        self.cluster = Cluster("worker")
        self.cluster.listed(Listed(Kind.NODE, nodes, "1"))
        self.eligibility = Eligibility(self.cluster)
        self.contest = Contest("cilium-l2announce-default-blue")
        self.policy(Policy(key=Key("", "p"), resource_version="1", external_ips=True))
        policies = self.cluster.policies.in_force
        selection: Selection = select(BLUE, policies, OWN, (link(),))
        self.contest.follow(BLUE.key, BLUE, selection)
        self.update()

    def policy(self, policy: Policy) -> None:
        self.cluster.seen(policy)

    def update(self) -> tuple[bool, list[str]]:
        out, changes = Effects(), self.cluster.take_changes()
        again = self.eligibility.update(changes, out)
        return again, [f"{each.what}: {each.reason}" for each in out.transitions]

    @property
    def rank(self) -> int:
        return self.eligibility.terms_for(self.contest, TERMS).rank


def others(number: int, **fields: object) -> list[Node]:
    names = (Key("", f"other{each}") for each in range(number))
    return [replace(OWN, key=key, **fields) for key in names]  # type: ignore[arg-type]


def test_a_node_that_stays_keeps_its_rank() -> None:
    assert World(OWN, *others(3)).rank == TERMS.rank


def test_one_that_leaves_comes_after_all_that_stay() -> None:
    assert World(CORDONED, *others(3)).rank == 3
    assert World(CORDONED, *others(50)).rank == LAST_RANK


def test_one_that_leaves_comes_no_sooner_than_its_own_rank() -> None:
    world = World(CORDONED, *others(1))
    assert world.eligibility.terms_for(world.contest, replace(TERMS, rank=4)).rank == 4


def test_where_nobody_stays_everybody_goes_on() -> None:
    assert World(CORDONED).rank == 0
    assert World(CORDONED, *others(2, unschedulable=True)).rank == 0


def test_who_could_not_take_it_is_given_no_way() -> None:
    zone = LabelSelector(match_labels=(("zone", "a"),))
    blue = LabelSelector(match_labels=(("color", "blue"),))
    red = LabelSelector(match_labels=(("color", "red"),))
    world = World(replace(CORDONED, labels={"zone": "a"}), *others(2))
    for policy in (
        Policy(key=Key("", "p"), resource_version="2", node_selector=zone, service_selector=blue),
        Policy(key=Key("", "q"), resource_version="2", service_selector=red),
    ):
        world.policy(policy)
    world.update()
    assert world.rank == 0


def test_the_controller_s_lease_is_left_to_any_node_that_stays() -> None:
    world = World(CORDONED, *others(2))
    contest = Contest("l2announcer-controller", standing=True)
    assert world.eligibility.terms_for(contest, TERMS).rank == 2


def test_what_changes_is_told_once_and_looked_at() -> None:
    world = World(OWN, *others(1))
    assert world.update() == (False, [])
    world.cluster.seen(CORDONED)
    sentence = "Node worker: is cordoned: kubectl uncordon lets it take part again"
    assert world.update() == (True, [f"leaving: {sentence}"])
    assert world.rank == 1
    world.cluster.seen(replace(others(1)[0], resource_version="3", unschedulable=True))
    assert world.update() == (True, [])
    assert world.rank == 0
    world.cluster.seen(replace(OWN, resource_version="4"))
    assert world.update() == (True, ["staying: this node may take Leases again"])
    assert world.update() == (False, [])


def test_a_change_of_services_alone_costs_nothing() -> None:
    world = World(CORDONED, *others(1))
    assert not world.eligibility.update(Changes(services={BLUE.key}), Effects())


def test_an_unknown_node_is_not_leaving() -> None:
    world = World()
    assert world.eligibility.reasons == ()
    world.cluster.listed(Listed(Kind.NODE, (CORDONED,), "3"))
    world.update()
    assert world.eligibility.reasons
