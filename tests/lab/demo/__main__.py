"""`python -m tests.lab.demo`: the guide on real sockets, in a lab of network namespaces.

Needs root, or a user who may make user namespaces. Exit code 0: every step held.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from http.client import HTTPException
from pathlib import Path
from types import FrameType

from tests.cluster.build import ProgramsMissingError, locate
from tests.cluster.relay import open_door, take_door
from tests.cluster.server import StartError
from tests.cluster.whole import PROGRAMS, WholeControlPlane
from tests.lab.api import ApiError
from tests.lab.cluster import PLANS, WORKERS, Cluster
from tests.lab.control_plane import ControlPlane
from tests.lab.demo.background import run_in_child
from tests.lab.demo.console import Console, DemoError
from tests.lab.demo.guide import Guide
from tests.lab.demo.state import state_directory, take_down, write_scripts
from tests.lab.demo.takeover import take_over
from tests.lab.embedded import Embedded
from tests.lab.root import LabError, become_lab_root

SHOWN_LOG_LINES = 8
STEP_ERRORS = (DemoError, LabError, ApiError, OSError, HTTPException)
WHAT = """\
A lab of network namespaces on this machine: three nodes and a client on one bridge, a daemon on
each node. {}
Addresses, frames, connections and outputs are real; nothing touches this machine's own network."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the lab up afterwards")
    parser.add_argument(
        "--control-plane",
        choices=("embedded", "real"),
        default="embedded",
        help="an API server in memory, or Kubernetes' own programs (python -m tests.cluster.build)",
    )
    parser.add_argument("--down", action="store_true", help="take down what --keep left up")
    options = parser.parse_args()
    if options.down:
        print(take_down())
        return 0
    real = options.control_plane == "real"
    try:
        if real:
            locate(*PROGRAMS)
            open_door()
        become_lab_root()
    except (LabError, ProgramsMissingError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    door = take_door() if real else None
    if options.keep:
        return run_in_child(partial(_demo, door))
    return _demo(door, None)


def _control_plane(state: Path, door: socket.socket | None) -> ControlPlane:
    return Embedded(state) if door is None else WholeControlPlane(state, door=door)


def _demo(door: socket.socket | None, stay: Callable[[], None] | None) -> int:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _interrupt)
    console = Console()
    try:
        with ExitStack() as stack:
            state = stack.enter_context(state_directory())
            control_plane = _control_plane(state, door)
            console.say(WHAT.format(control_plane.what))
            cluster = stack.enter_context(Cluster(state, control_plane=control_plane))
            try:
                guide = Guide(cluster, console)
                guide.walk()
                take_over(guide)
            except STEP_ERRORS as error:
                _explain(cluster, error)
                return 1
            console.say(f"\nAll {console.checked} facts held, in {console.seconds:.0f} seconds.")
            if stay is not None:
                _look_around(cluster, console)
                stay()
                signal.pause()
    except (LabError, StartError, OSError) as error:
        print(f"demo: the lab cannot be built: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; the lab is down", file=sys.stderr, flush=True)
        return 130
    return 0


def _explain(cluster: Cluster, error: Exception) -> None:
    cause = f" ({error.__cause__!r})" if error.__cause__ else ""
    print(f"\ndemo: this step does not hold: {error}{cause}", file=sys.stderr)
    for name in cluster.daemons:
        lines = cluster.log(name).read_text().splitlines()[-SHOWN_LOG_LINES:]
        print(f"\nthe last lines of the daemon of {name}:", *lines, sep="\n  ", file=sys.stderr)


def _look_around(cluster: Cluster, console: Console) -> None:
    write_scripts(cluster)
    where = cluster.state
    running, stopped = sorted(WORKERS, key=lambda name: cluster.daemons[name].poll() is not None)
    address = PLANS[running].address
    advice = "".join(f"\n  {line}" for line in cluster.control_plane.advice())
    console.say(f"""
The lab stays up; the daemon of {stopped} is the one that was stopped. Look around:
  {where}/kubectl get svc -A
  {where}/kubectl get lease -n kube-system
  {where}/in client curl 172.19.0.240
  {where}/in client ip neigh
  {where}/in client curl 'http://{address}:9480/readyz?verbose'
  {where}/in {running} curl 'http://127.0.0.1:9480/status?pretty'
  {where}/in {running}     (a shell in that node)
  tail -f {where}/*.log{advice}
Take it down:
  kill {os.getpid()}""")


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
