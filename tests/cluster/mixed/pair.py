"""A node of ours and one of client-go's that share one Lease, and what each says of it.

Several such pairs share an API server: what happens to one is no matter to the others.

What counts for ours is what a client hears: it says that it holds by answering. client-go's elector
writes down when it started and stopped leading, on the same clock.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from tests.bench.failover.answers import Answers
from tests.bench.failover.cluster import ASK_SECONDS, Cluster, Side
from tests.bench.failover.sides import OURS, Announced, ClientGo, Node, Setup
from tests.cluster.api import MERGE_PATCH
from tests.cluster.daemon.site import LEASES, SHORT
from tests.lab.root import LabError

MOST_BETWEEN_TRIES = 2.2
"""client-go waits for 1 to 2.2 retry periods between two looks at a Lease of others."""


class Pair:
    """One node of each side of a cluster, the only ones that may answer for what they share."""

    def __init__(self, cluster: Cluster, number: int, seconds: float) -> None:
        """`seconds` pass between two requests of the client."""
        self.cluster = cluster
        self.sides = [
            Side(daemon=side.daemon, nodes=[side.nodes[number]]) for side in cluster.sides
        ]
        self.announced: Announced
        self.answers: Answers
        self._number = number
        self._seconds = seconds
        self._rounds = itertools.count(1)

    def side(self, name: str) -> Side:
        """The side of that name."""
        return next(side for side in self.sides if side.name == name)

    def other(self, side: Side) -> Side:
        """The side that this one is not."""
        return next(each for each in self.sides if each is not side)

    @contextmanager
    def elected(self, holder: Side, setup: Setup) -> Iterator[None]:
        """Inside the block this side holds the Lease, and the other is a candidate."""
        number, cluster = next(self._rounds), self.cluster
        name = f"shared-{self._number}-{number}"
        announced = cluster.announced(name, setup, f"172.19.{100 + self._number}.{number}")
        (self.announced,) = announced
        for side in self.sides:
            side.setup, side.announced = setup, announced
        ours = {"kubernetes.io/hostname": self.side(OURS).nodes[0].name}
        try:
            with (
                cluster.services(name, announced, ours),
                cluster.client(announced, self._seconds) as client,
            ):
                (self.answers,) = client.answers
                cluster.start(holder, holder.nodes[0])
                self.until_answers(holder)
                other = self.other(holder)
                cluster.start(other, other.nodes[0])
                cluster.until("the other is ready", lambda: other.daemon.ready(other.nodes[0]))
                # it has looked at the Lease, and not always at the same time after a renewal
                looks = MOST_BETWEEN_TRIES * setup.timing.retry_period
                time.sleep(looks + random.uniform(0, setup.timing.retry_period))
                yield
        finally:
            for side in self.sides:
                cluster.stop(side)
            cluster.api.delete(self.path)

    @property
    def path(self) -> str:
        """The URL path of the Lease."""
        return f"{LEASES}/{self.announced.lease}"

    def edit(self, spec: dict[str, Any]) -> None:
        """What somebody changes by hand."""
        answer = self.cluster.api.call("PATCH", self.path, {"spec": spec}, sends=MERGE_PATCH)
        assert answer.ok, answer

    def delete(self) -> None:
        """Delete the Lease, as somebody may by hand."""
        assert self.cluster.api.delete(self.path).ok

    def holder(self) -> str:
        """Who holds the Lease by the API server's word; empty for nobody."""
        answer = self.cluster.api.get(self.path)
        return str(answer.body["spec"].get("holderIdentity") or "") if answer.ok else ""

    def until_answers(self, side: Side) -> None:
        """Wait until a side, and it alone, has answered for a moment."""
        self.cluster.until(f"{side.name} alone answers", lambda: self.answering() == side.name)

    def answering(self) -> str:
        """Which side alone answers now; empty where none or both do."""
        now = time.monotonic()
        macs = self.answers.macs(now - 0.3, now)
        names = [side.name for side in self.sides if side.nodes[0].mac in macs]
        return names[0] if len(names) == 1 else ""

    def first_answer(self, side: Side, since: float) -> float | None:
        """When a side said first that it has the address, since an instant."""
        claims = self.answers.claims_between(since, time.monotonic())
        return next((each.at for each in claims if each.mac == side.nodes[0].mac), None)


@contextmanager
def pairs(directory: Path, number: int) -> Iterator[list[Pair]]:
    """So many pairs of one cluster, with nothing on their nodes.

    A node more of ours gives out the addresses, whatever happens to the others.
    """
    with Cluster(directory, nodes=number + 1) as cluster:
        ours = next(side for side in cluster.sides if side.name == OURS)
        giver = Side(daemon=ours.daemon, nodes=ours.nodes[-1:], setup=Setup(timing=SHORT))
        cluster.start(giver, giver.nodes[0])
        try:
            cluster.settled(giver)
            yield [Pair(cluster, each, ASK_SECONDS * number) for each in range(number)]
        finally:
            cluster.stop(giver)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """From when until when an elector of client-go's believed that it leads."""

    began: float
    ended: float


def terms(side: Side, died: float = inf) -> list[Term]:
    """All terms of client-go's elector, by its own record; the last one may have no end.

    `died` is when it was killed and could no longer say so.
    """
    daemon = side.daemon
    if not isinstance(daemon, ClientGo):
        raise LabError(f"{side.name} keeps no record of its terms")
    found: list[Term] = []
    began: float | None = None
    for event in _events(daemon, side.nodes[0]):
        if event["event"] == "started":
            began = event["at"]
        elif event["event"] == "stopped" and began is not None:
            found.append(Term(began=began, ended=event["at"]))
            began = None
    return found if began is None else [*found, Term(began=began, ended=died)]


def _events(daemon: ClientGo, node: Node) -> Iterator[dict[str, Any]]:
    for line in daemon.record(node).read_text().splitlines():
        yield json.loads(line)
