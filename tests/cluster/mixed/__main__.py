"""Our daemon and client-go's elector on one Lease: who answers, who believes that he may.

python -m tests.cluster.mixed [--rounds N] [--pairs N] [--only TEXT] [--holder ours|client-go]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from tests.bench import elector
from tests.bench.failover.sides import CLIENT_GO, OURS
from tests.bench.report import Row
from tests.bench.session import say, session
from tests.cluster.mixed.pair import Pair, pairs
from tests.cluster.mixed.scenes import SCENES, Outcome, Scene, played

ROUNDS = 5
PAIRS = 6


def rows(scene: Scene, outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """What was seen of one scene."""
    ends = Counter(outcome.answers for outcome in outcomes)
    in_the_end = " ".join(f"{name}:{times}" for name, times in sorted(ends.items()))
    labels = {"scene": scene.name, "holder": scene.holder, "then": in_the_end}
    moved = [outcome.new_holder for outcome in outcomes if outcome.new_holder is not None]
    if moved:
        yield Row(what="the other answers s", labels=labels, samples=moved)
    yield Row(what="gap s", labels=labels, samples=[each.gap for each in outcomes])
    yield Row(what="answered by both", labels=labels, samples=[each.doubled for each in outcomes])
    yield Row(what="both lead s", labels=labels, samples=[each.both for each in outcomes])


def measured(pairs: Sequence[Pair], scenes: Sequence[Scene], rounds: int) -> Iterator[Row]:
    """Play each scene so many times, on whatever pair is free; the rows of one after the other."""
    began = time.monotonic()
    free: Queue[Pair] = Queue()
    for pair in pairs:
        free.put(pair)

    def play(scene: Scene, number: int) -> Outcome:
        pair = free.get()
        try:
            outcome = played(pair, scene)
        finally:
            free.put(pair)
        seconds = time.monotonic() - began
        say(f"[{seconds:5.0f} s] {scene.holder}: {scene.name} {number}: {outcome}")
        return outcome

    # what a thread starts dies with it: these last until the end
    with ThreadPoolExecutor(len(pairs)) as pool:
        found = [
            (scene, [pool.submit(play, scene, number) for number in range(1, rounds + 1)])
            for scene in scenes
        ]
        try:
            for scene, outcomes in found:
                yield from rows(scene, [outcome.result() for outcome in outcomes])
        finally:
            pool.shutdown(cancel_futures=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.cluster.mixed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how many play at one time")
    parser.add_argument("--only", default="", help="a part of the scenes' names")
    parser.add_argument("--holder", choices=(OURS, CLIENT_GO))
    given = parser.parse_args()
    scenes = [
        scene
        for scene in SCENES
        if given.only in scene.name and given.holder in {None, scene.holder}
    ]

    def measure(directory: Path, found: list[Row]) -> None:
        with pairs(directory, min(given.pairs, given.rounds * len(scenes))) as free:
            found.extend(measured(free, scenes, given.rounds))

    return session("mixed", measure, needs=elector.built)


if __name__ == "__main__":
    sys.exit(main())
