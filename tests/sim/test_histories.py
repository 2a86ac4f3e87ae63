"""What is played on real sockets (tests.lab.test_histories) goes alike in the simulation."""

from __future__ import annotations

import pytest

from tests.histories.bodies import BODIES, Body
from tests.sim.site import SimulatedSite


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_it_goes_as_told(body: Body, seed: int) -> None:
    body(SimulatedSite(seed))
