"""What is played in the simulation (tests.sim.test_histories) goes alike on real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from tests.histories.bodies import BODIES, Body, it_moves_there_and_back_as_it_is_asked_to
from tests.lab.embedded import Embedded
from tests.lab.failover_site import LabSite

pytestmark = pytest.mark.lab

GAP_SECONDS = 0.1
"""Two writes and an event, on a machine that does other things as well."""


@pytest.fixture
def site(_namespaces: None, tmp_path: Path) -> Iterator[LabSite]:
    with LabSite(tmp_path, Embedded(tmp_path)) as built, built.asked() as found:
        yield found


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_it_goes_as_told(body: Body, site: LabSite) -> None:
    body(site)
    if body is it_moves_there_and_back_as_it_is_asked_to:
        gaps = [
            after.at - before.at
            for before, after in pairwise(site.heard)
            if before.node != after.node
        ]
        assert median(gaps) < GAP_SECONDS
