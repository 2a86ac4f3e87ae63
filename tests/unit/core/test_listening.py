"""What could not be opened is left alone for a while, and tried again; news of it are told once."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from l2announcer.core.facts import Listens
from l2announcer.core.listening import FIRST_SECONDS, LONGEST_SECONDS, Listening
from l2announcer.core.model import Ear, Link, Unheard

ETH0 = Link(index=2, name="eth0", up=True, carrier=True)
ETH1 = Link(index=3, name="eth1", up=True, carrier=True)
ARP, ND = Ear(2, 4), Ear(2, 6)
WHY = "cannot listen for ARP: no memory"


def failed(*ears: Ear) -> Listens:
    return Listens(frozenset(), dict.fromkeys(ears, WHY))


def opened(*ears: Ear) -> Listens:
    return Listens(frozenset(ears), {})


def known(*links: Link) -> Listening:
    listening = Listening()
    listening.keep(links)
    return listening


def test_what_works_is_nothing_new() -> None:
    listening = known(ETH0)
    assert not listening.take(opened(ARP, ND), 0.0)
    assert listening.marked([ETH0]) == (ETH0,)
    assert listening.next_at == inf


def test_a_failure_rests_and_is_then_tried_again_and_less_often_each_time() -> None:
    listening, now, pause = known(ETH0, ETH1), 100.0, FIRST_SECONDS
    for _ in range(8):
        assert listening.take(failed(ARP), now)
        assert not listening.take(failed(ARP), now + pause / 2), "it's known"
        assert listening.marked([ETH0, ETH1]) == (
            replace(ETH0, unheard=(Unheard(4, WHY, rests=True),)),
            ETH1,
        )
        assert listening.next_at == now + pause
        assert not listening.tries_again(now + pause - 0.01)
        now += pause
        assert listening.tries_again(now)
        assert not listening.tries_again(now), "once"
        assert listening.next_at == inf
        assert listening.marked([ETH0])[0].unheard == (Unheard(4, WHY, rests=False),)
        pause = min(2 * pause, LONGEST_SECONDS)
    assert pause == LONGEST_SECONDS


def test_what_opens_at_last_is_forgotten() -> None:
    listening = known(ETH0)
    listening.take(failed(ARP, ND), 0.0)
    listening.tries_again(FIRST_SECONDS)
    assert listening.take(opened(ARP), FIRST_SECONDS)
    assert [each.family for each in listening.marked([ETH0])[0].unheard] == [6]
    assert listening.take(failed(ARP), 60.0)
    assert listening.next_at == 60.0 + FIRST_SECONDS


def test_an_interface_that_changed_is_another_one() -> None:
    listening = known(ETH0, ETH1)
    listening.take(failed(ARP, Ear(3, 4)), 0.0)
    listening.keep([ETH0, replace(ETH1, carrier=False)])
    marked = listening.marked([ETH0, ETH1])
    assert [bool(each.unheard) for each in marked] == [True, False]
    listening.keep([])
    assert listening.next_at == inf
