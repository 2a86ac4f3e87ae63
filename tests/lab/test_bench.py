"""The benches that need namespaces still run, and find something: a few hundred frames of each."""

from __future__ import annotations

import pytest

from tests.bench import arp, takeover
from tests.bench.programs import built, why_not
from tests.bench.responders import ARP, ND, Protocol, built_bench
from tests.lab.namespaces import Lab

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("protocol", [ARP, ND], ids=["arp", "nd"])
@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_every_responder_answers_the_load_and_none_the_storm(lab: Lab, protocol: Protocol) -> None:
    extent = arp.Extent(addresses=(1, arp.USUAL), rounds=1, seconds=1.0, most=300)
    rows = arp.measured(built_bench(lab, built(), protocol), extent)

    answered = {
        (row.labels["responder"], row.labels["outstanding"], row.labels["addresses"])
        for row in rows
        if row.what == arp.REPLIES and min(row.samples) > 0
    }
    assert answered == {
        (responder, outstanding, addresses)
        for responder in ("kernel", "go", "ours")
        for outstanding in (arp.FEW, arp.MANY)
        for addresses in extent.addresses
    }
    assert {row.what for row in rows} >= {*arp.QUANTITIES, arp.STALL} - {arp.LOST}
    assert len(list(arp.marks(rows))) == 5


def test_a_take_over_is_seen_by_who_asks_and_by_who_remembers(lab: Lab) -> None:
    rows = takeover.measured(takeover.built_segment(lab), takeover.Extent(addresses=50, rounds=1))

    assert [len(row.samples) for row in rows] == [1, 1, 1]
    assert min(sample for row in rows for sample in row.samples) > 0
