"""Which MACs are those of nodes, as their Leases tell."""

from __future__ import annotations

from ipaddress import ip_address

from l2announcer.core.facts import Claimed
from l2announcer.core.model import Holding, LeaseRecord
from l2announcer.core.node_macs import NodeMacs

ONE, TWO = "02:00:00:00:00:01", "02:00:00:00:00:02"


def lease(name: str, *macs: str) -> LeaseRecord:
    return LeaseRecord(
        name=name, resource_version="1", holding=Holding(boot="boot", netns=7, macs=macs)
    )


def known(macs: NodeMacs) -> list[str]:
    claims = (
        Claimed(ip_address("192.0.2.1"), bytes.fromhex(m.replace(":", "")), "eth0")
        for m in (ONE, TWO)
    )
    return [claim.mac.hex(":") for claim in map(macs.marked, claims) if claim.of_node]


def test_those_that_any_lease_names_are_nodes() -> None:
    macs = NodeMacs()
    assert known(macs) == []
    macs.seen(lease("a", ONE, TWO))
    macs.seen(lease("b", TWO))
    macs.seen(LeaseRecord(name="c", resource_version="1"))
    assert known(macs) == [ONE, TWO]


def test_what_a_lease_said_last_counts() -> None:
    macs = NodeMacs()
    for name in "ab":
        macs.seen(lease(name, ONE))
    macs.seen(lease("a", TWO))
    assert known(macs) == [ONE, TWO]
    macs.seen(LeaseRecord(name="b", resource_version="2"))
    assert known(macs) == [TWO]
    macs.gone("a")
    macs.gone("a")
    assert known(macs) == []
