"""Leases that nobody needs any more are deleted by one node; strangers', and needed ones, stay."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from l2announcer.core.lease import body
from l2announcer.core.model import Holding, LeaseRecord
from tests.cluster.controlplane import DAEMON
from tests.cluster.daemon.announced import announced
from tests.cluster.daemon.site import LEASES, TIDY, Site
from tests.lab.cluster import WORKERS

pytestmark = [pytest.mark.cluster, pytest.mark.lab]

INSTANT = "2026-03-01T10:00:00.000001Z"


def left_behind(name: str, holder: str) -> dict[str, Any]:
    """A Lease as a daemon wrote it that is no more."""
    record = LeaseRecord(
        name=name,
        resource_version="",
        holder=holder,
        duration_seconds=3,
        acquire_time=INSTANT,
        renew_time=INSTANT,
        holding=Holding(boot="b", netns=1),
    )
    return body(name=name, namespace="kube-system", read=None, record=record)


@contextmanager
def lease(site: Site, made: dict[str, Any]) -> Iterator[str]:
    """The path of a Lease, which is gone at the end."""
    path = f"{LEASES}/{made['metadata']['name']}"
    assert site.api.post(LEASES, made).ok
    try:
        yield path
    finally:
        site.api.delete(path)


def test_what_nobody_needs_is_deleted_and_nothing_else(empty_site: Site) -> None:
    site, number = empty_site, empty_site.next_number()
    site.install()
    site.run(TIDY)
    with ExitStack() as stack:
        kept = stack.enter_context(announced(site))
        with announced(site) as served:
            pass
        stranger = left_behind(f"cilium-l2announce-default-strange-{number}", "n1")
        del stranger["metadata"]["annotations"]
        node = left_behind(f"l2announcer-node-away-{number}", f"away-{number}")
        there = left_behind(f"l2announcer-node-{WORKERS[0]}-{number}", "")
        service = left_behind(f"cilium-l2announce-default-away-{number}", f"away-{number}")
        strange, away, empty, old = (
            stack.enter_context(lease(site, made)) for made in (stranger, node, there, service)
        )
        since = site.audit.mark()
        needless = (served.lease, old, away, empty)
        for path in needless:
            site.until(f"{path} is deleted", lambda p=path: site.api.get(p).status == 404)  # type: ignore[misc]
        assert site.api.get(strange).ok
        assert site.holder(kept.name) == kept.holder
        asked = site.audit.asked(DAEMON, since)
        # what other tests left behind on this site goes too
        names = {path.rpartition("/")[2] for path in needless}
        deleted = [each for each in asked if each.verb == "delete" and each.name in names]
        assert len(deleted) == len(names), "each by one node, once"
        assert {each.code for each in deleted} == {200}
