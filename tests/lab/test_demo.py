"""The demo as a user runs it: to the end, kept, interrupted, killed, and with a failing step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.cluster import WORKERS
from tests.lab.pods import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("_namespaces")]

DEMO = [sys.executable, "-m", "tests.lab.demo"]
MOST_SECONDS = 90
WITHOUT_DAEMONS = """\
import sys
from tests.lab.cluster import Cluster
from tests.lab.demo import __main__ as demo, guide
Cluster.start_daemon = lambda self, name: None
guide.START_SECONDS = 0.5
sys.exit(demo.main())
"""


def run(command: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    """Run to the end, with the files of the demo below `place`."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(place)},
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )


@contextmanager
def running(place: Path, until: str) -> Iterator[subprocess.Popen[str]]:
    """A demo that has just printed a line with `until`."""
    with subprocess.Popen(
        DEMO,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        try:
            assert demo.stdout is not None
            assert any(until in line for line in demo.stdout)
            yield demo
        finally:
            demo.kill()


def left_behind(place: Path) -> list[Path]:
    return list(place.iterdir())


def test_every_step_holds_and_nothing_is_left(tmp_path: Path) -> None:
    done = run(DEMO, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "\033" not in done.stdout
    for words in (
        "<pending>",
        '✓ 172.19.0.240 answers "This is app1"',
        '✓ 172.19.0.241 answers "This is app2"',
        '✓ 172.19.0.200 answers "This is app2"',
        "172.19.0.240 (app1) is at 02:42:ac:13:00:0",
        " lost; the longest time without an answer was ",
        "\nAll 18 facts held, in ",
    ):
        assert words in done.stdout
    assert left_behind(tmp_path) == []


def test_a_kept_lab_can_be_looked_at_and_taken_down(tmp_path: Path) -> None:
    try:
        kept = run([*DEMO, "--keep"], tmp_path)
        assert kept.returncode == 0, kept.stdout + kept.stderr
        (state,) = left_behind(tmp_path)
        leases = run([str(state / "kubectl"), "get", "lease", "-n", "kube-system"], tmp_path)
        assert leases.returncode == 0, leases.stderr
        rows = [line.split() for line in leases.stdout.splitlines()]
        assert rows[0] == ["NAME", "HOLDER", "AGE"]
        assert rows[1][0] == "cilium-l2announce-default-app1-service"
        assert rows[1][1] in WORKERS
        addresses = run([str(state / "in"), "client", "ip", "addr", "show", "eth0"], tmp_path)
        assert "172.19.0.1/16" in addresses.stdout
        wrong = run([str(state / "in"), "nowhere"], tmp_path)
        assert wrong.returncode == 2
        assert wrong.stderr.startswith("usage: ")
    finally:
        down = run([*DEMO, "--down"], tmp_path)
    assert down.stdout == "1 lab taken down\n"
    assert left_behind(tmp_path) == []


def test_an_interrupted_demo_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, "2. One daemon on each node") as demo:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(MOST_SECONDS) == 130
    assert left_behind(tmp_path) == []


def test_what_a_killed_demo_left_is_removed_next_time(tmp_path: Path) -> None:
    with running(tmp_path, "2. One daemon on each node") as demo:
        demo.kill()
    assert len(left_behind(tmp_path)) == 1
    assert run([*DEMO, "--down"], tmp_path).stdout == "0 labs taken down\n"
    assert left_behind(tmp_path) == []


def test_a_step_that_does_not_hold_is_named(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", WITHOUT_DAEMONS], tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "demo: this step does not hold: the daemon of my-cluster-control-plane is ready:"
        " not so after 0.5 seconds"
    )
    assert left_behind(tmp_path) == []
