"""One process per node, and the two numbers that tell one life of a node from another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from l2announcer.lan.incarnation import NodeLock, NodeLockedError, read_incarnation


@pytest.fixture
def node() -> str:
    """A name that no other test, in whatever process, uses at the same time."""
    return f"node-{uuid4()}"


def test_the_second_process_of_a_node_is_told_of_the_first(node: str) -> None:
    with NodeLock(node), pytest.raises(NodeLockedError) as caught:
        NodeLock(node)
    assert str(caught.value) == (
        f"another l2announcer (process {os.getpid()}) already runs as node {node} on this host;"
        " stop it first, or give this one another --node-name"
    )


def test_other_names_do_not_meet(node: str) -> None:
    with NodeLock(node), NodeLock(f"{node}-2"):
        pass


def test_the_lock_is_free_again_after_close(node: str) -> None:
    lock = NodeLock(node)
    lock.close()
    lock.close()
    NodeLock(node).close()


def test_names_as_long_as_kubernetes_allows_are_told_apart(node: str) -> None:
    long = node.ljust(252, "x")
    with NodeLock(long + "a"), NodeLock(long + "b"), pytest.raises(NodeLockedError):
        NodeLock(long + "a")


def test_a_killed_process_leaves_no_lock(node: str) -> None:
    script = (
        "import sys\n"
        "from l2announcer.lan.incarnation import NodeLock\n"
        "lock = NodeLock(sys.argv[1])\n"
        "print('taken', flush=True)\n"
        "input()\n"
    )
    command = [sys.executable, "-c", script, node]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == b"taken\n"
            with pytest.raises(NodeLockedError, match=rf"\(process {other.pid}\)"):
                NodeLock(node)
        finally:
            other.kill()
    NodeLock(node).close()


def test_the_incarnation_is_of_this_boot_and_namespace() -> None:
    incarnation = read_incarnation()
    assert str(UUID(incarnation.boot)) == incarnation.boot
    assert str(Path("/proc/self/ns/net").readlink()) == f"net:[{incarnation.netns}]"
    assert read_incarnation() == incarnation
