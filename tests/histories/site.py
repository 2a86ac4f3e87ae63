"""What a history needs of the place in which it is played: two nodes, one address, and time.

Two nodes may announce one address, for which a client asks a hundred times a second. Nothing else
happens than what a history does: nobody moves a Service by himself, no frame is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple, Protocol

STEP_SECONDS = 0.05
ENOUGH = 20
"""So many answers of a node in a row are no accident."""


class Heard(NamedTuple):
    """A frame in which a node said that it has the address; `at` in the site's seconds."""

    at: float
    node: str


class Site(Protocol):
    """Where a history is played. Times are in seconds, of whatever kind they are there."""

    lease_seconds: float
    renew_seconds: float
    slack_seconds: float
    """What may pass beside what the rules say: requests under way, and a busy machine."""
    stray: int
    """How many frames may leave after a node lost the address, one that was about to be sent."""
    nodes: tuple[str, str]

    @property
    def now(self) -> float: ...

    @property
    def heard(self) -> Sequence[Heard]:
        """All so far, in order."""

    def run(self, seconds: float) -> None:
        """Let time pass."""

    def stop(self, node: str) -> None:
        """SIGTERM: the daemon is to end in order."""

    def kill(self, node: str) -> None:
        """SIGKILL."""

    def freeze(self, node: str, *, frozen: bool) -> None:
        """SIGSTOP, SIGCONT."""

    def cut(self, node: str, *, cut: bool) -> None:
        """Have the node alone not reach the API server."""

    def silence_api(self, *, silent: bool) -> None:
        """Have the API server give nobody an answer."""

    def delete_lease(self) -> None:
        """By hand: the one of the address."""

    def prefer(self, node: str) -> None:
        """Ask for a node by name, in the Service."""

    def cordon(self, node: str, *, cordoned: bool) -> None:
        """What `kubectl cordon`, `drain` and `uncordon` say of a node."""


def answering(site: Site) -> tuple[str, str]:
    """Who has answered for a while, and who has not."""
    until = site.now + 30.0
    while site.now < until:
        since = site.now
        site.run(0.5)
        last = {heard.node for heard in site.heard if heard.at >= since}
        if len(last) == 1:
            (first,) = last
            (second,) = set(site.nodes) - last
            return first, second
    raise AssertionError(f"nobody came to answer: {order(site.heard)}")


def answered(site: Site, node: str, since: float, within: float) -> float:
    """When a node first answered after an instant; it does so within so many seconds."""
    while True:
        instants = [heard.at for heard in site.heard if heard.node == node and heard.at >= since]
        if len(instants) >= ENOUGH:
            assert instants[0] <= since + within, (node, instants[0] - since, within)
            return instants[0]
        assert site.now <= since + within + 2 * site.slack_seconds + ENOUGH, (node, within)
        site.run(STEP_SECONDS)


def order(heard: Sequence[Heard]) -> list[str]:
    """Who answered, in the order in which they did."""
    return [node for node, _ in groupby(heard, key=lambda each: each.node)]


def between(site: Site, since: float) -> list[Heard]:
    """What was heard since an instant, with the last one before."""
    later = [heard for heard in site.heard if heard.at >= since]
    before = [heard for heard in site.heard if heard.at < since]
    return [*before[-1:], *later]


def longest_gap(heard: Sequence[Heard]) -> float:
    """The longest time without an answer."""
    return max(after.at - before.at for before, after in pairwise(heard))
