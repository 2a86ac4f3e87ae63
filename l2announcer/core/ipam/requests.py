"""What a Service asks for: which addresses or families, and whether it asks us at all."""

from __future__ import annotations

import re
from dataclasses import dataclass

from l2announcer.core.ipam.ranges import Family, family, parse_address
from l2announcer.core.ipam.sharing import Sharing, annotation, sharing
from l2announcer.core.model import L2_CLASS, IPAddress, Key, Labels, Service
from l2announcer.core.selectors import service_labels

POOLS = "l2announcer.io/pools"
METALLB = ("metallb.io/ip-allocated-from-pool", "metallb.universe.tf/ip-allocated-from-pool")
_POOL = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")  # RFC 1123 subdomain, names of objects

Names = tuple[str, ...]
ANY: Names = ()

ADDRESSES = ("lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which Services are ours, and the families that the cluster has.

    `classes` are the loadBalancerClasses that we serve, `unclassed` whether Services without one
    are ours too.
    """

    families: frozenset[Family] = frozenset(Family)
    classes: frozenset[str] = frozenset({L2_CLASS})
    unclassed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One Service's request. With `addresses` (all of them are wanted) the families don't count.

    `pools` are alternatives, tried in their order: of each of these tuples one address of each
    family is wanted. Without any, one of whatever pool. `problem` is a sentence on what could not
    be read; nothing else is given in its place.
    """

    key: Key
    created: str
    labels: Labels
    families: tuple[Family, ...]
    addresses: tuple[IPAddress, ...]
    problem: str
    sharing: Sharing
    pools: tuple[Names, ...] = ()

    @property
    def order(self) -> tuple[str, Key]:
        """Who comes first: the older, then the one whose name sorts first."""
        return self.created, self.key

    @property
    def needs(self) -> list[tuple[Names, Family]]:
        """What is asked for without an address: of which pools, and of which family."""
        return [(names, each) for names in self.pools or (ANY,) for each in self.families]

    def allows(self, pool: str) -> bool:
        """Is it content with addresses of this pool?"""
        return not self.pools or any(pool in names for names in self.pools)

    def wants(self, address: IPAddress) -> bool:
        """Does it ask for this address, or for any of its family?"""
        if self.addresses:
            return address in self.addresses
        return family(address) in self.families


def serves(service: Service, scope: Scope) -> bool:
    """Is it for us to give this Service its addresses?"""
    if service.type != "LoadBalancer" or left_alone(service):
        return False
    if service.load_balancer_class is None:
        return scope.unclassed
    return service.load_balancer_class in scope.classes


def left_alone(service: Service) -> str:
    """Why another controller's Service is none of ours; "" for any other.

    MetalLB marks those that it gave an address.
    """
    marks = [name for name in METALLB if name in service.annotations]
    if not marks or not any(entry.ip for entry in service.ingress):
        return ""
    return (
        f"MetalLB gave it its address (annotation {marks[0]}) and cares for it; where MetalLB is"
        " gone, remove the annotation"
    )


def request(service: Service, scope: Scope) -> Request:
    """What the Service, one of ours, asks for."""
    addresses, no_address = _addresses(service)
    pools, no_pool = _pools(service)
    return Request(
        key=service.key,
        created=service.created,
        labels=service_labels(service),
        families=_families(service, scope.families),
        addresses=addresses,
        problem=". ".join(each for each in (no_address, no_pool) if each),
        sharing=sharing(service),
        pools=pools,
    )


def _families(service: Service, enabled: frozenset[Family]) -> tuple[Family, ...]:
    """Families by ipFamilyPolicy and ipFamilies; IPv4 comes first whatever the order there."""
    listed = [each for name in service.ip_families for each in Family if each.value == name]
    match service.ip_family_policy:
        case "RequireDualStack":
            wanted = enabled
        case "PreferDualStack":
            wanted = enabled.intersection(listed) if listed else enabled
        case _ if listed:
            wanted = frozenset(listed[:1])
        case _:
            wanted = frozenset([each for each in Family if each in enabled][:1])
    return tuple(each for each in Family if each in wanted)


def _addresses(service: Service) -> tuple[tuple[IPAddress, ...], str]:
    """Collect the addresses asked for by name, and a sentence on those that are none."""
    listed = annotation(service.annotations, ADDRESSES).split(",")
    asked = [("spec.loadBalancerIP", service.load_balancer_ip)]
    asked += [(f"annotation {_present(service)}", text) for text in listed]
    found: dict[IPAddress, None] = {}
    bad = []
    for place, text in asked:
        stripped = text.strip()
        if not stripped:
            continue
        address = parse_address(stripped)
        if address is None:
            bad.append(f"{stripped!r} in {place} is not an IP address")
        else:
            found[address] = None
    return tuple(found), f"{'; '.join(bad)}; correct or remove it" if bad else ""


def _pools(service: Service) -> tuple[tuple[Names, ...], str]:
    """Read the names of pools, and write a sentence on what is none."""
    text = service.annotations.get(POOLS, "")
    if not text.strip():
        return (), ""
    found = tuple(tuple(name.strip() for name in part.split(",")) for part in text.split("+"))
    for name in (name for names in found for name in names):
        if not _POOL.fullmatch(name):
            return (), (
                f"{name!r} in annotation {POOLS} is not the name of a pool; write names with ','"
                " between alternatives, and '+' where one address of each is wanted"
            )
    return found, ""


def _present(service: Service) -> str:
    return next((name for name in ADDRESSES if name in service.annotations), ADDRESSES[0])
