"""Carries connections from a port of this machine's loopback to a server inside of a lab.

A terminal of the user is outside of the lab's namespaces, and a rootless lab is in namespaces of
its own: so the port is opened first, and handed through what re-executes us as root in there.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading

from tests.cluster.place import Place

VARIABLE = "L2ANNOUNCER_DEMO_DOOR"
CHUNK = 65_536
CONNECT_SECONDS = 5.0


def open_door() -> None:
    """Listen on a port of loopback; `take_door` gets it, also after this process was replaced."""
    if VARIABLE in os.environ:
        return
    door = socket.create_server(("127.0.0.1", 0))
    door.set_inheritable(True)
    os.environ[VARIABLE] = str(door.detach())


def take_door() -> socket.socket:
    """The socket that `open_door` opened; children don't inherit it any more."""
    door = socket.socket(fileno=int(os.environ.pop(VARIABLE)))
    door.set_inheritable(False)
    return door


class Relay:
    """Takes connections at `door`, and makes one to `port` of `place` for each, until closed."""

    def __init__(self, door: socket.socket, place: Place, port: int) -> None:
        self._door = door
        self._place = place
        self._port = port
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._take, name="relay", daemon=True).start()

    def close(self) -> None:
        for connection in (self._door, *self._open):
            _shut(connection, socket.SHUT_RDWR)
        self._door.close()

    def _take(self) -> None:
        with contextlib.suppress(OSError):  # the door was closed
            while True:
                near, _ = self._door.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(near)
            try:
                with self._place.inside():
                    goal = (self._place.address, self._port)
                    far = stack.enter_context(socket.create_connection(goal, CONNECT_SECONDS))
            except OSError:
                return
            far.settimeout(None)
            self._open |= {near, far}
            back = threading.Thread(target=_copy, args=(far, near), daemon=True)
            back.start()
            _copy(near, far)
            back.join()
            self._open -= {near, far}


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    _shut(target, socket.SHUT_WR)


def _shut(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(how)
