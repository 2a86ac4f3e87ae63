"""Interfaces on one segment: joined by what they overhear, parted when one is plugged elsewhere."""

from __future__ import annotations

from dataclasses import replace

from l2announcer.core.facts import Overheard
from l2announcer.core.model import Link
from l2announcer.core.segments import Segments

LINKS = tuple(
    Link(index=index, name=f"eth{index}", mac=bytes((2, 0, 0, 0, 0, index)), up=True, carrier=True)
    for index in range(4)
)


def words(segments: Segments, links: tuple[Link, ...] = LINKS) -> list[str]:
    return [link.segment for link in segments.marked(links)]


def started() -> Segments:
    segments = Segments()
    segments.keep(LINKS)
    return segments


def test_nothing_overheard_is_nothing_known() -> None:
    assert words(started()) == ["", "", "", ""]


def test_what_is_overheard_joins_and_chains() -> None:
    segments = started()
    assert segments.join(Overheard("eth3", "eth2"), LINKS)
    assert segments.join(Overheard("eth1", "eth2"), LINKS)
    assert words(segments) == ["", "eth1", "eth1", "eth1"]


def test_the_same_the_unknown_and_oneself_say_nothing_new() -> None:
    segments = started()
    assert segments.join(Overheard("eth1", "eth2"), LINKS)
    assert not segments.join(Overheard("eth2", "eth1"), LINKS)
    assert not segments.join(Overheard("eth1", "eth1"), LINKS)
    assert not segments.join(Overheard("eth1", "gone0"), LINKS)


def test_an_interface_that_lost_its_carrier_may_come_back_elsewhere() -> None:
    segments = started()
    segments.join(Overheard("eth1", "eth2"), LINKS)
    segments.join(Overheard("eth0", "eth3"), LINKS)
    unplugged = tuple(replace(link, carrier=link.name != "eth1") for link in LINKS)
    segments.keep(unplugged)
    segments.keep(LINKS)
    assert words(segments) == ["eth0", "", "", "eth0"]
