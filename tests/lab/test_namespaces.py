"""The lab itself: hosts reach one another, and nothing of it outlives its process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab.namespaces import Lab
from tests.lab.root import LabError

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]


def test_hosts_reach_one_another_with_the_macs_they_were_given(lab: Lab) -> None:
    one = lab.host("one", "172.19.0.2/16", mac="02:42:ac:13:00:02")
    two = lab.host("two", "172.19.0.3/16", mac="02:42:ac:13:00:03")
    with two.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("172.19.0.3", 9))
        receiver.settimeout(5)
        with one.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"hello", ("172.19.0.3", 9))
        assert receiver.recv(16) == b"hello"
    assert "02:42:ac:13:00:03" in one.run(["ip", "neigh", "show", "172.19.0.3"]).stdout


def test_a_socket_opened_inside_stays_inside_and_the_thread_returns(lab: Lab) -> None:
    host = lab.host("one", "172.19.0.2/16")
    before = Path("/proc/thread-self/ns/net").readlink()
    with host.socket(socket.AF_INET, socket.SOCK_DGRAM) as inside:
        inside.bind(("172.19.0.2", 0))
    assert Path("/proc/thread-self/ns/net").readlink() == before


def test_a_command_that_fails_says_where_and_why(lab: Lab) -> None:
    host = lab.namespace("one")
    with pytest.raises(LabError, match=r"in one: `ip link show eth9` ended with 1: .*eth9"):
        host.run(["ip", "link", "show", "eth9"])


def test_nothing_outlives_a_killed_process() -> None:
    script = (
        "from tests.lab.namespaces import Lab\n"
        "lab = Lab().__enter__()\n"
        "host = lab.host('one')\n"
        "child = host.popen(['sh', '-c', 'echo; exec sleep infinity'], stdout=-1)\n"
        "child.stdout.readline()\n"  # from here on it is tied to us
        "print(host.holder.pid, child.pid, flush=True)\n"
        "input()\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        children = [int(word) for word in owner.stdout.readline().split()]
        owner.kill()
    assert len(children) == 2
    deadline = time.monotonic() + 10
    while (alive := [pid for pid in children if _running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    assert not alive


def _running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
