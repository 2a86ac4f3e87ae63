"""The control plane itself: it comes up, goes away, comes back as it was, and leaves nothing."""

import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest
import yaml

from tests.cluster.controlplane import ADMIN, DAEMON, STRANGER, ControlPlane
from tests.cluster.directory import OwnedDirectory
from tests.cluster.server import Server, StartError


def test_its_version_is_that_of_the_guide(control_plane: ControlPlane) -> None:
    assert control_plane.api(ADMIN).get("/version").body["gitVersion"] == "v1.32.2"


def test_a_request_without_a_right_is_denied(control_plane: ControlPlane) -> None:
    answer = control_plane.api(STRANGER).get("/api/v1/services")
    assert (answer.status, answer.body["reason"]) == (403, "Forbidden")


def test_a_token_that_nobody_has_is_refused(control_plane: ControlPlane) -> None:
    context = ssl.create_default_context(cafile=str(control_plane.ca_file))
    request = urllib.request.Request(
        control_plane.url + "/api/v1/services", headers={"Authorization": "Bearer nobodys"}
    )
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, context=context)
    refusal.value.close()
    assert refusal.value.code == 401


def test_a_kubeconfig_leads_to_the_server_as_its_user(
    control_plane: ControlPlane, kubeconfig: Path
) -> None:
    config = yaml.safe_load(kubeconfig.read_text())
    assert config["clusters"][0]["cluster"]["server"] == control_plane.url
    assert config["users"][0] == {"name": DAEMON.name, "user": {"token": DAEMON.token}}
    assert kubeconfig.stat().st_mode & 0o077 == 0


def test_a_service_account_gets_real_tokens_that_work(control_plane: ControlPlane) -> None:
    answer = control_plane.api(ADMIN).post(
        "/api/v1/namespaces/kube-system/serviceaccounts/l2announcer/token",
        {"spec": {"expirationSeconds": 600}},
    )
    context = ssl.create_default_context(cafile=str(control_plane.ca_file))
    request = urllib.request.Request(
        control_plane.url + "/api/v1/services",
        headers={"Authorization": f"Bearer {answer.body['status']['token']}"},
    )
    with urllib.request.urlopen(request, context=context) as reply:
        assert reply.status == 200


def test_a_restarted_api_server_has_the_same_url_certificate_and_objects(
    control_plane: ControlPlane,
) -> None:
    api = control_plane.api(ADMIN)
    name = f"restart-{uuid.uuid4().hex[:8]}"
    path = "/api/v1/namespaces/default/configmaps"
    assert api.post(path, {"metadata": {"name": name}}).ok
    try:
        control_plane.stop_api_server()
        try:
            with pytest.raises(urllib.error.URLError) as refusal:
                api.get(f"{path}/{name}")
            assert isinstance(refusal.value.reason, ConnectionRefusedError)
        finally:
            control_plane.start_api_server()
        assert api.get(f"{path}/{name}").ok
    finally:
        api.delete(f"{path}/{name}")


def test_a_hung_api_server_does_not_answer_until_it_is_let_go_on(
    control_plane: ControlPlane,
) -> None:
    api = control_plane.api(ADMIN)
    control_plane.api_server.signal(signal.SIGSTOP)
    try:
        with pytest.raises(OSError, match="timed out"):
            api.with_timeout(0.2).get("/livez")
    finally:
        control_plane.api_server.signal(signal.SIGCONT)
    assert api.get("/livez").ok


def test_one_of_its_own_has_an_audit_log_and_leaves_nothing_behind(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    log = tmp_path / "audit.log"
    with ControlPlane(audit_log=log) as second:
        assert second.url != control_plane.url
        assert second.api(STRANGER).get("/api/v1/pods").status == 403
        processes = [second.etcd.pid, second.api_server.pid]
        assert all(map(_exists, processes))
    assert not second.directory.exists()
    assert not any(map(_exists, processes))
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert any(
        record["user"]["username"] == STRANGER.name and record["requestURI"] == "/api/v1/pods"
        for record in records
    )


def test_what_a_killed_process_left_behind_goes_with_the_next_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed = (
        "import os, signal; from tests.cluster.directory import OwnedDirectory\n"
        "kept = OwnedDirectory(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", killed], cwd=root, env=environment, check=False)
    (abandoned,) = tmp_path.iterdir()
    first = OwnedDirectory()
    assert not abandoned.exists()
    second = OwnedDirectory()
    assert first.path.exists()
    second.close()
    first.close()
    assert not list(tmp_path.iterdir())


def test_a_server_that_does_not_come_up_shows_the_end_of_its_log(tmp_path: Path) -> None:
    server = Server("sh", ["sh", "-c", "echo out of cheese; exit 3"], tmp_path / "sh.log")
    try:
        with pytest.raises(StartError, match=r"sh ended with 3(?s:.*)out of cheese"):
            server.start(lambda: False)
    finally:
        server.close()


def test_a_server_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    server = Server("sleep", ["sh", "-c", "echo $$; exec sleep 60"], tmp_path / "sleep.log")
    try:
        with pytest.raises(StartError, match="was not ready after 0 s"):
            server.start(lambda: False, timeout_seconds=0.2)
        assert not _exists(int((tmp_path / "sleep.log").read_text()))
    finally:
        server.close()


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
