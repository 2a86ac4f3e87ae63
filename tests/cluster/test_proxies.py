"""Traffic to announced addresses, through kube-proxy in each of the modes that this machine can do.

nftables is the demo's mode (tests.cluster.test_demo). For IPVS the kernel must have it; what that
means for ARP tests.lab.test_strict_arp shows without it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.build import ProgramsMissingError, locate
from tests.cluster.whole import PROGRAMS, WholeControlPlane
from tests.lab.arp_witness import ArpWitness
from tests.lab.cluster import CLIENT_ADDRESS, PLANS, Cluster
from tests.lab.demo.console import Console
from tests.lab.demo.guide import APPS, Guide
from tests.lab.demo.takeover import take_over
from tests.lab.root import why_not

pytestmark = [pytest.mark.cluster, pytest.mark.lab, pytest.mark.xdist_group("demo")]

MOST_SECONDS = 180
# what each mode needs beside what every one does
NEEDS: Mapping[str, Sequence[str]] = {
    "iptables": ("iptables", "iptables-save", "iptables-restore"),
    "ipvs": ("iptables", "ipset"),
}


def missing(mode: str) -> str:
    """Why kube-proxy can't work in this mode here; empty where it can."""
    if mode == "ipvs" and not Path("/proc/net/ip_vs").exists():
        return "this kernel has no IPVS (CONFIG_IP_VS), or has not loaded it: modprobe ip_vs"
    absent = [program for program in NEEDS[mode] if shutil.which(program) is None]
    return f"the programs {', '.join(absent)} are not installed" if absent else ""


@contextmanager
def required() -> Iterator[None]:
    """The test is skipped, and with CI set failed, where no lab can be or nothing is built."""
    reason = why_not()
    try:
        locate(*PROGRAMS)
    except ProgramsMissingError as error:
        reason = str(error)
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)
    yield


@pytest.mark.timeout(MOST_SECONDS)
@pytest.mark.parametrize("mode", NEEDS)
def test_the_guide_holds_with_kube_proxy_in_this_mode(mode: str, tmp_path: Path) -> None:
    """Every step, with connections from the client to the Pods, through a take-over too."""
    with required():
        if reason := missing(mode):
            pytest.skip(reason)
        arguments = ["--ipvs-strict-arp=true"] if mode == "ipvs" else []
        control_plane = WholeControlPlane(tmp_path, proxy_mode=mode, proxy_arguments=arguments)
        with Cluster(tmp_path, control_plane=control_plane) as cluster:
            guide = Guide(cluster, Console())
            guide.walk()
            take_over(guide)
            _only_the_holder_answers(cluster)


def _only_the_holder_answers(cluster: Cluster) -> None:
    """No kernel answers for an address that its node translates."""
    for app, address in APPS.items():
        holder = cluster.holder(f"{app}-service")
        with ArpWitness(cluster.client, CLIENT_ADDRESS, address) as witness:
            mac = PLANS[holder].mac
            cluster.until("answers", lambda w=witness, m=mac: w.count(m) > 20, 10)  # type: ignore[misc]
        assert {claim.mac for claim in witness.claims} == {mac}
