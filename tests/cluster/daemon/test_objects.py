"""A policy with a fault says so in its own status, and stops saying so when it is mended."""

import pytest

from tests.cluster.daemon.announced import BAD_INTERFACE, condition, events, made, policy, removed
from tests.cluster.daemon.site import POLICIES, Site

pytestmark = [pytest.mark.cluster, pytest.mark.lab]


def test_a_bad_interface_pattern_is_told_and_then_mended(site: Site) -> None:
    name = f"bad-{site.next_number()}"
    path = f"{POLICIES}/{name}"
    with removed(site, name):
        bad = policy(name)
        bad["spec"]["interfaces"] = ["^eth[0-9"]
        made(site, POLICIES, bad)
        told = site.until("it is told", lambda: condition(site, path, BAD_INTERFACE))
        assert told["status"] == "True"
        assert "^eth[0-9" in told["message"]
        event = site.until("an Event", lambda: events(site, name).get("BadPolicy", {}))
        assert event["type"] == "Warning"
        assert "^eth[0-9" in event["message"]
        assert event["involvedObject"]["kind"] == bad["kind"]
        site.patch(path, {"spec": {"interfaces": ["^eth[0-9]+"]}})
        site.until(
            "it is mended", lambda: condition(site, path, BAD_INTERFACE)["status"] == "False"
        )
