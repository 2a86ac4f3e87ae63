"""A small blocking client of the Kubernetes API, for the parts that a lab plays itself.

Its sockets are opened in the namespace that it was given, so it sees what that host would see.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.lab.namespaces import Namespace

Object = dict[str, Any]
MERGE_PATCH = "application/merge-patch+json"
ANSWER_SECONDS = 10
RETRY_SECONDS = 0.2


class ApiError(Exception):
    """The API server refused; `code` is the HTTP status, the text the server's own message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Api:
    """One user of one API server. `namespace` None: this process's own network namespace.

    A server whose URL begins with https is believed by the certificate in `ca_file`.
    """

    def __init__(
        self,
        url: str,
        token: str,
        namespace: Namespace | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._address = urlsplit(url)
        self._token = token
        self._namespace = namespace
        self._trust = ssl.create_default_context(cafile=ca_file)

    def get(self, path: str) -> Object:
        return self._asked("GET", path)

    def items(self, path: str) -> list[Object]:
        found: list[Object] = self.get(path)["items"]
        return found

    def create(self, path: str, body: Mapping[str, Any]) -> Object:
        return self._asked("POST", path, body)

    def merge(self, path: str, patch: Mapping[str, Any]) -> Object:
        """JSON merge patch (RFC 7386)."""
        return self._asked("PATCH", path, patch, MERGE_PATCH)

    def put(self, path: str, body: Mapping[str, Any]) -> Object:
        return self._asked("PUT", path, body)

    def delete(self, path: str) -> Object:
        return self._asked("DELETE", path)

    def _asked(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content: str = "application/json",
    ) -> Object:
        with self._answer(method, path, body, content) as response:
            answer: Object = json.loads(response.read())
        return answer

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content: str = "",
        *,
        patient: bool = False,
    ) -> Iterator[HTTPResponse]:
        connection = self._connection()
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content
        try:
            with ExitStack() as place:
                if self._namespace is not None:
                    place.enter_context(self._namespace.in_namespace())
                connection.connect()
            if patient:
                connection.sock.settimeout(None)
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            if response.status >= 400:
                raise ApiError(response.status, _message(response))
            yield response
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if self._address.scheme == "https":
            return HTTPSConnection(host, port, timeout=ANSWER_SECONDS, context=self._trust)
        return HTTPConnection(host, port, timeout=ANSWER_SECONDS)

    @contextmanager
    def watch(self, path: str, version: str) -> Iterator[tuple[socket.socket, Iterator[Object]]]:
        """Events since `version`; shutting the socket down from another thread ends them."""
        query = f"?watch=true&resourceVersion={version}&allowWatchBookmarks=true"
        with (
            self._answer("GET", path + query, patient=True) as response,
            socket.socket(fileno=os.dup(response.fileno())) as stream,
        ):
            yield stream, (json.loads(line) for line in response)


class Reconciler:
    """Calls `converge` at the start and at every change below `paths`, never twice at a time.

    One thread per path lives until `close`. The first exception of any of them is kept in
    `failure`, and ends that thread's work.
    """

    def __init__(self, api: Api, paths: tuple[str, ...], converge: Callable[[], None]) -> None:
        self.failure: Exception | None = None
        self._api = api
        self._converge = converge
        self._turn = threading.Lock()
        self._closed = threading.Event()
        self._streams: dict[str, socket.socket] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(path,), name=f"watch {path}", daemon=True)
            for path in paths
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closed.set()
        while any(thread.is_alive() for thread in self._threads):
            for stream in list(self._streams.values()):
                _shut(stream)
            for thread in self._threads:
                thread.join(0.05)

    def _run(self, path: str) -> None:
        try:
            while not self._closed.is_set():
                try:
                    self._follow(path)
                except (OSError, HTTPException, ApiError):
                    # the server is away or has forgotten our version: begin again
                    self._closed.wait(RETRY_SECONDS)
        except Exception as error:  # noqa: BLE001 - handed to the thread that looks after us
            self.failure = error
            self._closed.wait()  # children that this thread started live as long as it does

    def _follow(self, path: str) -> None:
        version = self._api.get(path)["metadata"]["resourceVersion"]
        with self._api.watch(path, version) as (stream, events):
            self._streams[path] = stream
            try:
                self._take_turn()
                for event in events:
                    if event["type"] != "BOOKMARK":
                        self._take_turn()
            finally:
                del self._streams[path]

    def _take_turn(self) -> None:
        with self._turn:
            if not self._closed.is_set():
                self._converge()


def _message(response: HTTPResponse) -> str:
    text = response.read().decode(errors="replace")
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text.strip() or response.reason


def _shut(stream: socket.socket) -> None:
    try:
        stream.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # closed already by the thread that reads it
