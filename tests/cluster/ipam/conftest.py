"""A control plane of both IP families, and for each test a cluster that it has for itself."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.cluster.build import ProgramsMissingError
from tests.cluster.controlplane import ADMIN, DAEMON, ControlPlane
from tests.cluster.installation import install
from tests.cluster.ipam.cluster import Cluster
from tests.cluster.ipam.controller import connected

BOTH_FAMILIES = "--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112"


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """One that takes Services of IPv6; nobody else makes Services or pools on it."""
    try:
        started = ControlPlane(arguments=[BOTH_FAMILIES])
    except ProgramsMissingError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with started:
        install(started)
        yield started


@pytest.fixture
async def quiet(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    """A cluster in which no controller runs yet."""
    async with (
        connected(control_plane.kubeconfig(ADMIN)) as admin,
        connected(control_plane.kubeconfig(DAEMON)) as daemon,
    ):
        cluster = Cluster(admin, daemon)
        yield cluster
        await cluster.clear()


@pytest.fixture
async def cluster(quiet: Cluster) -> Cluster:
    """A cluster in which a controller runs."""
    await quiet.start()
    return quiet
