"""Health in the form that kube-apiserver made known: /livez, /readyz and /healthz.

The answer is `ok`, or 500 and a line for each check with its reason. `?verbose` gives the lines in
any case, `?exclude=NAME` (repeatable) leaves a check out, `/readyz/NAME` asks for one alone.
/healthz, which older probes use, is /livez.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold, and why it does not."""

    name: str
    ok: bool
    reason: str = ""


Checks = Callable[[], Sequence[Check]]


def routes(live: Checks, ready: Checks) -> list[web.AbstractRouteDef]:
    """`live`: a restart would help where one fails. `ready`: this daemon does its work now."""
    return [
        route
        for path, checks in (("livez", live), ("readyz", ready), ("healthz", live))
        for route in _routes(path, checks)
    ]


def _routes(path: str, checks: Checks) -> list[web.AbstractRouteDef]:
    async def together(request: web.Request) -> web.Response:
        excluded = set(request.query.getall("exclude", []))
        return _report(path, checks(), excluded, verbose="verbose" in request.query)

    async def alone(request: web.Request) -> web.Response:
        name = request.match_info["check"]
        for check in checks():
            if check.name == name:
                return _report(path, [check], set(), verbose="verbose" in request.query)
        names = ", ".join(check.name for check in checks())
        return _text(f"no check '{name}' in /{path}; there are: {names}\n", HTTPStatus.NOT_FOUND)

    return [web.get(f"/{path}", together), web.get(f"/{path}/{{check}}", alone)]


def _report(
    path: str, checks: Sequence[Check], excluded: set[str], *, verbose: bool
) -> web.Response:
    failed = [check for check in checks if not check.ok and check.name not in excluded]
    if not failed and not verbose:
        return _text("ok")
    lines = [_line(check, excluded=check.name in excluded) for check in checks]
    unknown = sorted(excluded - {check.name for check in checks})
    lines += [f"warn: no check '{name}' to exclude" for name in unknown]
    lines.append(f"{path} check {'failed' if failed else 'passed'}")
    status = HTTPStatus.INTERNAL_SERVER_ERROR if failed else HTTPStatus.OK
    return _text("".join(f"{line}\n" for line in lines), status)


def _line(check: Check, *, excluded: bool) -> str:
    if excluded:
        return f"[+]{check.name} excluded: ok"
    return f"[+]{check.name} ok" if check.ok else f"[-]{check.name} failed: {check.reason}"


def _text(text: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(text=text, status=status, headers={"Cache-Control": "no-cache, private"})
