"""An embedded Kubernetes API server: the object store of tests.fakes.store behind HTTP.

`python -m tests.fakes.apiserver --help` runs it by itself. What it promises is what the contract
suite (tests/cluster/contract) asserts of it and of a real kube-apiserver alike.
"""

import argparse
import asyncio
import signal
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import yaml
from aiohttp import web

from tests.fakes import discovery
from tests.fakes.bodies import decoded
from tests.fakes.bootstrap import apply_object, bootstrap
from tests.fakes.faults import Action, Fault, Faults
from tests.fakes.kubeconfig import write_kubeconfig
from tests.fakes.refusals import Refusal, UnservedError
from tests.fakes.requests import Call, answer, question, read_call
from tests.fakes.resources import Object
from tests.fakes.routes import target, verb
from tests.fakes.store import Store
from tests.fakes.watches import Watches

_REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_HEALTH = frozenset({"/livez", "/readyz", "/healthz"})
_LARGEST_BODY = 3 * 2**20


class ApiServer:
    """One control plane. Use it as an async context, or start() and stop() it.

    `store` is open to tests that write behind the clients' backs; `faults` to those that plant
    faults; `requests` counts (verb, resource) of everything asked; `denied` has the (verb,
    resource) pairs that get 403. With a `token`, others than its bearer get 401.
    """

    def __init__(self, *, token: str = "", bookmark_seconds: float = 60.0) -> None:
        self.store = Store()
        self.faults = Faults()
        self.requests: Counter[tuple[str, str]] = Counter()
        self.denied: set[tuple[str, str]] = set()
        self.token = token
        self.watches = Watches(self.store, self.faults, bookmark_seconds)
        self.host = ""
        self.port = 0
        self._runner: web.AppRunner | None = None
        bootstrap(self.store, time.time())

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one (see `port` and `url` afterwards)."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, reuse_address=True)
        await site.start()
        self.host, self.port = self._runner.addresses[0][:2]

    async def stop(self) -> None:
        """Break every connection; the store stays, and start() serves it again."""
        if self._runner is not None:
            self.watches.close()
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def apply_files(self, *paths: Path) -> None:
        """Create every object in these YAML files, as an administrator would beforehand."""
        for path in paths:
            for obj in yaml.safe_load_all(path.read_text()):
                apply_object(self.store, obj, time.time())

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.path in _HEALTH:
            fault = self.faults.strike("get", request.path)
            if fault and (struck := await self._struck(request, fault)):
                return struck
            return web.Response(text="ok")
        try:
            return await self._answered(request)
        except UnservedError as refusal:
            return web.Response(status=404, text=refusal.message + "\n")
        except Refusal as refusal:
            return _json(refusal.status(), refusal.code)

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            raise Refusal(401, "Unauthorized", "Unauthorized")
        where = target(request.path)
        if where is None:
            document = discovery.document(self.store, request.path)
            if document is None:
                raise UnservedError
            return _json(document)
        watch = request.query.get("watch") in {"1", "true"}
        action = verb(request.method, where, watch=watch)
        self.requests[action, where.resource] += 1
        fault = self.faults.strike(action, where.resource)
        if fault and (struck := await self._struck(request, fault)):
            return struck
        if (action, where.resource) in self.denied:
            text = (
                f'{where.resource} is forbidden: User "l2announcer" cannot {action} resource '
                f'"{where.resource}" in API group "{where.group}"'
            )
            raise Refusal(403, "Forbidden", text, {"kind": where.plural})
        if where.plural == "selfsubjectaccessreviews" and action == "create":
            return _json(self._review(decoded(await request.read(), request.content_type)), 201)
        call = await read_call(self.store, request, where, action)
        if action == "watch":
            return await self.watches.stream(request, question(call))
        return self._done(request, call, fault)

    def _done(self, request: web.Request, call: Call, fault: Fault | None) -> web.Response:
        code, body = answer(self.store, call, time.time())
        if fault and fault.action is Action.LOSE_ANSWER:
            return _broken(request)
        return _json(body, code)

    async def _struck(self, request: web.Request, fault: Fault) -> web.Response | None:
        """What a fault makes of a request before anything is done; None: go on."""
        match fault.action:
            case Action.REFUSE:
                return _broken(request)
            case Action.HANG:
                await asyncio.Event().wait()
            case Action.DELAY:
                await asyncio.sleep(fault.seconds)
            case Action.ANSWER:
                reason = _REASONS.get(fault.code, "")
                raise Refusal(fault.code, reason, f"a planted fault: {reason}")
            case Action.LOSE_ANSWER:
                pass
        return None

    def _review(self, review: Object) -> Object:
        asked = (review.get("spec") or {}).get("resourceAttributes") or {}
        name = asked.get("resource", "")
        if asked.get("subresource"):
            name += f"/{asked['subresource']}"
        allowed = (asked.get("verb", ""), name) not in self.denied
        return review | {"status": {"allowed": allowed}}


def _json(body: Any, code: int = 200) -> web.Response:
    encoded = msgspec.json.encode(body) + b"\n"
    return web.Response(status=code, body=encoded, content_type="application/json")


def _broken(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="An embedded Kubernetes API server, in memory.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8001, help="port to listen on; 0 takes any")
    parser.add_argument("--token", default="", help="bearer token that every client must show")
    parser.add_argument("--kubeconfig", type=Path, help="write a kubeconfig for it to this file")
    parser.add_argument("files", nargs="*", type=Path, help="YAML files of objects to begin with")
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    server = ApiServer(token=options.token)
    server.apply_files(*options.files)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stopped.set)
    await server.start(options.host, options.port)
    if options.kubeconfig:
        write_kubeconfig(options.kubeconfig, server.url, server.token)
    print(f"serving on {server.url}", flush=True)
    await stopped.wait()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(_run(_options()))
