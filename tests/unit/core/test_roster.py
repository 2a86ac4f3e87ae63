"""The order of candidates: alike on all nodes, by weight, preference and state; who counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from ipaddress import ip_address

import pytest

from l2announcer.core.cluster import Cluster
from l2announcer.core.effects import Effects
from l2announcer.core.election import Elector, Wish
from l2announcer.core.facts import Gone, Listed
from l2announcer.core.model import (
    Announcement,
    EndpointSlice,
    Holding,
    Key,
    Kind,
    LeaseRecord,
    Node,
    Policy,
    Service,
    Span,
)
from l2announcer.core.roster import LAST_RANK, WEIGHT, Member, Roster, order, weight
from l2announcer.core.selection import Selection
from tests.unit.core.election_rig import TERMS

NAMES = ("n1", "n2", "n3", "n4")
ALL = tuple(Member(node=name) for name in NAMES)
GROUPS = [f"cilium-l2announce-default-app{n}" for n in range(2000)]


def first(members: tuple[Member, ...]) -> Counter[str]:
    return Counter(order(group, members)[0] for group in GROUPS)


def test_the_order_does_not_depend_on_who_asks_or_in_which_order_they_are_known() -> None:
    for group in GROUPS[:20]:
        assert order(group, ALL) == order(group, reversed(ALL))
    # Pinned: all versions that run in one cluster must agree.
    assert order("cilium-l2announce-default-app1", ALL) == ("n2", "n3", "n1", "n4")


def test_every_node_is_the_favourite_of_its_share() -> None:
    assert all(420 < count < 580 for count in first(ALL).values())


def test_who_leaves_moves_nobody_else() -> None:
    for group in GROUPS[:200]:
        whole = order(group, ALL)
        assert order(group, ALL[:-1]) == tuple(node for node in whole if node != "n4")


def test_a_share_goes_by_weight() -> None:
    found = first((replace(ALL[0], weight=3.0), ALL[1], replace(ALL[2], weight=0.5)))
    assert found["n1"] / found["n2"] == pytest.approx(3.0, rel=0.2)
    assert found["n3"] / found["n2"] == pytest.approx(0.5, rel=0.2)


def test_no_weight_is_never_the_favourite() -> None:
    members = (replace(ALL[0], weight=0.0), *ALL[1:])
    assert all(order(group, members)[-1] == "n1" for group in GROUPS[:50])


def test_state_goes_before_preference_and_preference_before_chance() -> None:
    group = "cilium-l2announce-default-app1"
    n1, n2, n3, n4 = ALL
    assert order(group, ALL, "n2")[0] == "n2"
    assert order(group, ALL, "n9") == order(group, ALL)
    worse = (n1, replace(n2, degraded=True), replace(n3, leaving=True), n4)
    assert order(group, worse, "n2") == ("n1", "n4", "n2", "n3")
    assert order(group, worse, "n3") == ("n1", "n4", "n2", "n3")


@pytest.mark.parametrize("text", ["0", "1", "2.5", "1000"])
def test_a_weight_is_a_number(text: str) -> None:
    node = Node(key=Key("", "a"), annotations={WEIGHT: text})
    assert weight(node) == (float(text), "")


@pytest.mark.parametrize(
    "text", ["", "-1", "1e3", "1000.1", "1001", "nan", "inf", " 1", "1_0", "٣"]
)
def test_what_is_no_weight_counts_as_one_and_is_said(text: str) -> None:
    found, problem = weight(Node(key=Key("", "a"), annotations={WEIGHT: text}))
    assert found == 1.0
    assert problem.startswith("Node a: annotation l2announcer.io/weight is ")
    assert weight(Node(key=Key("", "a"))) == (1.0, "")


def heartbeat(
    node: str,
    at: float,
    holder: str | None = None,
    *,
    degraded: bool = False,
    leaving: bool = False,
) -> Elector:
    elector = Elector(f"l2announcer-node-{node}")
    record = LeaseRecord(
        name=elector.name,
        resource_version="1",
        holder=node if holder is None else holder,
        duration_seconds=180,
        renew_time="t",
        holding=Holding(boot="b", netns=1, degraded=degraded, leaving=leaving),
    )
    elector.observe(record, at)
    return elector


@pytest.fixture
def roster() -> Roster:
    cluster = Cluster("a")
    cluster.listed(Listed(Kind.NODE, tuple(Node(key=Key("", n)) for n in ("a", *NAMES))))
    return Roster("a", cluster)


def names(roster: Roster, now: float) -> list[str]:
    return [member.node for member in roster.members(now)]


def test_who_is_alone_or_knows_nothing_yet_is_the_first(roster: Roster) -> None:
    assert names(roster, 0.0) == ["a"]
    assert roster.rank("group", [], 0.0, besides="") == 0


def test_a_heartbeat_counts_for_its_duration_after_it_was_last_seen_to_change(
    roster: Roster,
) -> None:
    roster.meet(heartbeat("n1", at=10.0))
    assert names(roster, 10.0 + 179.9) == ["a", "n1"]
    assert names(roster, 10.0 + 180.0) == ["a"]


def test_one_that_was_given_back_or_names_somebody_else_counts_for_nobody(roster: Roster) -> None:
    roster.meet(heartbeat("n1", at=10.0, holder=""))
    roster.meet(heartbeat("n2", at=10.0, holder="n3"))
    assert names(roster, 10.0) == ["a"]


def test_other_leases_are_no_heartbeats(roster: Roster) -> None:
    roster.meet(Elector("cilium-l2announce-default-app1"))
    assert names(roster, 0.0) == ["a"]


def test_who_came_and_went_is_forgotten(roster: Roster) -> None:
    roster.meet(heartbeat("n1", at=10.0))
    roster.forget("cilium-l2announce-default-n1")
    assert names(roster, 10.0) == ["a", "n1"]
    roster.forget("l2announcer-node-n1")
    assert names(roster, 10.0) == ["a"]


def test_this_node_counts_whatever_its_heartbeat_says(roster: Roster) -> None:
    roster.meet(heartbeat("a", at=0.0, degraded=True))
    assert names(roster, 1000.0) == ["a"]
    assert roster.members(0.0)[0].degraded


def test_the_rank_counts_who_comes_before_but_not_the_last_holder(roster: Roster) -> None:
    for node in NAMES:
        roster.meet(heartbeat(node, at=0.0))
    roster.meet(heartbeat("a", at=0.0, leaving=True))
    assert roster.rank("group", [], 1.0, besides="") == 4
    assert roster.rank("group", [], 1.0, besides="n2") == 3
    assert roster.rank("group", [], 1.0, besides="a") == 4


def test_a_node_whose_object_is_deleted_is_out_at_once(roster: Roster) -> None:
    for node in ("n1", "n9"):
        roster.meet(heartbeat(node, at=0.0))
    assert names(roster, 1.0) == ["a", "n1"]
    roster._cluster.gone(Gone(Kind.NODE, Key("", "n1")))
    assert names(roster, 1.0) == ["a"]
    roster._cluster.gone(Gone(Kind.NODE, Key("", "a")))
    assert names(roster, 1.0) == ["a"], "whatever is said of this node, it counts itself in"


def test_a_node_that_leaves_comes_after_all_others_that_take_part(roster: Roster) -> None:
    cordoned = Node(key=Key("", "a"), resource_version="9", unschedulable=True)
    roster._cluster.seen(cordoned)
    assert roster.rank("group", [], 1.0, besides="") == 0, "the others have no daemon"
    for node in NAMES:
        roster.meet(heartbeat(node, at=0.0))
    assert roster.rank("group", [], 1.0, besides="") == 4


def test_nobody_waits_for_more_than_some(roster: Roster) -> None:
    for number in range(50):
        name = f"x{number}"
        roster._cluster.seen(Node(key=Key("", name), resource_version="9"))
        roster.meet(heartbeat(name, at=0.0))
    roster.meet(heartbeat("a", at=0.0, leaving=True))
    assert roster.rank("group", [], 1.0, besides="") == LAST_RANK


LOCAL = Service(
    key=Key("default", "blue"), external_ips=("172.19.0.240",), external_traffic_policy="Local"
)
POLICY = Policy(key=Key("", "p"), resource_version="1", external_ips=True)
CHOSEN = Selection((Announcement(ip_address("172.19.0.240"), "eth0"),))


def endpoints(roster: Roster, ready: set[str], draining: set[str]) -> None:
    """The Service's endpoints are on these nodes, which is known."""
    cluster = roster._cluster
    cluster.seen(POLICY)
    cluster.endpoints.narrow(LOCAL, CHOSEN)
    cluster.endpoints.poll(0.0, Effects())
    key = Key("default", "blue-1")
    found = EndpointSlice(
        key=key, service=LOCAL.key, ready=frozenset(ready), draining=frozenset(draining)
    )
    cluster.listed(Listed(Kind.ENDPOINT_SLICE, (found,), "9", span=Span(frozenset({"blue"}))))


def test_only_nodes_with_an_endpoint_are_candidates_for_what_needs_one(roster: Roster) -> None:
    for node in NAMES:
        roster.meet(heartbeat(node, at=0.0))
    endpoints(roster, ready={"n1", "n4"}, draining={"a", "n4"})
    order = roster.order("group", [LOCAL], 1.0)
    assert set(order[:2]) == {"n1", "n4"}
    assert order[2:] == ("a",), "its endpoints are terminating"
    anywhere = replace(LOCAL, external_traffic_policy="Cluster")
    assert set(roster.order("group", [anywhere], 1.0)) == {"a", *NAMES}


def test_where_all_endpoints_are_terminating_none_comes_last_for_that(roster: Roster) -> None:
    for node in NAMES:
        roster.meet(heartbeat(node, at=0.0))
    endpoints(roster, ready=set(), draining={"a", "n3"})
    everywhere = replace(LOCAL, external_traffic_policy="Cluster")
    whole = [node for node in roster.order("group", [everywhere], 1.0) if node in {"a", "n3"}]
    assert list(roster.order("group", [LOCAL], 1.0)) == whole


def test_the_rank_is_asked_for_only_where_a_lease_is_to_be_taken(roster: Roster) -> None:
    for node in NAMES:
        roster.meet(heartbeat(node, at=0.0))
    roster.meet(heartbeat("a", at=0.0, leaving=True))
    elector = Elector("l2announcer-controller")
    assert roster.terms_for(elector, elector.name, [], TERMS, 0.0) is TERMS
    elector.want(Wish.HOLD)
    assert roster.terms_for(elector, elector.name, [], TERMS, 0.0).rank == 4
    elector.observe(LeaseRecord(name="", resource_version="1", holder="a", duration_seconds=9), 0.0)
    assert roster.terms_for(elector, elector.name, [], TERMS, 8.9) is TERMS
    assert roster.terms_for(elector, elector.name, [], TERMS, 9.0).rank == 4
    elector.observe(
        LeaseRecord(name="", resource_version="2", holder="n1", duration_seconds=9), 9.0
    )
    assert roster.terms_for(elector, elector.name, [], TERMS, 18.0).rank == 3


def test_a_bad_weight_of_this_node_is_said_once() -> None:
    cluster = Cluster("a")
    roster = Roster("a", cluster)
    out = Effects()
    roster.poll(out)
    cluster.seen(Node(key=Key("", "a"), resource_version="1", annotations={WEIGHT: "x"}))
    roster.poll(out)
    roster.poll(out)
    assert [each.what for each in out.transitions] == ["weight"]
