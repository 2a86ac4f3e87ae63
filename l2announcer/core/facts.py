"""What can become known: the only way into the core.

Facts are levels, not edges: each says how something is now, so a repeated one changes nothing and
facts about different objects commute. A call (a Lease write, a read, a status write) has exactly
one outcome fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from l2announcer.core.model import (
    ALL,
    Ear,
    EndpointSlice,
    IPAddress,
    Key,
    Kind,
    LeaseRecord,
    Link,
    Node,
    Policy,
    Pool,
    Service,
    Span,
)

Object = Service | Policy | Pool | Node | LeaseRecord | EndpointSlice


@dataclass(frozen=True, slots=True)
class Listed:
    """These, and no others, are all objects of the kind, as of resourceVersion `version`.

    `restored`: the store went back to before what was known when it was asked (it was restored from
    a backup), so that versions of before say nothing. EndpointSlices are all that there are within
    `span`.
    """

    kind: Kind
    objects: tuple[Object, ...]
    version: str = ""
    restored: bool = False
    span: Span = ALL


@dataclass(frozen=True, slots=True)
class Seen:
    """The object is so now."""

    kind: Kind
    object: Object


@dataclass(frozen=True, slots=True)
class Gone:
    """The object was deleted, at resourceVersion `version`.

    Leases are named by Key(lease namespace, name).
    """

    kind: Kind
    key: Key
    version: str = ""


@dataclass(frozen=True, slots=True)
class Links:
    """All interfaces of this node."""

    links: tuple[Link, ...]


class Refusal(Enum):
    """Why the API server did not do what it was asked."""

    CONFLICT = "conflict"  # 409: somebody wrote in between, or it exists already
    MISSING = "missing"  # 404
    DENIED = "denied"  # 401, 403
    INVALID = "invalid"  # 400, 422: asking again the same way is pointless
    UNAVAILABLE = "unavailable"  # no answer, 429, 5xx: it may or may not have been done


@dataclass(frozen=True, slots=True)
class LeaseWritten:
    """The outcome of a LeaseWrite: accepted, and this is what stands now."""

    record: LeaseRecord


@dataclass(frozen=True, slots=True)
class LeaseRefused:
    """The outcome of a LeaseWrite: not accepted, or not known to be (UNAVAILABLE)."""

    name: str
    why: Refusal


@dataclass(frozen=True, slots=True)
class LeaseRead:
    """The outcome of a ReadLease: what a consistent read gave; None when there is none.

    `why` is set when there was no answer.
    """

    name: str
    record: LeaseRecord | None
    why: Refusal | None = None


@dataclass(frozen=True, slots=True)
class LeaseDeleted:
    """The outcome of a DeleteLease; `why` is set when it was not done, or isn't known to be."""

    name: str
    why: Refusal | None = None


@dataclass(frozen=True, slots=True)
class ServiceRead:
    """The outcome of a ReadService, as LeaseRead."""

    key: Key
    service: Service | None
    why: Refusal | None = None


@dataclass(frozen=True, slots=True)
class ServicesRead:
    """The outcome of ReadServices; None when there was no answer."""

    services: tuple[Service, ...] | None


@dataclass(frozen=True, slots=True)
class HostsRead:
    """The outcome of ReadHosts: whose each address is, in words; `why` as for LeaseRead."""

    hosts: Mapping[IPAddress, str] | None
    why: Refusal | None = None


@dataclass(frozen=True, slots=True)
class StatusWritten:
    """The outcome of a StatusWrite: accepted, and this is the object now."""

    kind: Kind
    object: Object


@dataclass(frozen=True, slots=True)
class StatusRefused:
    """The outcome of a StatusWrite: not accepted, or not known to be."""

    kind: Kind
    key: Key
    why: Refusal


@dataclass(frozen=True, slots=True)
class Claimed:
    """A station on the segment of `interface` says that it has `address`.

    `probe` is a question before use (RFC 5227 section 2.1.1), not yet a claim; `to_us` is what was
    sent to this station alone: an answer to what it asked. Whether it is one `of_node`
    (core.node_macs) no frame tells.
    """

    address: IPAddress
    mac: bytes
    interface: str
    probe: bool = False
    to_us: bool = False
    of_node: bool = False


@dataclass(frozen=True, slots=True)
class Overheard:
    """A frame that this node sent through `sender` arrived at `receiver`: one segment has both."""

    sender: str
    receiver: str


@dataclass(frozen=True, slots=True)
class Listens:
    """Of all that the answer table asks for: where this node listens, and where and why it can't.

    Said of the last table that was installed, whenever something of it could not be opened, or was
    opened at last.
    """

    opened: frozenset[Ear]
    failed: Mapping[Ear, str]


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """For too long nothing has shown that what is known of the Services is how they are."""


@dataclass(frozen=True, slots=True)
class Resign:
    """The process is asked to stop: fall silent, release everything, contest nothing."""


Fact = (
    Listed
    | Seen
    | Gone
    | Links
    | LeaseWritten
    | LeaseRefused
    | LeaseRead
    | LeaseDeleted
    | ServiceRead
    | ServicesRead
    | HostsRead
    | StatusWritten
    | StatusRefused
    | Claimed
    | Overheard
    | Listens
    | Unconfirmed
    | Resign
)
