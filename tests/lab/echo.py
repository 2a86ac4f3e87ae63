"""An HTTP server that answers everything with one text: the container of the guide's Pods.

Takes the arguments of the image that the manifests name: `-listen=:80 -text="This is app1"`. No
shell sees them in a Pod, so quotes in them are part of the text.
"""

from __future__ import annotations

import argparse
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


class Server(ThreadingHTTPServer):
    """A client that goes away in the middle is no news."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Echo(BaseHTTPRequestHandler):
    """Answers each GET with the text and a line feed."""

    text: ClassVar[str] = ""

    def do_GET(self) -> None:
        body = f"{self.text}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Say nothing: the demo has one request after another."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-listen", default=":5678", help="[address]:port")
    parser.add_argument("-text", required=True)
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    Echo.text = options.text
    server = Server((host, int(port)), Echo)
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
