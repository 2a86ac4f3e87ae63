"""What a Service asks for: which addresses or families, and whether it asks us at all."""

from __future__ import annotations

from dataclasses import dataclass

from l2announcer.core.ipam.ranges import Family, family, parse_address
from l2announcer.core.ipam.sharing import Sharing, annotation, sharing
from l2announcer.core.model import IPAddress, Key, Labels, Service
from l2announcer.core.selectors import service_labels

L2_CLASS = "io.cilium/l2-announcer"
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

    `problem` is a sentence on what could not be read; nothing else is given in its place.
    """

    key: Key
    created: str
    labels: Labels
    families: tuple[Family, ...]
    addresses: tuple[IPAddress, ...]
    problem: str
    sharing: Sharing

    @property
    def order(self) -> tuple[str, Key]:
        """Who comes first: the older, then the one whose name sorts first."""
        return self.created, self.key

    def wants(self, address: IPAddress) -> bool:
        """Does it ask for this address, or for any of its family?"""
        if self.addresses:
            return address in self.addresses
        return family(address) in self.families


def serves(service: Service, scope: Scope) -> bool:
    """Is it for us to give this Service its addresses?"""
    if service.type != "LoadBalancer":
        return False
    if service.load_balancer_class is None:
        return scope.unclassed
    return service.load_balancer_class in scope.classes


def request(service: Service, scope: Scope) -> Request:
    """What the Service, one of ours, asks for."""
    addresses, problem = _addresses(service)
    return Request(
        key=service.key,
        created=service.created,
        labels=service_labels(service),
        families=_families(service, scope.families),
        addresses=addresses,
        problem=problem,
        sharing=sharing(service),
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


def _present(service: Service) -> str:
    return next((name for name in ADDRESSES if name in service.annotations), ADDRESSES[0])
