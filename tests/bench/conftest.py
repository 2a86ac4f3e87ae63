"""One cluster with daemons of ours for the benches that measure them on a real API server."""

import os
from collections.abc import Iterator

import pytest

from tests.bench.failover.cluster import Cluster
from tests.bench.failover.sides import OURS
from tests.cluster.build import ProgramsMissingError, locate
from tests.lab.root import why_not


@pytest.fixture(scope="package")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes, with nothing on them yet."""
    reason = why_not()
    try:
        locate("etcd", "kube-apiserver")
    except ProgramsMissingError as missing:
        reason = str(missing)
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)
    with Cluster(tmp_path_factory.mktemp("cluster"), sides=[OURS]) as cluster:
        yield cluster
