"""What a kubelet serves for `kubectl logs`: the API server fetches it from the node."""

from __future__ import annotations

import select
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.lab.namespaces import Namespace

PORT = 10250
LOOK_SECONDS = 0.1


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str, files: dict[str, Path]) -> None:
        super().__init__((address, PORT), _Answer)
        self.files = files
        self.closed = threading.Event()

    def server_bind(self) -> None:
        """Without the inherited look-up of a name, which nothing in a lab would answer."""
        TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asks may go away in the middle: no news."""


class Logs:
    """Serves `files`, a log for each "namespace/pod", at a node's address, until closed."""

    def __init__(self, node: Namespace, address: str, certificates: Path) -> None:
        self.files: dict[str, Path] = {}
        with node.in_namespace():
            self._server = _Server(address, self.files)
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(certificates / "apiserver.crt", certificates / "apiserver.key")
        self._server.socket = trust.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(LOOK_SECONDS,), name="logs", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Answer(BaseHTTPRequestHandler):
    """GET /containerLogs/NAMESPACE/POD/CONTAINER?tailLines=N&follow=true, as kubelets answer it."""

    server: _Server

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        _, kind, *name = where.path.split("/")
        file = self.server.files.get("/".join(name[:2]))
        if kind != "containerLogs" or file is None:
            self.send_error(404, "the lab keeps the logs of the daemons only")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self._send(file, {key: values[-1] for key, values in parse_qs(where.query).items()})

    def _send(self, file: Path, asked: dict[str, str]) -> None:
        with file.open("rb") as log:
            lines = log.readlines()
            if "tailLines" in asked:
                lines = lines[max(0, len(lines) - int(asked["tailLines"])) :]
            self.wfile.writelines(lines)
            while asked.get("follow") == "true" and not self.server.closed.is_set():
                if select.select([self.connection], [], [], LOOK_SECONDS)[0]:
                    return  # who asked is gone
                self.wfile.write(log.read())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Say nothing: the demo's output is what its steps say."""
