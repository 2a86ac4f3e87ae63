"""What may be asked for: the only way out of the core.

Calls (Lease and status writes, reads) are single shots, each answered by exactly one outcome fact.
The answer table is a level: the shell converges on the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import Any

from l2announcer.core.answers import AnswerTable
from l2announcer.core.model import Announcement, Key, Kind, Span
from l2announcer.core.tenure import Right


@dataclass(frozen=True, slots=True)
class LeaseWrite:
    """PUT, or POST when `create`, of a whole Lease object.

    `renewal` writes wait behind nothing, the client's own rate limit included.
    """

    name: str
    body: Mapping[str, Any]
    create: bool
    renewal: bool


@dataclass(frozen=True, slots=True)
class ReadLease:
    """A consistent GET of one Lease. `renewal` as for LeaseWrite: the tenure depends on it."""

    name: str
    renewal: bool = False


@dataclass(frozen=True, slots=True)
class DeleteLease:
    """A DELETE of one Lease, refused if it is not the one with this uid, at this version."""

    name: str
    uid: str
    version: str


@dataclass(frozen=True, slots=True)
class ReadService:
    """A consistent GET of one Service."""

    key: Key


@dataclass(frozen=True, slots=True)
class ReadServices:
    """A consistent LIST of all Services: cheaper than many reads of one."""


@dataclass(frozen=True, slots=True)
class ReadHosts:
    """A LIST of all Nodes, and the API server's own address: what no Service may be given."""


@dataclass(frozen=True, slots=True)
class StatusWrite:
    """A JSON merge patch (RFC 7386) of an object's status sub-resource.

    `patch` carries metadata.resourceVersion, so it is refused when anybody wrote in between.
    """

    kind: Kind
    key: Key
    patch: Mapping[str, Any]


class Message(Enum):
    """What an unrequested frame says."""

    PROBE = "probe"
    ANNOUNCE = "announce"


@dataclass(frozen=True, slots=True)
class Gratuitous:
    """An unrequested frame, built when it is sent: an announcement only while its tenure is valid.

    A probe comes before the right to answer, and needs none.
    """

    announcement: Announcement
    message: Message
    tenure: Right


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes Event about an object. `warning` tells its type, Warning from Normal."""

    kind: Kind
    key: Key
    uid: str
    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """One state change, for the log: what, to which state, and why; `keys` say of what."""

    what: str
    reason: str
    keys: Mapping[str, str] = field(default_factory=dict)
    warning: bool = False


Call = LeaseWrite | ReadLease | DeleteLease | ReadService | ReadServices | ReadHosts | StatusWrite


@dataclass(slots=True)
class Effects:
    """Everything that one poll asks for.

    `answers` and `endpoints`, whose EndpointSlices are to be watched, are None when they stay as
    they are.
    """

    answers: AnswerTable | None = None
    endpoints: Span | None = None
    frames: list[Gratuitous] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    wake_at: float = inf
