"""How long a new Service waits for its first answer, step by step, beside a bare client's writes.

    python -m tests.bench.create [--rounds N]

Three daemons, set as they are shipped but for `spread`, on a real API server. A round creates one
Service; a client asks for its address every millisecond. When each step was done is told by the API
server's audit log. The bare client makes the same requests over one connection, one after the
other, and decides nothing: what it takes is the API server's part.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from tests.bench.bare import Bare
from tests.bench.failover.answers import Answers
from tests.bench.failover.asker import Kind, Record
from tests.bench.failover.cluster import Cluster
from tests.bench.failover.sides import OURS, Announced, Setup
from tests.bench.report import Row
from tests.bench.session import say, session
from tests.cluster.build import locate
from tests.cluster.controlplane import ADMIN, DAEMON, User
from tests.cluster.daemon.announced import policy, pool, service
from tests.cluster.daemon.audit import Asked
from tests.cluster.daemon.site import POLICIES, POOLS, SERVICES, Timing

ROUNDS = 25
MOST_MS = 20.0
TIMING = Timing(15, 5, 2)
NAME = "new"
BARE = "bare client"
NETWORK = "172.19.210"
ASK_SECONDS = 0.001
READ_ONE = f"{SERVICES}?limit=1"  # over a connection that nobody has used yet
PATIENCE_SECONDS = 10.0
APART_SECONDS = 0.5
"""A moment of rest between two rounds: the requests of one are not delayed by those of the last."""

CREATED = "Service created"
GIVEN = "address in its status"
HELD = "Lease held"
READ = "Service read again"
ANSWERED = "first ARP reply"
SINCE, STEP, TIMES = "ms since the start", "ms of the step", "times a bare client"
_REQUESTS = {
    CREATED: ("create", "services"),
    GIVEN: ("patch", "services/status"),
    HELD: ("create", "leases"),
    READ: ("get", "services"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """When each step of one Service was done, in seconds since it was asked for."""

    steps: dict[str, float]

    def took(self, step: str) -> float:
        """How long it was the only one that was waited for: some go on beside each other."""
        done = self.steps[step]
        return done - max((at for at in self.steps.values() if at < done), default=0.0)

    @property
    def whole(self) -> float:
        """From the request to the end of the last step."""
        return max(self.steps.values())


def of_ours(cluster: Cluster, number: int) -> Round:
    """Have one Service created and answered for."""
    name, address = f"{NAME}-{number}", f"{NETWORK}.{number}"
    manifest = service(name, NAME)
    manifest["metadata"]["annotations"] = {"lbipam.cilium.io/ips": address}
    announced = Announced(lease=f"cilium-l2announce-default-{name}", address=address)
    since = cluster.audit.mark()
    with cluster.client([announced], ASK_SECONDS) as client, Bare(cluster) as user:
        (answers,) = client.answers
        cluster.until("the client asks", lambda: answers.asked)
        time.sleep(random.uniform(APART_SECONDS, 2 * APART_SECONDS))
        ahead = time.time() - time.monotonic()  # of the clock of what the client hears
        user.get(READ_ONE)
        began = time.time()
        user.create(SERVICES, manifest)
        heard = cluster.until(
            f"{address} has an answer", partial(_heard, answers), PATIENCE_SECONDS
        )
        answered = heard[0].at + ahead
    done = _done(cluster, name, since, DAEMON)
    cluster.api.delete(f"{SERVICES}/{name}")
    return Round(steps={step: at - began for step, at in {**done, ANSWERED: answered}.items()})


def of_a_bare_client(cluster: Cluster, number: int) -> Round:
    """Make the requests that cannot be left out."""
    name, since = f"bare-{number}", cluster.audit.mark()
    with Bare(cluster) as bare:
        bare.get(READ_ONE)
        began = time.time()
        bare.serve(name, f"{NETWORK}.{number}")
    done = _done(cluster, name, since, ADMIN)
    for path in bare.made:
        cluster.api.delete(path)
    return Round(steps={step: at - began for step, at in done.items()})


def _heard(answers: Answers) -> list[Record]:
    return [each for each in answers.claims if each.kind is Kind.ANSWERED]


def _done(cluster: Cluster, name: str, since: int, user: User) -> dict[str, float]:
    """When the API server was done with each request about one Service, in Unix seconds."""

    def found() -> dict[str, float]:
        asked = [*cluster.audit.asked(ADMIN, since), *cluster.audit.asked(user, since)]
        return {step: _when(asked, step, name) for step in _REQUESTS if _when(asked, step, name)}

    cluster.until("all of it is logged", lambda: len(found()) == len(_REQUESTS))
    return found()


def _when(asked: Sequence[Asked], step: str, name: str) -> float:
    """When the first request of a step that was granted was answered; 0 where there is none."""
    return next(
        (
            each.answered
            for each in asked
            if (each.verb, each.resource) == _REQUESTS[step]
            and each.name in {name, f"cilium-l2announce-default-{name}"}
            and each.code < 300
        ),
        0.0,
    )


def measured(cluster: Cluster, rounds: int, found: list[Row]) -> None:
    """Create so many Services on daemons at work, and add the rows to those found."""
    (side,) = cluster.sides
    side.setup = Setup(timing=TIMING)
    made = [(POOLS, pool(NAME, [f"{NETWORK}.0/24"])), (POLICIES, policy(NAME))]
    for collection, manifest in made:
        assert cluster.api.post(collection, manifest).ok
    ours: list[Round] = []
    bare: list[Round] = []
    try:
        for node in side.nodes:
            cluster.start(side, node)
        cluster.until(
            "every node is ready", lambda: all(side.daemon.ready(node) for node in side.nodes)
        )
        for number in range(rounds + 1):
            pair = of_ours(cluster, number + 1), of_a_bare_client(cluster, number + 1)
            told = "  ".join(f"{1e3 * each.whole:.1f} ms" for each in pair)
            say(f"{number}: {told}")
            if number:  # the first one finds connections that nobody has used yet
                ours.append(pair[0])
                bare.append(pair[1])
    finally:
        cluster.stop(side)
        if ours:
            found += rows(ours, bare)


def rows(ours: Sequence[Round], bare: Sequence[Round]) -> Iterator[Row]:
    """Step by step; then how much more it is than what nobody can do without."""
    for daemon, rounds in ((OURS, ours), (BARE, bare)):
        steps = [step for step in (*_REQUESTS, ANSWERED) if step in rounds[0].steps]
        for step in steps:
            samples = [1e3 * each.steps[step] for each in rounds]
            yield Row(what=SINCE, labels={"daemon": daemon, "step": step}, samples=samples)
        for step in steps:
            samples = [1e3 * each.took(step) for each in rounds]
            yield Row(what=STEP, labels={"daemon": daemon, "step": step}, samples=samples)
    samples = [one.whole / other.whole for one, other in zip(ours, bare, strict=True)]
    yield Row(what=TIMES, labels={"daemon": OURS, "step": ANSWERED}, samples=samples)


def marks(found: Sequence[Row]) -> Iterator[str]:
    """How far it is from where it should be, a sentence each."""
    for row in found:
        if (row.what, row.labels["step"]) == (SINCE, ANSWERED):
            verdict = "met" if median(row.samples) <= MOST_MS else "MISSED"
            yield f"{verdict:6}  {ANSWERED}: {median(row.samples):.1f} ms (at most {MOST_MS:g})"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.bench.create", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    kept: list[Row] = []

    def measure(directory: Path, found: list[Row]) -> None:
        with Cluster(directory, sides=[OURS]) as cluster:
            measured(cluster, given.rounds, found)
        kept.extend(found)

    code = session("create", measure, needs=partial(locate, "etcd", "kube-apiserver"))
    print("\n".join(marks(kept)))
    return code


if __name__ == "__main__":
    sys.exit(main())
