"""Some of what happens between our daemon and client-go's elector; the command plays all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.bench import elector
from tests.bench.failover.sides import CLIENT_GO, OURS
from tests.cluster.build import ProgramsMissingError, locate
from tests.cluster.mixed.pair import Pair, pairs
from tests.cluster.mixed.scenes import SCENES, played
from tests.lab.root import why_not

pytestmark = [pytest.mark.cluster, pytest.mark.lab, pytest.mark.xdist_group("cluster")]

CHOSEN = (
    (OURS, "SIGTERM"),
    (OURS, "SIGSTOP, SIGCONT"),
    (OURS, "Lease deleted"),
    (OURS, "Lease given to the other"),
    (CLIENT_GO, "SIGTERM"),
    (CLIENT_GO, "cut off from the API server"),
    (CLIENT_GO, "Lease deleted"),
    (CLIENT_GO, "Lease blanked"),
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    reason = why_not() or elector.why_not()
    try:
        locate("etcd", "kube-apiserver")
    except ProgramsMissingError as missing:
        reason = str(missing)
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)
    with pairs(tmp_path_factory.mktemp("pair"), 1) as (only,):
        yield only


@pytest.mark.parametrize(("holder", "key"), CHOSEN, ids=[" ".join(each) for each in CHOSEN])
def test_one_answers_and_one_holds(pair: Pair, holder: str, key: str) -> None:
    """Never both at once (one frame may be under way when a holder freezes), and somebody does."""
    scene = next(each for each in SCENES if (each.holder, each.key) == (holder, key))
    outcome = played(pair, scene)
    assert outcome.doubled <= 1, outcome
    assert outcome.answers == outcome.holds != "", outcome
    if scene.moves:
        assert outcome.answers != holder, outcome
    assert outcome.gap < scene.timing.duration + 2.2 * scene.timing.retry_period + 1, outcome
