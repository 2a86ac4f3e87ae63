"""kubernetes_asyncio's transport, without what it would ask the environment at every request.

Its session trusts the environment, so that aiohttp looks for a proxy and for a ~/.netrc before each
request, each in a thread: a millisecond or two for a renewal, and threads that a daemon has no
other need for. A password in ~/.netrc, where kubectl looks for none, would even collide with our
token. So the proxy is looked up once, and ~/.netrc never.

And it keeps a connection that nobody needs for longer: a candidate that is to take over writes a
Lease a minute, its heartbeat, and the first answer should not wait for TLS to be set up anew.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from l2announcer.kube.library import Configuration, RESTClientObject

KEPT_SECONDS = 80.0  # the API server closes what was idle for 90 s
READ_BUFFER_BYTES = 2**21  # as the library sets it: events of large objects exceed aiohttp's own


def transport(configuration: Configuration) -> RESTClientObject:
    """A transport to `configuration`'s server. Raises OSError for files that cannot be read."""
    configuration.proxy = configuration.proxy or _proxy(configuration.host)
    # Unlimited connections: a renewal must not wait for one that hangs. What is under way is
    # bounded by the callers: one write per Lease, one watch per kind.
    rest = RESTClientObject(configuration, maxsize=0)
    trusting = rest.pool_manager
    if (connector := trusting.connector) is not None:
        connector._keepalive_timeout = KEPT_SECONDS  # noqa: SLF001  who made it was not told
    rest.pool_manager = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=READ_BUFFER_BYTES,
    )
    trusting.detach()
    return rest


def _proxy(server: str) -> str | None:
    """The environment's proxy for a server ($HTTPS_PROXY, $NO_PROXY and so on), if there is one."""
    url = urlsplit(server)
    if url.hostname is None or proxy_bypass(url.hostname):
        return None
    return getproxies().get(url.scheme)
