"""A Lease as the API server stores it: read into a record, and the body that a write sends.

Rules of this file:
- A body is the whole object that was read with only our fields changed: labels, annotations,
  strategy and fields that we don't know survive.
- renewTime and acquireTime have exactly six fraction digits (metav1.MicroTime).
- The annotation says which renewTime it was written with. A client that doesn't know it carries it
  along unchanged; a differing renewTime tells that the Lease is a stranger's by now.
- A Lease that a heartbeat keeps lasts for as long as a Lease can. No other client writes that, so
  such a one is known by it, even if a hand changed its renewTime.
- Who wants the Lease changes one annotation of its own and nothing else: to every other client that
  is no change, and the holder's own word goes on matching.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from l2announcer.core.model import Holding, LeaseRecord, Wanted

ANNOTATION = "l2announcer.io/holder"
WANTED = "l2announcer.io/wanted"
NODE = "node"  # the mode that is said where a heartbeat keeps Leases
GIVEN_SECONDS = 1  # how long a Lease that was handed over waits for the node that it was given to
ENDLESS_SECONDS = 2**31 - 1  # the longest leaseDurationSeconds that there is
LONGEST_COUNT = 10  # digits of leaseTransitions, a 32 bit integer
NO_NAMESPACE = (
    "Lease {} can't be made: its namespace does not exist; create it or correct leaseNamespace"
)
MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MALFORMED = (
    *(AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError),
    msgspec.MsgspecError,
)
_LAST = datetime(9000, 1, 1, tzinfo=UTC)  # what is written next must still be a time


def micro_time(microseconds: int) -> str:
    """Unix time in microseconds as metav1.MicroTime."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}Z"


def unix_microseconds(micro_time_text: str) -> int:
    """The reverse of micro_time; 0 for what isn't a time, or is one at the end of all times."""
    try:
        moment = datetime.fromisoformat(micro_time_text)
    except ValueError:
        return 0
    if moment.tzinfo is None or moment > _LAST:
        return 0
    return (moment - _EPOCH) // timedelta(microseconds=1)


def decode(read: Mapping[str, Any], whole: Mapping[str, Any] | None = None) -> LeaseRecord:
    """Read a coordination.k8s.io/v1 Lease. Raises ValueError with a sentence if it isn't one.

    `whole` is the object with all its fields, where `read` has only those that are looked at.
    """
    metadata, spec = read.get("metadata"), read.get("spec") or {}
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        raise ValueError("a Lease has an object as metadata, and as spec")  # noqa: TRY004 - bad input, not a bad call
    renew_time = spec.get("renewTime") or ""
    annotations = metadata.get("annotations") or {}
    duration_seconds = int(spec.get("leaseDurationSeconds") or 0)
    return LeaseRecord(
        name=str(metadata.get("name", "")),
        resource_version=str(metadata.get("resourceVersion", "")),
        holder=spec.get("holderIdentity") or "",
        duration_seconds=duration_seconds,
        acquire_time=spec.get("acquireTime") or "",
        renew_time=renew_time,
        transitions=int(spec.get("leaseTransitions") or 0),
        holding=_holding(annotations.get(ANNOTATION), renew_time, duration_seconds),
        wanted=_wanted(annotations.get(WANTED)),
        raw=read if whole is None else whole,
    )


def wanted_by(record: LeaseRecord | None) -> str:
    """Which node asks for the Lease as it is now; empty for none."""
    if record is None or record.wanted is None or record.wanted.transitions != record.transitions:
        return ""
    return record.wanted.node


def given_to(record: LeaseRecord | None) -> str:
    """To which node a holder of ours gave the Lease that nobody renewed since; empty for none."""
    if record is None or record.wanted is None or record.holding is None:
        return ""
    asked = Wanted(record.holder, record.transitions - 1)
    given = record.wanted == asked and record.duration_seconds == GIVEN_SECONDS
    return record.holder if given else ""


def held_alike(record: LeaseRecord, known: LeaseRecord | None) -> bool:
    """Did one incarnation of one node write both?"""
    if known is None or record.holding is None or known.holding is None:
        return False
    mine, theirs = known.holding, record.holding
    same_process = (mine.boot, mine.netns) == (theirs.boot, theirs.netns)
    return bool(record.holder) and record.holder == known.holder and same_process


def body(
    *, name: str, namespace: str, read: Mapping[str, Any] | None, record: LeaseRecord
) -> dict[str, Any]:
    """Build the object to write: `record`'s own fields put into the object that was read."""
    read = read or {}
    metadata = _metadata(name, namespace, read, record.wanted)
    if record.holding is not None:
        text = json.dumps(_said(record.holding, record.renew_time), separators=(",", ":"))
        metadata["annotations"] = {**(metadata.get("annotations") or {}), ANNOTATION: text}
    spec = {
        **(read.get("spec") or {}),
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.duration_seconds,
        "acquireTime": record.acquire_time,
        "renewTime": record.renew_time,
        "leaseTransitions": record.transitions,
    }
    return {
        **read,
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": spec,
    }


def asking(
    *, name: str, namespace: str, read: Mapping[str, Any] | None, record: LeaseRecord
) -> dict[str, Any]:
    """Build the object by which a node asks the holder: what was read, with the wish in it."""
    return {
        **(read or {}),
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": _metadata(name, namespace, read or {}, record.wanted),
    }


def _metadata(
    name: str, namespace: str, read: Mapping[str, Any], wanted: Wanted | None
) -> dict[str, Any]:
    metadata = dict(read.get("metadata") or {})
    metadata |= {"name": name, "namespace": namespace}
    annotations = dict(metadata.get("annotations") or {})
    if wanted is not None:
        annotations[WANTED] = f"{wanted.node}@{wanted.transitions}"
    else:
        annotations.pop(WANTED, None)
    if annotations or metadata.get("annotations"):
        metadata["annotations"] = annotations
    return metadata


def _wanted(text: object) -> Wanted | None:
    if not isinstance(text, str):
        return None
    node, _, transitions = text.rpartition("@")
    if not node or not transitions.isdecimal() or len(transitions) > LONGEST_COUNT:
        return None
    return Wanted(node, int(transitions))


def _said(holding: Holding, renew_time: str) -> dict[str, object]:
    said: dict[str, object] = {
        "boot": holding.boot,
        "netns": holding.netns,
        "macs": list(holding.macs),
        "mode": holding.mode,
        "renew": renew_time,
    }
    marks = {"degraded": holding.degraded, "leaving": holding.leaving}
    said |= {mark: True for mark, set_ in marks.items() if set_}
    return said if holding.heartbeat is None else said | {"heartbeat": holding.heartbeat}


def _holding(text: object, renew_time: str, duration_seconds: int) -> Holding | None:
    if not isinstance(text, str):
        return None
    try:
        said = msgspec.json.decode(text)
        number = said.get("heartbeat")
        kept = type(number) is int and 0 <= number < ENDLESS_SECONDS
        endless = kept and duration_seconds == ENDLESS_SECONDS
        if said["renew"] != renew_time and not endless:
            return None
        return Holding(
            boot=str(said["boot"]),
            netns=int(said["netns"]),
            macs=tuple(str(mac) for mac in said.get("macs", ())),
            mode=str(said.get("mode", "service")),
            degraded=said.get("degraded") is True,
            leaving=said.get("leaving") is True,
            heartbeat=number if kept else None,
        )
    except _MALFORMED:
        return None  # anybody who may write the Lease may have put anything there
