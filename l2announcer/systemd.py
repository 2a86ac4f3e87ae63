"""What the service manager is told, by sd_notify(3): ready, stopping, alive, a line of status."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Self

SOON_SECONDS = 10.0
PAUSE_SECONDS = 3.0


def pause_seconds(environ: Mapping[str, str], lived_seconds: float) -> float:
    """How long a process that failed waits before it ends, so that it isn't started in a circle.

    The unit starts again at once whoever ended, since a killed process resumes its Leases. systemd
    could let that delay grow (RestartSteps=, from version 254), but never resets it: a daemon that
    is killed once a month would come to wait for the longest each time.
    """
    return PAUSE_SECONDS if "NOTIFY_SOCKET" in environ and lived_seconds < SOON_SECONDS else 0.0


class Notifier:
    """Speaks to the socket that NOTIFY_SOCKET names; does nothing where there is none.

    Never waits and never fails: a supervisor that is gone or busy misses a message. What is a
    level, being ready and the status, is sent when it changes, and again until it was delivered.
    A context manager that closes its socket.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        # sd_notify(3): an absolute path, or an abstract name that starts with @.
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        self._socket: socket.socket | None = None
        self._told_ready = False
        self._told_status = ""
        if name.startswith(("/", "@")):
            self._socket = socket.socket(
                socket.AF_UNIX,
                socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
            )
        self.watchdog_interval_seconds = _watchdog_interval(environ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._socket is not None:
            self._socket.close()

    def ready(self) -> None:
        """Everything was listed once; units that come after this one may start."""
        if not self._told_ready:
            self._told_ready = self._send("READY=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line, as `systemctl status` shows it."""
        if text != self._told_status and self._send("STATUS=" + " ".join(text.split())):
            self._told_status = text

    def watchdog(self) -> None:
        """Still alive; to be called every `watchdog_interval_seconds`."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> bool:
        """Send at once; False when nobody took it."""
        if self._socket is None:
            return False
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError:  # busy, gone, or not ours to reach: nothing of it is worth a process
            return False
        return True


def _watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """Half of the time after which we are taken for dead, as sd_watchdog_enabled(3) advises.

    None where no watchdog is asked for, or where it is asked of another process.
    """
    limit = environ.get("WATCHDOG_USEC", "")
    process = environ.get("WATCHDOG_PID", "")
    if not limit.isdecimal() or int(limit) == 0:
        return None
    if process and process != str(os.getpid()):
        return None
    return int(limit) / 1e6 / 2
