"""What is played in the simulation, and in the lab, goes alike with the real control plane."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cluster.build import ProgramsMissingError
from tests.cluster.whole import WholeControlPlane
from tests.histories.bodies import BODIES, Body
from tests.lab.failover_site import LabSite
from tests.lab.root import why_not

# beside the tests that share a control plane: these have their own
pytestmark = [pytest.mark.cluster, pytest.mark.lab, pytest.mark.xdist_group("histories")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabSite]:
    reason = why_not()
    directory = tmp_path_factory.mktemp("histories")
    try:
        control_plane = WholeControlPlane(directory)
    except ProgramsMissingError as missing:
        reason = str(missing)
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)
    with LabSite(directory, control_plane) as site:
        yield site


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_it_goes_as_told(body: Body, built: LabSite) -> None:
    with built.asked() as site:
        body(site)
