"""What the status of a Service and of a pool is to say: as JSON merge patches, or nothing to do.

Rules of this file:
1. A patch is made only when something changes; it carries the resourceVersion that it was made
   from, so that a list, which it replaces whole, never undoes what somebody else wrote meanwhile.
2. Other writers' conditions stay as they are, and so do the entries of addresses that are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from l2announcer.core import conditions
from l2announcer.core.ipam.allocation import Outcome
from l2announcer.core.ipam.pools import CompiledPool
from l2announcer.core.ipam.ranges import parse_address
from l2announcer.core.model import Condition, Ingress, IPAddress, Pool, Service
from l2announcer.core.selectors import Problem

SATISFIED = "cilium.io/IPAMRequestSatisfied"
CONFLICT = "cilium.io/PoolConflict"
TOTAL = "cilium.io/IPsTotal"
AVAILABLE = "cilium.io/IPsAvailable"
USED = "cilium.io/IPsUsed"
BAD_BLOCK = "l2announcer.io/BadBlock"
BAD_PRIORITY = "l2announcer.io/BadPriority"
BAD_SELECTOR = "l2announcer.io/BadSelector"

ADDRESSES = "loadBalancer"  # the field of a Service's status
MESSAGE_MAX = 1_000  # characters; a condition may have 32,768, an Event about a thousand

Patch = dict[str, Any]


def brief(message: str) -> str:
    """Cut what is longer than an Event may be: a Service can ask for thousands of addresses."""
    return message if len(message) <= MESSAGE_MAX else f"{message[: MESSAGE_MAX - 1]}…"


def shown(service: Service) -> tuple[IPAddress, ...]:
    """List the addresses in the Service's status, each once."""
    parsed = [parse_address(entry.ip) for entry in service.ingress]
    return tuple(dict.fromkeys(address for address in parsed if address is not None))


def verdict(service: Service) -> Condition | None:
    """Find the condition by which a Service is known as one that was given addresses by us."""
    return next((each for each in service.conditions if each.type == SATISFIED), None)


def assigned(service: Service, outcome: Outcome, wall: float) -> Patch | None:
    """Make the Service's status say what was decided. `wall` is Unix time in seconds."""
    wanted = Condition(
        type=SATISFIED,
        status="True" if outcome.satisfied else "False",
        reason=outcome.reason.value,
        message=brief(outcome.message),
        observed_generation=service.generation,
    )
    entries = _kept(service, outcome.addresses)
    known = {parse_address(entry.ip) for entry in entries}
    entries += [Ingress(ip=str(address)) for address in outcome.addresses if address not in known]
    return _patch(service, entries, conditions.merged(service.conditions, (wanted,), wall))


def released(service: Service, kept: Iterable[IPAddress]) -> Patch | None:
    """Clear the status of a Service that is not ours any more, but for the addresses in `kept`."""
    others = tuple(each for each in service.conditions if each.type != SATISFIED)
    return _patch(service, _kept(service, kept), others)


def pool_patch(compiled: CompiledPool, wall: float) -> Patch | None:
    """Make the pool's status say what it has and what is wrong with it."""
    pool = compiled.pool
    merged = conditions.merged(pool.conditions, _pool_conditions(compiled), wall)
    if merged == pool.conditions:
        return None
    return {
        "metadata": {"resourceVersion": pool.resource_version},
        "status": {"conditions": conditions.as_json(merged)},
    }


def _kept(service: Service, addresses: Iterable[IPAddress]) -> list[Ingress]:
    """Pick the entries of these addresses, as they are, the first of each."""
    left = set(addresses)
    kept = []
    for entry in service.ingress:
        address = parse_address(entry.ip)
        if address in left:
            left.discard(address)
            kept.append(entry)
    return kept


def _patch(service: Service, ingress: list[Ingress], merged: tuple[Condition, ...]) -> Patch | None:
    status: Patch = {}
    if tuple(ingress) != service.ingress:
        status[ADDRESSES] = {"ingress": [_entry(each) for each in ingress]}
    if merged != service.conditions:
        status["conditions"] = conditions.as_json(merged)
    if not status:
        return None
    return {"metadata": {"resourceVersion": service.resource_version}, "status": status}


def _entry(ingress: Ingress) -> Patch:
    entry: Patch = {"ip": ingress.ip}
    if ingress.ip_mode:
        entry["ipMode"] = ingress.ip_mode
    if ingress.ports:
        entry["ports"] = [dict(port) for port in ingress.ports]
    return entry


def _pool_conditions(compiled: CompiledPool) -> list[Condition]:
    pool = compiled.pool
    total, available = compiled.total, compiled.available
    wanted = [
        Condition(
            type=CONFLICT,
            status="True" if compiled.conflict else "False",
            reason="cidr_overlap" if compiled.conflict else "resolved",
            message=compiled.conflict,
            observed_generation=pool.generation,
        )
    ]
    for type_, count in ((TOTAL, total), (AVAILABLE, available), (USED, total - available)):
        wanted.append(
            Condition(
                type=type_,
                status="Unknown",
                reason="noreason",
                message=str(count),
                observed_generation=pool.generation,
            )
        )
    selector = str(compiled.services) if isinstance(compiled.services, Problem) else ""
    wanted += _fault(pool, BAD_BLOCK, "bad_block", ". ".join(compiled.bad_blocks))
    wanted += _fault(pool, BAD_SELECTOR, "bad_selector", selector)
    wanted += _fault(pool, BAD_PRIORITY, "bad_priority", compiled.bad_priority)
    return wanted


def _fault(pool: Pool, type_: str, reason: str, message: str) -> list[Condition]:
    """Tell of a fault; of one that was mended too, as long as its condition is there."""
    if not message and all(each.type != type_ for each in pool.conditions):
        return []
    return [
        Condition(
            type=type_,
            status="True" if message else "False",
            reason=reason if message else "resolved",
            message=brief(message),
            observed_generation=pool.generation,
        )
    ]
