"""What happens to the holder of an address, or to all, and what a client may then see.

Each is a function of a Site. At its beginning one node answers, at its end one does, and
meanwhile never two.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.histories.site import Site, answered, answering, between, longest_gap, order

CLIENT_SECONDS = 0.02
"""Between two answers of a holder that is well: the client asks each hundredth of a second."""

ASKED_SECONDS = 10.0
"""A person asks, by a program that has to start."""

SHORTEST_PAUSE_SECONDS = 1.0
LONGEST_RETURN_SECONDS = 3.0
"""Who was interrupted while it held over rests for 1 to 3 s, and asks for 0.6 s."""

MOST_AFTER_AN_OUTAGE = 2
"""Nodes, one after the other: a server that was stopped carries out what waited for it, and that
may be the write of one who wanted the Lease when it had run out."""

Body = Callable[[Site], None]


def the_holder_is_killed(site: Site) -> None:
    first, second = answering(site)
    since = site.now
    site.kill(first)
    answered(site, second, since, site.lease_seconds + site.slack_seconds)
    heard = between(site, since)
    assert order(heard) == [first, second]
    # nobody takes what was renewed a moment ago
    shortest = site.lease_seconds - site.renew_seconds - site.slack_seconds
    assert shortest < longest_gap(heard) < site.lease_seconds + site.slack_seconds


def the_holder_is_stopped(site: Site) -> None:
    first, second = answering(site)
    since = site.now
    site.stop(first)
    answered(site, second, since, site.slack_seconds)
    heard = between(site, since)
    assert order(heard) == [first, second]
    assert longest_gap(heard) < site.slack_seconds


def the_holder_is_frozen_and_goes_on(site: Site) -> None:
    first, second = answering(site)
    since = site.now
    site.freeze(first, frozen=True)
    taken = answered(site, second, since, site.lease_seconds + site.slack_seconds)
    site.run(0.5)
    site.freeze(first, frozen=False)
    site.run(site.lease_seconds)
    heard = between(site, since)
    assert order(heard)[:2] == [first, second]
    assert sum(each.node == first for each in heard if each.at > taken) <= site.stray
    assert heard[-1].node == second


def the_holder_alone_is_cut_off_from_the_api_server(site: Site) -> None:
    """It answers on until it hears the other, and is not back when it reaches the API again."""
    first, second = answering(site)
    since = site.now
    site.cut(first, cut=True)
    taken = answered(site, second, since, site.lease_seconds + site.slack_seconds)
    site.run(1.0)
    site.cut(first, cut=False)
    site.run(2 * site.lease_seconds)
    heard = between(site, since)
    assert order(heard)[:2] == [first, second]
    assert sum(each.node == first for each in heard if each.at > taken) <= site.stray
    assert heard[-1].node == second
    assert longest_gap(heard) < CLIENT_SECONDS + site.slack_seconds


def nobody_reaches_the_api_server(site: Site) -> None:
    """The holder answers on for as long as that lasts; afterwards somebody does."""
    first, _ = answering(site)
    since = site.now
    site.silence_api(silent=True)
    site.run(3 * site.lease_seconds)
    assert order(between(site, since)) == [first]
    site.silence_api(silent=False)
    site.run(2 * site.lease_seconds)
    heard = between(site, since)
    assert len(order(heard)) <= MOST_AFTER_AN_OUTAGE
    assert longest_gap(heard) < CLIENT_SECONDS + site.slack_seconds


def the_holder_is_frozen_while_it_holds_over(site: Site) -> None:
    """It is silent when it goes on, and comes back when it has asked, before there is an answer."""
    first, _ = answering(site)
    site.silence_api(silent=True)
    site.run(site.lease_seconds + 2.0)
    since = site.now
    site.freeze(first, frozen=True)
    site.run(2.0)
    site.freeze(first, frozen=False)
    awake = site.now
    answered(site, first, awake + SHORTEST_PAUSE_SECONDS, LONGEST_RETURN_SECONDS)
    at_once = [h for h in site.heard if awake - 1.0 < h.at < awake + SHORTEST_PAUSE_SECONDS]
    assert len(at_once) <= site.stray
    assert order(between(site, since)) == [first]
    site.silence_api(silent=False)
    site.run(2 * site.lease_seconds)
    heard = between(site, since)
    assert len(order(heard)) <= MOST_AFTER_AN_OUTAGE
    assert site.now - heard[-1].at < CLIENT_SECONDS + site.slack_seconds


def the_lease_is_deleted_by_hand(site: Site) -> None:
    first, _ = answering(site)
    since = site.now
    site.delete_lease()
    site.run(site.lease_seconds + 1.0)
    heard = between(site, since)
    assert order(heard) == [first]
    assert longest_gap(heard) < CLIENT_SECONDS + site.slack_seconds


def it_moves_there_and_back_as_it_is_asked_to(site: Site) -> None:
    first, second = answering(site)
    since = site.now
    for node in (second, first, second, first):
        asked = site.now
        site.prefer(node)
        answered(site, node, asked, ASKED_SECONDS)
        site.run(0.5)
    heard = between(site, since)
    assert order(heard) == [first, second, first, second, first]
    assert longest_gap(heard) < CLIENT_SECONDS + site.slack_seconds


def the_holder_s_node_is_drained(site: Site) -> None:
    """What it has moves at once, and does not come back by itself."""
    first, second = answering(site)
    since = site.now
    site.cordon(first, cordoned=True)
    answered(site, second, since, 1.0 + site.slack_seconds)
    site.run(1.0)
    site.cordon(first, cordoned=False)
    site.run(site.lease_seconds)
    heard = between(site, since)
    assert order(heard) == [first, second]
    assert longest_gap(heard) < CLIENT_SECONDS + site.slack_seconds


BODIES: tuple[Body, ...] = (
    the_holder_is_killed,
    the_holder_is_stopped,
    the_holder_is_frozen_and_goes_on,
    the_holder_alone_is_cut_off_from_the_api_server,
    nobody_reaches_the_api_server,
    the_holder_is_frozen_while_it_holds_over,
    the_lease_is_deleted_by_hand,
    it_moves_there_and_back_as_it_is_asked_to,
    the_holder_s_node_is_drained,
)
