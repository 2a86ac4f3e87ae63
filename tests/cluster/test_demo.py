"""The guide on the real control plane as a user runs it: to its end, kept, and taken down."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.build import ProgramsMissingError, locate
from tests.cluster.whole import PROGRAMS
from tests.lab.pods import ROOT
from tests.lab.root import why_not

# beside the tests that share a control plane: this one has its own
pytestmark = [pytest.mark.cluster, pytest.mark.lab, pytest.mark.xdist_group("demo")]

DEMO = [sys.executable, "-m", "tests.lab.demo"]
MOST_SECONDS = 180
SETTLE_SECONDS = 10
WORKER = "my-cluster-worker2"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Where the demo has its files; whatever it left up is taken down afterwards."""
    reason = why_not()
    try:
        locate(*PROGRAMS)
    except ProgramsMissingError as missing:
        reason = str(missing)
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)
    yield tmp_path
    run([*DEMO, "--down"], {"TMPDIR": str(tmp_path)})


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run to the end, from the root of the checkout."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )


@pytest.mark.timeout(2 * MOST_SECONDS)
def test_every_step_holds_and_a_users_own_kubectl_works_on_what_is_kept(place: Path) -> None:
    here = {"TMPDIR": str(place)}
    kept = run([*DEMO, "--control-plane", "real", "--keep"], here)
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert kept.stderr == ""
    for words in (
        "External I Ps:  true",
        "<pending>",
        '✓ 172.19.0.240 answers "This is app1"',
        '✓ 172.19.0.200 answers "This is app2"',
        "\nAll 18 facts held, in ",
    ):
        assert words in kept.stdout
    (state,) = place.glob("l2announcer-demo-*")
    assert f"export KUBECONFIG={state}/kubeconfig" in kept.stdout
    _can_be_used(state / "kubeconfig")
    down = run([*DEMO, "--down"], here)
    assert down.stdout == "1 lab taken down\n"
    assert list(place.iterdir()) == []


def _can_be_used(kubeconfig: Path) -> None:
    """As from a user's terminal, which is in none of the lab's namespaces."""

    def kubectl(*arguments: str) -> str:
        program = str(locate("kubectl")["kubectl"])
        done = run([program, *arguments], {"KUBECONFIG": str(kubeconfig)})
        assert done.returncode == 0, done.stderr
        return done.stdout

    services = kubectl("get", "svc", "app1-service").splitlines()[1].split()
    assert services[1::2][:2] == ["LoadBalancer", "172.19.0.240"]
    told = kubectl("describe", "svc", "app1-service")
    assert "LoadBalancer Ingress:     172.19.0.240 (VIP)" in told
    assert "this node answers for 172.19.0.240 on eth0" in told
    assert '"event": "announcing"' in kubectl("logs", "-n", "kube-system", f"l2announcer-{WORKER}")
    select = ("-n", "kube-system", "-l", "app.kubernetes.io/name=l2announcer")
    since = time.monotonic()
    while (pods := kubectl("get", "pods", *select)).count(" Completed ") != 1:
        assert time.monotonic() - since < SETTLE_SECONDS, pods
    assert pods.count(" 1/1     Running ") == 2
    applied = kubectl("apply", "-f", str(ROOT / "config/examples/ipam.yaml"))
    assert applied == "ciliumloadbalancerippool.cilium.io/default-pool unchanged\n"
