"""Between an API server and its etcd: can be no way at all, or hold back what is told of changes.

With changes held back, reads, writes and their conflicts are as of now, while the API server's
watch cache, and whoever watches, stands still: as behind a busy etcd or API server for seconds.

etcd speaks gRPC, here without TLS: HTTP/2 frames (RFC 9113, section 4.1). A stream that the client
has not ended is a watch; of anything else it ends its side with the one message that it sends. Only
DATA frames wait, so that headers, which build on each other, stay in their order.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.cluster.place import Place

PREFACE_BYTES = 24
HEADER_BYTES = 9
DATA, HEADERS = 0, 1
END_STREAM = 0x1
CHUNK = 65_536
CONNECT_SECONDS = 5.0


class EtcdRelay:
    """`at` is the host and port that stand for etcd's."""

    def __init__(self, place: Place, host: str, port: int) -> None:
        self._place = place
        self._etcd = (host, port)
        with place.inside():
            self._door = socket.create_server((host, 0))
        self.at = f"{host}:{self._door.getsockname()[1]}"
        self._connections: set[_Connection] = set()
        self._holding, self._away = threading.Event(), threading.Event()
        self._taker = threading.Thread(target=self._take, name="etcd relay")

    def start(self) -> None:
        """Take connections from now on."""
        self._taker.start()

    def close(self) -> None:
        """End all connections, and take no more."""
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        if self._taker.ident is not None:
            self._taker.join()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Nobody hears of any change within the block, and of all of them after it."""
        self._holding.set()
        try:
            yield
        finally:
            self._holding.clear()
            for connection in list(self._connections):
                connection.release()

    @contextmanager
    def away(self) -> Iterator[None]:
        """There is no etcd within the block: connections end, and new ones are not taken."""
        self._away.set()
        try:
            for connection in list(self._connections):
                connection.close()
            yield
        finally:
            self._away.clear()

    def _take(self) -> None:
        with ExitStack() as threads, contextlib.suppress(OSError):  # the door was closed
            while True:
                near, _ = self._door.accept()
                connection = self._connected(near)
                if connection is None:
                    continue
                for work in (connection.up, connection.down):
                    thread = threading.Thread(target=work)
                    thread.start()
                    threads.callback(thread.join)
                threads.callback(connection.close)

    def _connected(self, near: socket.socket) -> _Connection | None:
        if self._away.is_set():
            near.close()
            return None
        try:
            with self._place.inside():
                far = socket.create_connection(self._etcd, CONNECT_SECONDS)
        except OSError:
            near.close()
            return None
        far.settimeout(None)
        connection = _Connection(near, far, self._holding)
        self._connections.add(connection)
        return connection


class _Connection:
    """One connection of the API server's, and the one to etcd that stands behind it."""

    def __init__(self, near: socket.socket, far: socket.socket, holding: threading.Event) -> None:
        self._near, self._far = near, far
        self._holding = holding
        self._ended: set[int] = set()  # streams on which the API server has said all
        self._held: list[tuple[int, bytes]] = []
        self._lock = threading.Lock()

    def up(self) -> None:
        """What the API server says is passed on as it is, once it's known what it ends."""
        rest, preface = b"", PREFACE_BYTES
        with contextlib.suppress(OSError):
            while chunk := self._near.recv(CHUNK):
                skipped = min(preface, len(chunk))
                preface -= skipped
                frames, rest = _frames(rest + chunk[skipped:])
                for kind, flags, stream, _ in frames:
                    if kind in {DATA, HEADERS} and flags & END_STREAM:
                        self._ended.add(stream)
                self._far.sendall(chunk)
        self.close()

    def down(self) -> None:
        """What etcd says is passed on but for changes that wait."""
        rest = b""
        with contextlib.suppress(OSError):
            while chunk := self._far.recv(CHUNK):
                frames, rest = _frames(rest + chunk)
                with self._lock:
                    self._pass_on(frames)
        self.close()

    def release(self) -> None:
        """Pass on what waits."""
        with self._lock, contextlib.suppress(OSError):
            self._flush()

    def close(self) -> None:
        for end in (self._near, self._far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _pass_on(self, frames: list[tuple[int, int, int, bytes]]) -> None:
        for kind, _, stream, frame in frames:
            if kind == DATA and stream not in self._ended and self._holding.is_set():
                self._held.append((stream, frame))
                continue
            if any(stream == each for each, _ in self._held):
                self._flush()
            self._near.sendall(frame)

    def _flush(self) -> None:
        held, self._held = self._held, []
        self._near.sendall(b"".join(frame for _, frame in held))


def _frames(text: bytes) -> tuple[list[tuple[int, int, int, bytes]], bytes]:
    """Type, flags, stream and all bytes of each whole frame, and what is left."""
    found = []
    while len(text) >= HEADER_BYTES:
        size = HEADER_BYTES + int.from_bytes(text[:3], "big")
        if len(text) < size:
            break
        stream = int.from_bytes(text[5:HEADER_BYTES], "big") & 0x7FFF_FFFF
        found.append((text[3], text[4], stream, text[:size]))
        text = text[size:]
    return found, text
