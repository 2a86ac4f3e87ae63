"""A Lease as the API server stores it: read into a record, and the body that a write sends.

Rules of this file:
- A body is the whole object that was read with only our fields changed: labels, annotations,
  strategy and fields that we don't know survive.
- renewTime and acquireTime have exactly six fraction digits (metav1.MicroTime).
- The annotation says which renewTime it was written with. A client that doesn't know it carries it
  along unchanged; a differing renewTime tells that the Lease is a stranger's by now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from l2announcer.core.model import Holding, LeaseRecord

ANNOTATION = "l2announcer.io/holder"
MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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


def decode(raw: Mapping[str, Any]) -> LeaseRecord:
    """Read a coordination.k8s.io/v1 Lease. Raises ValueError with a sentence if it isn't one."""
    metadata, spec = raw.get("metadata"), raw.get("spec") or {}
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        raise ValueError("a Lease has an object as metadata, and as spec")  # noqa: TRY004 - bad input, not a bad call
    renew_time = spec.get("renewTime") or ""
    return LeaseRecord(
        name=str(metadata.get("name", "")),
        resource_version=str(metadata.get("resourceVersion", "")),
        holder=spec.get("holderIdentity") or "",
        duration_seconds=int(spec.get("leaseDurationSeconds") or 0),
        acquire_time=spec.get("acquireTime") or "",
        renew_time=renew_time,
        transitions=int(spec.get("leaseTransitions") or 0),
        holding=_holding((metadata.get("annotations") or {}).get(ANNOTATION), renew_time),
        raw=raw,
    )


def body(
    *, name: str, namespace: str, read: Mapping[str, Any] | None, record: LeaseRecord
) -> dict[str, Any]:
    """Build the object to write: `record`'s spec and holding put into the object that was read."""
    read = read or {}
    metadata = dict(read.get("metadata") or {})
    metadata |= {"name": name, "namespace": namespace}
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


def _said(holding: Holding, renew_time: str) -> dict[str, object]:
    said: dict[str, object] = {
        "boot": holding.boot,
        "netns": holding.netns,
        "macs": list(holding.macs),
        "mode": holding.mode,
        "renew": renew_time,
    }
    marks = {"degraded": holding.degraded, "leaving": holding.leaving}
    return said | {mark: True for mark, set_ in marks.items() if set_}


def _holding(text: object, renew_time: str) -> Holding | None:
    if not isinstance(text, str):
        return None
    try:
        said = json.loads(text)
        if said["renew"] != renew_time:
            return None
        return Holding(
            boot=str(said["boot"]),
            netns=int(said["netns"]),
            macs=tuple(str(mac) for mac in said.get("macs", ())),
            mode=str(said.get("mode", "service")),
            degraded=said.get("degraded") is True,
            leaving=said.get("leaving") is True,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None  # anybody who may write the Lease may have put anything there
