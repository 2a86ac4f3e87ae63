"""What the API server answers when it does not do as asked, sorted once, here at the edge."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from l2announcer.core.facts import Refusal

MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError)  # what decoding raises: not the API's bytes


class ApiError(Exception):
    """A request had no success. `str()` is a sentence for a person, with the server's message.

    `code` is the HTTP status, 0 where there was no answer. `retry_after_seconds` is what the server
    asked to wait, 0 where it did not say.
    """

    why: ClassVar[Refusal]

    def __init__(self, message: str, *, code: int = 0, retry_after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class Conflict(ApiError):  # noqa: N818  these are the words of HTTP for what happened
    """409: somebody wrote in between, or it exists already."""

    why = Refusal.CONFLICT


class Gone(ApiError):  # noqa: N818  as Conflict
    """410: the version or the page asked for is no longer there; list again."""

    why = Refusal.UNAVAILABLE


class Missing(ApiError):  # noqa: N818  as Conflict
    """404: no such object, or no such resource."""

    why = Refusal.MISSING


class Denied(ApiError):  # noqa: N818  as Conflict
    """401: who are you; 403: you may not."""

    why = Refusal.DENIED


class Invalid(ApiError):  # noqa: N818  as Conflict
    """400, 422 and other 4xx: asking again the same way is pointless."""

    why = Refusal.INVALID


class Unavailable(ApiError):  # noqa: N818  as Conflict
    """No answer (time-out, refused, reset, TLS), 408, 429 or 5xx: it may have been done, or not."""

    why = Refusal.UNAVAILABLE


_BY_CODE: dict[int, type[ApiError]] = {
    401: Denied,
    403: Denied,
    404: Missing,
    408: Unavailable,
    409: Conflict,
    410: Gone,
    429: Unavailable,
}


class _Details(msgspec.Struct, rename="camel"):
    retry_after_seconds: float = 0


class Status(msgspec.Struct):
    """metav1.Status, as the body of a failure and as the object of a watch's ERROR event."""

    code: int = 0
    message: str = ""
    reason: str = ""
    details: _Details | None = None


_decode_status = msgspec.json.Decoder(Status).decode
_MESSAGE_LIMIT = 300  # characters kept of a body that is not a Status: a proxy's page of HTML


def sorted_by_status(
    code: int, body: bytes, *, subject: str, retry_after_seconds: float = 0.0
) -> ApiError:
    """The error that an answer with this HTTP status means; `subject` says what was asked."""
    try:
        status = _decode_status(body)
        message = status.message or status.reason
        if status.details is not None:
            retry_after_seconds = retry_after_seconds or status.details.retry_after_seconds
    except MALFORMED:
        message = body[:_MESSAGE_LIMIT].decode(errors="replace").strip()
    kind = _BY_CODE.get(code, Invalid if 400 <= code < 500 else Unavailable)
    return kind(
        f"{subject}: {code} {message}".rstrip(),
        code=code,
        retry_after_seconds=retry_after_seconds,
    )
