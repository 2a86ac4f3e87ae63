"""Which incarnation of this node we are, and the lock that makes us its only process."""

from __future__ import annotations

import errno
import hashlib
import socket
import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NETWORK_NAMESPACE = Path("/proc/self/ns/net")
# unix(7): the path of an address holds 108 bytes, the first of an abstract one is zero.
_LONGEST_NAME = 107
_SOCKET_PREFIX = "l2announcer/"
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


@dataclass(frozen=True, slots=True, kw_only=True)
class Incarnation:
    """What tells one life of a node from the next, and from a clone that has its name.

    `boot` changes at every boot; `netns` is the inode of the network namespace of this process.
    """

    boot: str
    netns: int


def read_incarnation() -> Incarnation:
    """Ask the kernel; OSError where /proc does not tell."""
    return Incarnation(
        boot=_BOOT_ID.read_text(encoding="ascii").strip(), netns=_NETWORK_NAMESPACE.stat().st_ino
    )


class NodeLockedError(Exception):
    """Another process is this node already; the text says what to do."""


class NodeLock:
    """Held from the construction to `close`: one process per node name and network namespace.

    It is an abstract Unix socket, so Pods on the host's network and units of systemd see one and
    the same lock, and it goes with its process, however that ends.
    """

    def __init__(self, node: str) -> None:
        """Take the lock; NodeLockedError when another process has it."""
        address = _address(node)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.bind(address)
            self._socket.listen(1)
        except OSError as error:
            self._socket.close()
            if error.errno != errno.EADDRINUSE:
                raise
            raise NodeLockedError(
                f"another l2announcer{_owner(address)} already runs as node {node} on this host;"
                " stop it first, or give this one another --node-name"
            ) from error

    def close(self) -> None:
        """Give the lock back; may be called twice."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _address(node: str) -> bytes:
    name = f"{_SOCKET_PREFIX}{node}".encode()
    if len(name) > _LONGEST_NAME:
        name = f"{_SOCKET_PREFIX}{hashlib.sha256(node.encode()).hexdigest()}".encode()
    return b"\0" + name


def _owner(address: bytes) -> str:
    """` (process 123)`; empty where the kernel does not tell, as across PID namespaces."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)) as asker:
        try:
            asker.connect(address)
            answer = asker.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:
            return ""
    process, _, _ = _CREDENTIALS.unpack(answer)
    return f" (process {process})" if process else ""
