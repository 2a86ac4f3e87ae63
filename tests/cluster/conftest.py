"""One real control plane for all tests of this folder, on one worker, started when first asked for.

A test that asks for it is marked `cluster`, and is skipped, with the command that helps, where the
programs are not there; with CI set that is a failure. Tests never build anything for minutes on
their own: L2ANNOUNCER_BUILD=1 asks for it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.build import ProgramsMissingError, build
from tests.cluster.controlplane import DAEMON, ControlPlane
from tests.cluster.installation import install

FIXTURE = "control_plane"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark who needs the control plane; all of them share a worker, and so the control plane.

    Who has one of its own says so by another group.
    """
    for item in _users_of_the_control_plane(items):
        item.add_marker(pytest.mark.cluster)
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group("cluster"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build before the first test, when asked to: here no test's time-out runs."""
    if os.environ.get("L2ANNOUNCER_BUILD") != "1" or session.config.option.collectonly:
        return
    if _users_of_the_control_plane(session.items):
        capture = session.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            build()


def _users_of_the_control_plane(items: list[pytest.Item]) -> list[pytest.Item]:
    # a test that asks for the fixture only while it runs has said so by the marker
    return [
        item
        for item in items
        if FIXTURE in getattr(item, "fixturenames", ()) or item.get_closest_marker("cluster")
    ]


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """A running etcd and kube-apiserver with our CRDs and RBAC installed.

    It is shared: a test makes objects under names of its own and removes them.
    """
    try:
        started = ControlPlane()
    except ProgramsMissingError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with started:
        install(started)
        yield started


@pytest.fixture
def kubeconfig(control_plane: ControlPlane) -> Path:
    """A kubeconfig with the daemon's identity and rights."""
    return control_plane.kubeconfig(DAEMON)
