"""The real process: how it starts, what it says of itself, and how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.faults import Action, Fault
from tests.lab.namespaces import Lab
from tests.lab.single_node import ADDRESS, NODE, SingleNode, until

pytestmark = pytest.mark.lab

LEASE = "cilium-l2announce-default-app1"
CONTROLLER = "l2announcer-controller"
STOP_SECONDS = 2.0
BUSY_SECONDS = 1.0  # what a machine under the load of other tests may add


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Iterator[SingleNode]:
    """One node; its API server is not started, and no CRDs are installed."""
    with SingleNode(lab, tmp_path) as built:
        yield built


@pytest.fixture
def served(site: SingleNode) -> SingleNode:
    """One node with its API server, the CRDs, a policy and a Service for it."""
    site.install()
    site.add_service()
    site.api.start()
    return site


def asked_again(site: SingleNode) -> bool:
    """Have the client ask for the address; did the daemon count a reply?"""
    site.client.run(["ip", "neigh", "flush", "dev", "eth0"])
    site.until_announced()
    lines = site.get("/metrics")[1].splitlines()
    counted = 'l2announcer_replies_total{interface="eth0",protocol="arp"} '
    return any(float(line.split()[1]) > 0 for line in lines if line.startswith(counted))


def status_line(site: SingleNode) -> str:
    """What the supervisor shows."""
    said = [text for text in site.supervisor.said if text.startswith("STATUS=")]
    return said[-1].removeprefix("STATUS=") if said else ""


def test_it_gets_ready_answers_and_says_so(served: SingleNode) -> None:
    served.start_daemon()
    served.until_ready()
    served.until_announced()
    said = served.supervisor.said
    assert said.count("READY=1") == 1
    waiting = next(text for text in said if text.startswith("STATUS="))
    assert waiting.startswith("STATUS=waiting for: ")
    assert said.index(waiting) < said.index("READY=1")
    until("one line", lambda: status_line(served) == "answering for 1 of 2 Services")
    pings = served.supervisor.said.count("WATCHDOG=1")
    until("pings go on", lambda: served.supervisor.said.count("WATCHDOG=1") >= pings + 3)
    until("a reply is counted", lambda: asked_again(served))

    assert served.get("/livez") == (200, "ok")
    code, report = served.get("/readyz?verbose")
    assert code == 200
    checks = ("pump", "services", "policies", "pools", "leases", "nodes", "interfaces")
    for check in checks:
        assert f"[+]{check} ok" in report
    status = json.loads(served.get("/status")[1])
    assert status["node"] == NODE
    app1 = status["services"]["default/app1"]
    assert (app1["state"], app1["lease"]["holder"]) == ("announcing", NODE)
    assert app1["addresses"] == [{"address": ADDRESS, "interface": "eth0"}]
    code, metrics = served.get("/metrics")
    assert code == 200
    lines = metrics.splitlines()
    assert "l2announcer_services_held 1.0" in lines
    assert any(line.startswith("l2announcer_build_info{") for line in lines)
    assert any(line.startswith('l2announcer_watch_lag_seconds{resource="lea') for line in lines)


def test_sigterm_is_silence_release_and_exit_0_in_time(served: SingleNode) -> None:
    daemon = served.start_daemon()
    served.until_announced()
    assert served.holder(LEASE) == NODE
    began_at = time.monotonic()
    daemon.terminate()
    assert daemon.ended() == 0
    assert time.monotonic() - began_at < STOP_SECONDS + BUSY_SECONDS
    assert served.supervisor.said.count("STOPPING=1") == 1
    assert (served.holder(LEASE), served.holder(CONTROLLER)) == ("", "")
    assert daemon.logged()[-1]["event"] == "stopped"


def test_sigterm_while_the_api_server_hangs_is_exit_0_in_time_too(served: SingleNode) -> None:
    daemon = served.start_daemon()
    served.until_announced()
    served.api.do(lambda server: server.faults.plant(Fault(action=Action.HANG)))
    began_at = time.monotonic()
    daemon.terminate()
    assert daemon.ended() == 0
    assert time.monotonic() - began_at < STOP_SECONDS + BUSY_SECONDS


def test_a_second_signal_does_not_wait_for_the_release(served: SingleNode) -> None:
    daemon = served.start_daemon()
    served.until_announced()
    served.api.do(lambda server: server.faults.plant(Fault(action=Action.HANG)))
    daemon.terminate()
    until("it stops", lambda: "STOPPING=1" in served.supervisor.said)
    daemon.terminate()
    assert daemon.ended() == 1, "0 would say that it stopped in order"


def test_a_killed_one_is_followed_by_one_that_answers_at_once(served: SingleNode) -> None:
    first = served.start_daemon()
    served.until_announced()
    first.process.kill()
    first.ended()
    served.client.run(["ip", "neigh", "flush", "dev", "eth0"])
    served.start_daemon()
    began_at = time.monotonic()
    served.until_announced()
    assert time.monotonic() - began_at < 10, "it did not wait for its own Lease to run out"
    assert served.holder(LEASE) == NODE


def test_a_second_process_for_the_same_node_is_refused(served: SingleNode) -> None:
    first = served.start_daemon()
    served.until_ready()
    second = served.start_daemon()
    assert second.ended() == 1
    sentence = (
        f"another l2announcer (process {first.process.pid}) already runs as node {NODE} on this"
        " host; stop it first, or give this one another --node-name"
    )
    assert second.logged()[-1]["why"] == sentence
    assert first.process.poll() is None
    assert served.get("/readyz") == (200, "ok")


def test_without_the_right_to_packet_sockets_it_says_how_to_give_it(site: SingleNode) -> None:
    daemon = site.start_daemon("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")
    assert daemon.ended() == 2, "starting it again would mend nothing"
    (line,) = daemon.logged()
    assert (line["level"], line["event"]) == ("error", "cannot go on")
    assert line["why"].startswith(
        "cannot open a packet socket: the right CAP_NET_RAW is missing; give it with"
        " AmbientCapabilities=CAP_NET_RAW in the systemd unit"
    )


def test_an_api_server_that_is_away_is_waited_for(site: SingleNode) -> None:
    site.install()
    site.add_service()
    daemon = site.start_daemon()
    until("it says so", lambda: daemon.said("cannot read from the API server"))
    code, report = site.get("/readyz")
    assert code == 500
    assert "[-]services failed: last heard of never: " in report
    assert site.get("/livez") == (200, "ok")
    assert "READY=1" not in site.supervisor.said
    site.api.start()
    site.until_ready()
    site.until_announced()
    assert daemon.process.poll() is None


SHORT = {
    "L2ANNOUNCER_LEASE_DURATION": "3s",
    "L2ANNOUNCER_LEASE_RENEW_DEADLINE": "2s",
    "L2ANNOUNCER_LEASE_RETRY_PERIOD": "1s",
}


def test_an_api_server_that_goes_away_and_comes_back_silences_a_strict_node(
    served: SingleNode,
) -> None:
    daemon = served.start_daemon(**SHORT, L2ANNOUNCER_HOLD_OVER="strict")
    until("it answers", lambda: status_line(served) == "answering for 1 of 2 Services")
    served.api.stop()
    until("it fell silent", lambda: status_line(served) == "answering for 0 of 2 Services")
    served.api.start()
    until("it answers again", lambda: status_line(served) == "answering for 1 of 2 Services")
    assert daemon.process.poll() is None


def test_an_api_server_that_goes_away_and_comes_back_is_held_over(served: SingleNode) -> None:
    daemon = served.start_daemon(**SHORT)
    until("it answers", lambda: status_line(served) == "answering for 1 of 2 Services")
    served.api.stop()
    until("it holds over", lambda: daemon.said("holding over"))
    assert status_line(served) == "answering for 1 of 2 Services"
    served.api.start()
    until("it is renewed", lambda: daemon.logged()[-1]["event"] == "announcing")
    assert status_line(served) == "answering for 1 of 2 Services"
    assert daemon.process.poll() is None


def test_crds_that_are_not_installed_are_waited_for(site: SingleNode) -> None:
    site.add_service()
    site.api.start()
    daemon = site.start_daemon()
    site.until_ready()
    assert site.get("/readyz") == (200, "ok")
    sentence = "is not installed: kubectl apply -f config/crds; waiting for it"
    told = [line["event"] for line in daemon.logged() if sentence in line["event"]]
    assert len(told) == 2
    assert site.holder(LEASE) is None
    site.install()
    site.until_announced()
    assert len([line for line in daemon.logged() if sentence in line["event"]]) == 2


def test_a_right_that_is_missing_is_named_with_the_cure(served: SingleNode) -> None:
    served.api.do(lambda server: server.denied.add(("list", "leases")))
    daemon = served.start_daemon()
    sentence = (
        "not permitted to list leases in namespace kube-system: kubectl apply -f config/rbac.yaml,"
        " and run under its service account"
    )
    until("the log names it", lambda: daemon.said(sentence))
    code, report = served.get("/readyz")
    assert code == 500
    assert f"[-]leases failed: last heard of never: {sentence}" in report
    assert "READY=1" not in served.supervisor.said
    served.api.do(lambda server: server.denied.clear())
    served.until_ready()
    served.until_announced()
