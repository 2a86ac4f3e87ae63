"""The unit file: systemd finds no fault in it, and it leaves the service little to do harm with."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "l2announcer.service"
PROGRAM = "/usr/local/bin/l2announcer"
# systemd's own figure, 0 (least) to 100; what is left is needed: packet, netlink and Internet
# sockets in the host's network, and CAP_NET_RAW
EXPOSURE_AT_MOST = 20


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on any machine: systemd looks for it."""
    program = tmp_path / "l2announcer"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = UNIT.read_text()
    assert text.count(f"ExecStart={PROGRAM} ") == 1
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace(f"ExecStart={PROGRAM} ", f"ExecStart={program} "))
    return copy


def _analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = shutil.which("systemd-analyze")
    if command is None:
        pytest.skip("systemd-analyze is not installed (package systemd)")
    return subprocess.run([command, *arguments], capture_output=True, text=True, check=False)


def test_systemd_finds_no_fault(unit: Path) -> None:
    done = _analyze("verify", "--man=no", unit)
    # it also reads the units that this one names, and may have something to say about those
    faults = [line for line in (done.stdout + done.stderr).splitlines() if unit.stem in line]
    assert (done.returncode, faults) == (0, [])


def test_systemd_finds_a_planted_fault(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchdogSecs="))
    assert "WatchdogSecs" in _analyze("verify", "--man=no", unit).stderr


def test_connections_of_others_do_not_use_up_those_for_renewals() -> None:
    limits = [line for line in UNIT.read_text().splitlines() if line.startswith("LimitNOFILE=")]
    assert [int(line.partition("=")[2]) >= 1 << 16 for line in limits] == [True]


def test_the_service_is_little_exposed(unit: Path) -> None:
    done = _analyze("security", "--offline=true", f"--threshold={EXPOSURE_AT_MOST}", unit)
    if "unrecognized option" in done.stderr:
        pytest.skip("systemd-analyze is too old to judge a file (before systemd 250)")
    assert done.returncode == 0, done.stdout
