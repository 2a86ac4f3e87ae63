"""One server process of the control plane: started, watched while it comes up, and surely ended."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SECONDS_BETWEEN_LOOKS = 0.05
LINES_OF_LOG_SHOWN = 15


class StartError(Exception):
    """A server did not come up; the text says which and shows the end of its log."""


class Server:
    """A command that runs in a process group of its own, with its output in a file.

    The kernel kills it when this process dies (where setpriv of util-linux is there to ask for
    that). It goes by the *thread* that started the server, and a test may restart a server from
    a short-lived thread: so one thread starts it every time and lives until `close`.
    """

    def __init__(self, name: str, command: Sequence[str | Path], log: Path) -> None:
        setpriv = shutil.which("setpriv")
        bound = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        self._name = name
        self._command = [*bound, *map(str, command)]
        self._log = log
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The running server's process. Raises RuntimeError where none runs."""
        if self._process is None:
            raise RuntimeError(f"{self._name} is not running")
        return self._process.pid

    def start(self, is_ready: Callable[[], bool], timeout_seconds: float = 60.0) -> None:
        """Start the server and return once `is_ready`.

        Raises StartError, with the server ended, where it exits or takes too long; what
        interrupts the waiting ends the server too.
        """
        if self._process is not None:
            raise RuntimeError(f"{self._name} is already running")
        self._process = self._starter.submit(self._spawn).result()
        try:
            self._wait_until(is_ready, self._process, timeout_seconds)
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def stop(self, how: signal.Signals = signal.SIGTERM, timeout_seconds: float = 20.0) -> None:
        """Send `how` to the server and return once it has ended (killed, after the time-out)."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def signal(self, what: signal.Signals) -> None:
        """Send `what` to a running server: SIGSTOP and SIGCONT make one that hangs."""
        os.killpg(self.pid, what)

    def close(self) -> None:
        """Kill the server if it runs; it cannot be started again."""
        self.stop(signal.SIGKILL)
        self._starter.shutdown()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait_until(
        self, is_ready: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float
    ) -> None:
        give_up_at = time.monotonic() + seconds
        while not is_ready():
            if process.poll() is not None:
                raise StartError(self._explain(f"ended with {process.returncode}"))
            if time.monotonic() > give_up_at:
                raise StartError(self._explain(f"was not ready after {seconds:.0f} s"))
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _explain(self, what: str) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-LINES_OF_LOG_SHOWN:]
        return f"{self._name} {what}; the end of its log:\n  " + "\n  ".join(lines)
