"""Each reason for which a node is leaving, and that it is told."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from l2announcer.core.cluster import Changes, Cluster
from l2announcer.core.contest import Contest
from l2announcer.core.effects import Effects
from l2announcer.core.eligibility import EXCLUDED, Eligibility, judge, lacks
from l2announcer.core.facts import Listed
from l2announcer.core.model import (
    Announcement,
    Holding,
    Key,
    Kind,
    LabelSelector,
    Link,
    Node,
    Policy,
    Service,
    Taint,
    Unheard,
)
from l2announcer.core.policy import CompiledPolicy, compile_policy
from l2announcer.core.selection import Reason, Selection
from l2announcer.core.terms import Terms

OWN = Node(key=Key("", "worker"), resource_version="1")
CORDONED = replace(OWN, resource_version="2", unschedulable=True)
OTHER = replace(OWN, key=Key("", "other"))
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
        self.update()

    def update(self) -> tuple[bool, list[str]]:
        out, changes = Effects(), self.cluster.take_changes()
        again = self.eligibility.update(changes, out)
        return again, [f"{each.what}: {each.reason}" for each in out.transitions]


def test_what_changes_is_told_once_and_looked_at() -> None:
    world = World(OWN, OTHER)
    assert world.update() == (False, [])
    world.cluster.seen(CORDONED)
    sentence = "Node worker: is cordoned: kubectl uncordon lets it take part again"
    assert world.update() == (True, [f"leaving: {sentence}"])
    world.cluster.seen(replace(OTHER, resource_version="3", unschedulable=True))
    assert world.update() == (True, [])
    world.cluster.seen(replace(OWN, resource_version="4"))
    assert world.update() == (True, ["staying: this node may take Leases again"])
    assert world.update() == (False, [])


def test_a_change_of_services_alone_costs_nothing() -> None:
    world = World(CORDONED)
    assert not world.eligibility.update(Changes(services={BLUE.key}), Effects())


def test_an_unknown_node_is_not_leaving() -> None:
    world = World()
    assert world.eligibility.reasons == ()
    world.cluster.listed(Listed(Kind.NODE, (CORDONED,), "3"))
    world.update()
    assert world.eligibility.reasons


def test_of_one_service_alone_a_node_may_be_leaving_too() -> None:
    world = World(OWN)
    contest = Contest("cilium-l2announce-default-blue")
    announced = (Announcement(ip_address("172.19.0.240"), "eth0"),)
    contest.follow(BLUE.key, BLUE, Selection(announced))
    assert world.eligibility.terms_for(contest, TERMS) is TERMS
    why = (Reason("Service default/blue", "another node serves it better"),)
    contest.follow(BLUE.key, BLUE, Selection(announced, leaving=why))
    assert world.eligibility.terms_for(contest, TERMS).holding.leaving


ETH0 = Link(index=2, name="eth0", up=True, carrier=True)
ETH1 = Link(index=3, name="eth1", up=True)
NO_CARRIER = ["interface eth1: has no carrier"]
IN_ZONE = replace(OWN, labels={"zone": "a"})
DEAF = replace(ETH0, unheard=(Unheard(4, "cannot listen for ARP: no memory", rests=False),))


def compiled(*interfaces: str, zone: str = "") -> CompiledPolicy:
    selector = LabelSelector(match_labels=(("zone", zone),)) if zone else None
    found = compile_policy(
        Policy(key=Key("", "p"), interfaces=interfaces, node_selector=selector, external_ips=True)
    )
    assert isinstance(found, CompiledPolicy)
    return found


@pytest.mark.parametrize(
    ("policies", "links", "expected"),
    [
        ([compiled("^eth")], [ETH0, ETH1], NO_CARRIER),
        ([compiled("^eth"), compiled("eth1")], [ETH0, ETH1], NO_CARRIER),
        ([compiled("^eth")], [ETH0], []),
        ([compiled("^eth0$")], [ETH0, ETH1], []),
        ([compiled()], [ETH0, ETH1], []),
        ([compiled("^eth", zone="b")], [ETH0, ETH1], []),
        ([compiled("^eth", zone="a")], [ETH0, ETH1], NO_CARRIER),
        ([compiled("^eth")], [ETH0, replace(ETH1, master=9)], []),
        ([compiled("^eth")], [ETH0, replace(ETH1, up=False)], ["interface eth1: is down"]),
        ([compiled("^eth")], [DEAF], ["interface eth0: cannot listen for ARP: no memory"]),
        ([], [ETH1], []),
    ],
)
def test_a_node_is_degraded_while_an_interface_that_is_named_cannot_be_used(
    policies: list[CompiledPolicy], links: list[Link], expected: list[str]
) -> None:
    assert [str(reason) for reason in lacks(policies, IN_ZONE, links)] == expected
    assert lacks(policies, None, links) == ()
