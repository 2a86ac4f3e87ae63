"""The only HTTP to the Kubernetes API: connections, credentials, the rate limit, errors sorted.

Configuration, authentication and transport are kubernetes_asyncio's; requests and answers are
bytes here, decoded by our own structs. Credentials (kubeconfig, token and certificate files) are
loaded again when a file changes and when the server answers 401; requests under way finish on the
connections that they began on.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog

from l2announcer import __version__
from l2announcer.kube.configuration import Access, ConfigurationError, Source, fingerprint, load
from l2announcer.kube.errors import ApiError, Denied, Unavailable, sorted_by_status
from l2announcer.kube.limits import TokenBucket
from l2announcer.kube.transport import transport

Observe = Callable[[str, str, str, float], None]  # verb, resource, code or "none", seconds

CONNECT_SECONDS = 10.0
RELOAD_SECONDS = 10.0  # between two reloads because of a 401
NO_ANSWER = "none"
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

_NO_ANSWER = (aiohttp.ClientError, OSError, TimeoutError, ssl.SSLError, EOFError)

log = structlog.get_logger(__name__)


class _Session:
    """One TLS set-up with its connections; closed when it is retired and its last user left."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.stamp = fingerprint(access.files)
        self.rest = transport(access.configuration)
        self.users = 0
        self.retired = False

    async def close_if_unused(self) -> None:
        if self.retired and not self.users:
            await self.rest.close()


@asynccontextmanager
async def connect(
    source: Source, *, qps: float, burst: int, now: Callable[[], float], observe: Observe
) -> AsyncIterator[Client]:
    """A client for the API server that `source` leads to; nothing is sent yet.

    Raises ConfigurationError, with a sentence that says what was tried and what to change.
    """
    access = await load(source)
    try:
        session = _Session(access)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"the certificates of {access.origin} are not usable: {error};"
            f" check the files {', '.join(access.files)}"
        ) from error
    client = Client(source, session, qps=qps, burst=burst, now=now, observe=observe)
    try:
        yield client
    finally:
        await client.close()


class Client:
    """Requests to one API server. Made by `connect`."""

    def __init__(
        self,
        source: Source,
        session: _Session,
        *,
        qps: float,
        burst: int,
        now: Callable[[], float],
        observe: Observe,
    ) -> None:
        self._source = source
        self._session = session
        self._bucket = TokenBucket(qps=qps, burst=burst, now=now)
        self._now = now
        self._observe = observe
        self._reloaded_at = now() - RELOAD_SECONDS
        self._reload_problem = ""

    @property
    def server(self) -> str:
        """The server's URL, for people."""
        return self._session.access.server

    async def request(
        self,
        verb: str,
        path: str,
        *,
        resource: str,
        timeout_seconds: float,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        urgent: bool = False,
    ) -> bytes:
        """The body of a successful answer; `verb` is HTTP's. Raises ApiError.

        `timeout_seconds` covers everything, waiting for the rate limit included; `urgent` requests
        do not wait for it. `resource` is the plural word for metrics.
        """
        call = _Call(verb, path, resource, query, body, content_type)
        try:
            async with asyncio.timeout(timeout_seconds):
                if not urgent:
                    await self._bucket.take()
                try:
                    return await self._ask(call, timeout_seconds)
                except Denied as denied:
                    # A token may have been rotated, or have to be fetched again from a plug-in.
                    if denied.code != 401 or not await self._reload_after_denial():
                        raise
                return await self._ask(call, timeout_seconds)
        except TimeoutError as error:
            raise self._unavailable(call, f"no answer in {timeout_seconds:g} s") from error

    async def stream(
        self, path: str, query: Mapping[str, str], *, resource: str, idle_seconds: float
    ) -> AsyncGenerator[bytes, None]:
        """The lines of a watch as they come, until the server ends it. Raises ApiError.

        First comes an empty one: the server has accepted the watch.
        Nothing for `idle_seconds` is Unavailable. To be closed by its user (contextlib.aclosing).
        After a 401 the next one is asked for with credentials that were loaded again.
        """
        call = _Call("GET", path, resource, query, None, JSON)
        await self._bucket.take()
        limits = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=idle_seconds
        )
        try:
            async with self._response(call, "WATCH", limits) as response:
                yield b""
                rest = b""
                async for chunk in response.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        if line:
                            yield line
        except Denied as denied:
            if denied.code == 401:
                await self._reload_after_denial()
            raise
        except TimeoutError as error:
            raise self._unavailable(call, f"the watch was idle for {idle_seconds:g} s") from error
        except _NO_ANSWER as error:
            raise self._unavailable(call, _reason(error)) from error

    async def close(self) -> None:
        await self._session.rest.close()

    async def _ask(self, call: _Call, timeout_seconds: float) -> bytes:
        limits = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=CONNECT_SECONDS)
        try:
            async with self._response(call, call.verb, limits) as response:
                return await response.read()
        except TimeoutError:
            raise
        except _NO_ANSWER as error:
            raise self._unavailable(call, _reason(error)) from error

    @asynccontextmanager
    async def _response(
        self, call: _Call, verb: str, limits: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful response, its body not yet read. Raises ApiError and what aiohttp raises.

        `verb` is the word for metrics; their seconds are those until the answer began.
        """
        if fingerprint(self._session.access.files) != self._session.stamp:
            await self._reload()
        session = self._session
        session.users += 1
        began_at, code = self._now(), NO_ANSWER
        try:
            try:
                response = await session.rest.request(
                    call.verb,
                    session.access.server + call.path,
                    query_params=call.query,
                    headers=_headers(session.access, call.content_type),
                    body=call.body,
                    _preload_content=False,
                    _request_timeout=limits,
                )
                code = str(response.status)
            finally:
                self._observe(verb, call.resource, code, self._now() - began_at)
            async with response:
                if not 200 <= response.status < 300:
                    raise self._refused(call, response, await response.read())
                yield response
        finally:
            session.users -= 1
            await session.close_if_unused()

    def _refused(self, call: _Call, response: aiohttp.ClientResponse, body: bytes) -> ApiError:
        try:
            retry_after_seconds = max(float(response.headers.get("Retry-After", "0")), 0.0)
        except ValueError:  # HTTP allows a date, Kubernetes never sends one
            retry_after_seconds = 0.0
        error = sorted_by_status(
            response.status, body, subject=str(call), retry_after_seconds=retry_after_seconds
        )
        if response.status == 429 and error.retry_after_seconds:
            self._bucket.hold(error.retry_after_seconds)
        return error

    def _unavailable(self, call: _Call, reason: str) -> Unavailable:
        access = self._session.access
        return Unavailable(
            f"{call}: the API server {access.server} (from {access.origin}) does not answer:"
            f" {reason}"
        )

    async def _reload_after_denial(self) -> bool:
        if self._now() - self._reloaded_at < RELOAD_SECONDS:
            return False
        return await self._reload()

    async def _reload(self) -> bool:
        """Load the configuration afresh. While that fails (half-written files), keep the last."""
        self._reloaded_at = self._now()
        old = self._session
        try:
            access = await load(self._source)
            fresh = _Session(access)
        except (ConfigurationError, OSError, ssl.SSLError) as error:
            if str(error) != self._reload_problem:
                log.warning("credentials changed but cannot be loaded", reason=str(error))
            self._reload_problem = str(error)
            return False
        self._reload_problem = ""
        if self._session is not old:  # another request was faster
            await fresh.rest.close()
            return True
        self._session = fresh
        old.retired = True
        await old.close_if_unused()
        log.info("credentials loaded again", server=access.server, origin=access.origin)
        return True


@dataclass(frozen=True, slots=True)
class _Call:
    """One request, for sending and for naming it in sentences."""

    verb: str
    path: str
    resource: str
    query: Mapping[str, str] | None
    body: Mapping[str, Any] | None
    content_type: str

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


def _headers(access: Access, content_type: str) -> dict[str, str]:
    headers = {
        "Accept": JSON,
        "Content-Type": content_type,
        "User-Agent": f"l2announcer/{__version__}",
    }
    if access.authorization:
        headers["Authorization"] = access.authorization
    return headers


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
