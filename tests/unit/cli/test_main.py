"""The command line as a user meets it: help, version, wrong usage, wrong settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from l2announcer import __version__
from l2announcer.settings import OPTIONS


def l2announcer(
    *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if "L2ANNOUNCER" not in name}
    return subprocess.run(
        [sys.executable, "-m", "l2announcer", *arguments],
        capture_output=True,
        check=False,
        env={**clean, "COLUMNS": "100", **(environ or {})},
        text=True,
        timeout=30,
    )


def test_version() -> None:
    done = l2announcer("--version")
    assert (done.returncode, done.stdout) == (0, f"l2announcer {__version__}\n")


def test_help_teaches() -> None:
    done = l2announcer("--help")
    assert done.returncode == 0
    for word in ("examples:", "exit codes:", "run the daemon of this node", "kubeconfig"):
        assert word in done.stdout


def test_help_of_run_lists_every_setting_with_its_names() -> None:
    done = l2announcer("run", "--help")
    assert done.returncode == 0
    words = done.stdout.split()
    for option in OPTIONS:
        assert option.flag in words
        assert any(word.strip("[;],") == option.variable for word in words)


def test_no_command_shows_the_help() -> None:
    done = l2announcer()
    assert (done.returncode, done.stdout) == (2, "")
    assert "examples:" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--lease-duratoin=3s"], "'--lease-duratoin'; did you mean --lease-duration?"),
        (["run", "--confg", "x"], "did you mean --config?"),
        (["walk"], "invalid choice: 'walk'"),
        (["run", "--listen"], "expected one argument"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    done = l2announcer(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_wrong_setting_is_one_sentence_whatever_its_source(tmp_path: Path) -> None:
    file = tmp_path / "l2.yaml"
    file.write_text("listen: here\n", encoding="utf-8")
    expected = "'here' is not an address to listen on such as :9480, 127.0.0.1:9480 or [::1]:9480\n"
    flag = l2announcer("run", "--listen", "here")
    variable = l2announcer("run", environ={"L2ANNOUNCER_LISTEN": "here"})
    key = l2announcer("run", "--config", str(file))
    named = l2announcer("run", environ={"L2ANNOUNCER_CONFIG": str(file)})
    for done, origin in (
        (flag, "--listen"),
        (variable, "L2ANNOUNCER_LISTEN"),
        (key, f"{file}:1: listen"),
        (named, f"{file}:1: listen"),
    ):
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"l2announcer: {origin}: {expected}"


def test_a_settings_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = l2announcer("run", "--config", str(tmp_path / "none.yaml"))
    assert missing.returncode == 2
    assert "none.yaml cannot be read: No such file or directory" in missing.stderr
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "not text in UTF-8" in l2announcer("run", "--config", str(binary)).stderr


def test_run_gives_the_settings_to_the_daemon_and_ends_with_its_code() -> None:
    program = """
import sys, types, l2announcer
from l2announcer.cli import main
daemon = types.ModuleType("l2announcer.daemon")
def run(settings):
    print(settings.lease_duration, settings.node_name)
    return 1
daemon.run = run
l2announcer.daemon = sys.modules["l2announcer.daemon"] = daemon
sys.exit(main(["run", "--lease-duration", "20s", "--node-name=worker-1"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (1, "20.0 worker-1\n"), done.stderr
