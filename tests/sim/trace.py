"""One line for each thing that happened, short enough to read a whole history."""

from __future__ import annotations

from l2announcer.core.effects import LeaseWrite
from l2announcer.core.facts import (
    Gone,
    LeaseRead,
    LeaseWritten,
    Listed,
    Object,
    Seen,
    ServiceRead,
    ServicesRead,
    StatusWritten,
)
from l2announcer.core.model import LeaseRecord, Service
from tests.sim.objects import read_lease


def line(what: object) -> str:
    """What happened, without what the reader can guess."""
    match what:
        case LeaseWrite(body=body, create=create):
            return f"{'POST' if create else 'PUT'} {_object(read_lease(body))}"
        case LeaseWritten(record=record) | LeaseRead(record=LeaseRecord() as record):
            return f"{type(what).__name__} {_object(record)}"
        case Seen(object=found) | StatusWritten(object=found):
            return f"{type(what).__name__} {_object(found)}"
        case Gone(kind=kind, key=key, version=version):
            return f"Gone {kind.value} {key} @{version}"
        case Listed(kind=kind, objects=found, version=version):
            return f"Listed {kind.value} @{version}: {', '.join(map(_object, found))}"
        case ServiceRead(service=Service() as found):
            return f"ServiceRead {_object(found)}"
        case ServicesRead(services=tuple() as found):
            return f"ServicesRead {', '.join(map(_object, found))}"
        case _:
            return str(what)


def _object(found: Object) -> str:
    if isinstance(found, LeaseRecord):
        boot = found.holding.boot if found.holding else "stranger"
        return (
            f"Lease {found.name} @{found.resource_version} of {found.holder!r} ({boot})"
            f" for {found.duration_seconds} s from {found.renew_time[11:]}, #{found.transitions}"
        )
    text = f"{type(found).__name__} {found.key} @{found.resource_version}"
    if isinstance(found, Service):
        given = [*found.external_ips, *(entry.ip for entry in found.ingress)]
        text += f" {given} {dict(found.labels)}"
    return text
