"""One site for all tests of this folder. After each, the audit log is held against our rights."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.build import ProgramsMissingError
from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.announced import Announced, announced
from tests.cluster.daemon.site import LONG, SHORT, Site
from tests.lab.root import why_not

FOLDER = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder share a worker: not that of the control plane which others share."""
    for item in items:
        if item.path.parent == FOLDER:
            item.add_marker(pytest.mark.xdist_group("site"))


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Nodes and a control plane of their own, with nothing installed."""
    with built(tmp_path_factory.mktemp("site"), relayed=False) as site:
        yield site


@pytest.fixture
def relayed(relayed_site: Site) -> Iterator[Site]:
    """The other site; its daemons end with the test, for there are others that need their time."""
    yield relayed_site
    for name in list(relayed_site.daemons):
        assert relayed_site.stop(name) == 0


@pytest.fixture(scope="session")
def relayed_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Another one, whose API server can be kept from hearing of changes; all is installed."""
    with built(tmp_path_factory.mktemp("relayed"), relayed=True) as site:
        site.install()
        yield site


@contextmanager
def built(directory: Path, *, relayed: bool) -> Iterator[Site]:
    """A site; or the test is skipped, and with CI set failed, where none can be."""
    reason = why_not()
    try:
        site = Site(directory, relayed=relayed)
        if not reason:
            with site:
                yield site
            return
    except ProgramsMissingError as missing:
        reason = str(missing)
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def empty_site(built_site: Site) -> Iterator[Site]:
    """The site as the last test left it; afterwards it is as `site` needs it.

    Whatever a daemon asked in between was well-formed, and within the rights that we ship.
    """
    since = built_site.audit.mark()
    yield built_site
    # an API server that has just been started denies everything until it has read the roles
    for asked in built_site.audit.asked(DAEMON, max(since, built_site.settled)):
        assert asked.code not in {400, 401, 403, 405, 415, 422}, asked


@pytest.fixture
def site(empty_site: Site) -> Site:
    """CRDs and rights installed, and a ready daemon on each node, with short Leases."""
    empty_site.install()
    empty_site.run(SHORT)
    return empty_site


@pytest.fixture
def served(site: Site) -> Iterator[Announced]:
    """A Service that one of two workers answers for."""
    with announced(site) as service:
        yield service


@pytest.fixture
def long_served(empty_site: Site) -> Iterator[Announced]:
    """The same with a Lease that lasts through a restart."""
    empty_site.install()
    empty_site.run(LONG)
    with announced(empty_site) as service:
        yield service
