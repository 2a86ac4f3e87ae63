"""select(): what this node would announce for one Service, or every reason why it would not.

Rules of this file:
- A Service counts whatever its type; its class must be unset or ours, on every path alike.
- Of its addresses count those of the kinds that a policy enables: spec.externalIPs, and ingress
  entries of mode VIP that carry an address.
- Several policies are a union: each adds {its addresses} x {its interfaces}.
- A policy without interface patterns means every interface but those that lead to pods.
- Of several interfaces on one network segment one announces an address.
- A node without a single (address, interface) pair does not contest: it could not answer.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from l2announcer.core.ipam.ranges import parse_address
from l2announcer.core.model import L2_CLASS, Announcement, IPAddress, Link, Node, Service
from l2announcer.core.policy import CompiledPolicy
from l2announcer.core.selectors import service_labels

OWN_CLASSES = (None, "", L2_CLASS)
POD_INTERFACES = ("cali", "cilium_", "cni", "docker", "flannel", "lxc", "veth")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is not announced: the object that says so, and a sentence."""

    object: str
    message: str

    def __str__(self) -> str:
        return f"{self.object}: {self.message}"


@dataclass(frozen=True, slots=True)
class Selection:
    """What this node would announce for a Service, and why not more.

    `leaving` says why another node would be the better one, though this one can; `unable` why this
    one can't, though the policies would have it; `pending`: that may yet turn out otherwise.
    """

    announcements: tuple[Announcement, ...] = ()
    reasons: tuple[Reason, ...] = ()
    leaving: tuple[Reason, ...] = ()
    unable: Reason | None = None
    pending: bool = False


def select(
    service: Service,
    policies: Iterable[CompiledPolicy],
    node: Node | None,
    links: Iterable[Link],
) -> Selection:
    """Decide about one Service from what is known now; the order of policies does not matter."""
    own_class = service.load_balancer_class
    if own_class not in OWN_CLASSES:
        sentence = f"spec.loadBalancerClass {own_class} belongs to another load balancer"
        return Selection(reasons=(Reason(f"Service {service.key}", sentence),))
    if node is None:
        return Selection(reasons=(Reason("this node", "its Node object has not been seen yet"),))
    labels = service_labels(service)
    links = tuple(links)
    found: set[Announcement] = set()
    reasons: list[Reason] = []
    for policy in policies:
        if not policy.nodes.matches(node.labels):
            reasons.append(_reason(policy, f"nodeSelector does not match node {node.key.name}"))
        elif not policy.services.matches(labels):
            reasons.append(_reason(policy, "serviceSelector does not match"))
        else:
            pairs, why_not = _pairs(service, policy, links)
            found |= pairs
            reasons += why_not
    found, twins = _one_for_each_segment(found, links)
    reasons += twins
    if not found and not reasons:
        reasons.append(Reason("policies", "no CiliumL2AnnouncementPolicy exists"))
    order = sorted(found, key=lambda pair: (pair.address.version, pair.address, pair.interface))
    return Selection(tuple(order), tuple(reasons))


def answering_macs(
    policies: Iterable[CompiledPolicy], node: Node | None, links: Iterable[Link]
) -> tuple[str, ...]:
    """The MACs under which a node may come to answer.

    Of pods' interfaces only those count that a policy for it names: they come and go all the time.
    """
    own = [each for each in policies if node is not None and each.nodes.matches(node.labels)]
    macs = {
        link.mac.hex(":")
        for link in links
        if link.usable
        and (_by_default(link.name) or any(_matches(policy, link.name) for policy in own))
    }
    return tuple(sorted(macs))


def asking(
    service: Service, policies: Iterable[CompiledPolicy], denied: Container[IPAddress | str]
) -> list[str]:
    """The policies under which some node would announce it, whichever that is, by name.

    `denied` are addresses that it names and does not have.
    """
    if service.load_balancer_class not in OWN_CLASSES:
        return []
    labels = service_labels(service)
    return [
        policy.name
        for policy in policies
        if policy.services.matches(labels)
        and any(
            address is not None and on_network(address) and address not in denied
            for text in _addresses(service, policy)[0]
            for address in [parse_address(text)]
        )
    ]


def on_network(address: IPAddress) -> bool:
    """Is it an address that a host on a network can have?"""
    return not (address.is_multicast or address.is_unspecified or address.is_loopback)


def _one_for_each_segment(
    found: set[Announcement], links: tuple[Link, ...]
) -> tuple[set[Announcement], list[Reason]]:
    """Of interfaces on one segment the first answers; two answers would make its MAC flap."""
    by_name = {link.name: link for link in links}
    chosen: dict[tuple[IPAddress, str], Announcement] = {}
    reasons: dict[str, Reason] = {}
    for pair in sorted(found, key=lambda pair: by_name[pair.interface].index):
        segment = by_name[pair.interface].segment or pair.interface
        first = chosen.setdefault((pair.address, segment), pair)
        if first is not pair:
            sentence = f"is on one network segment with {first.interface}, which answers"
            reasons[pair.interface] = Reason(f"interface {pair.interface}", sentence)
    return set(chosen.values()), list(reasons.values())


def _pairs(
    service: Service, policy: CompiledPolicy, links: tuple[Link, ...]
) -> tuple[set[Announcement], list[Reason]]:
    texts, reasons = _addresses(service, policy)
    if not texts and not reasons:
        reasons.append(_reason(policy, _no_address(service, policy)))
    addresses = []
    for text in texts:
        try:
            address = ip_address(text)
        except ValueError:
            reasons.append(Reason(f"Service {service.key}", f"{text!r} is not an IP address"))
            continue
        if not on_network(address):
            sentence = f"{address} is no address that a host on the network can have"
            reasons.append(Reason(f"Service {service.key}", sentence))
        else:
            addresses.append(address)
    matching = [link for link in links if _matches(policy, link.name)]
    usable = [link for link in matching if link.usable]
    if not usable:
        reasons.append(_reason(policy, _no_interface(policy, matching, links)))
    pairs = set()
    for link in usable:
        able = [address for address in addresses if link.ipv6 or address.version == 4]
        deaf = {each.family: each.why for each in link.unheard if each.rests}
        pairs |= {Announcement(each, link.name) for each in able if each.version not in deaf}
        for family in sorted(deaf.keys() & {address.version for address in able}):
            reasons.append(Reason(f"interface {link.name}", deaf[family]))
        if len(able) < len(addresses):
            sentence = "IPv6 is disabled there; enable it: sysctl -w"
            setting = f"net/ipv6/conf/{link.name}/disable_ipv6=0"
            reasons.append(Reason(f"interface {link.name}", f"{sentence} {setting}"))
    return pairs, reasons


def _matches(policy: CompiledPolicy, interface: str) -> bool:
    if policy.policy.interfaces:
        return policy.interfaces.matches(interface)
    return _by_default(interface)


def _by_default(interface: str) -> bool:
    return not interface.startswith(POD_INTERFACES)


def _addresses(service: Service, policy: CompiledPolicy) -> tuple[list[str], list[Reason]]:
    texts: list[str] = []
    reasons: list[Reason] = []
    if policy.policy.external_ips:
        texts += service.external_ips
    if policy.policy.load_balancer_ips:
        for entry in service.ingress:
            if entry.ip and entry.ip_mode == "Proxy":
                sentence = f"{entry.ip} has ipMode Proxy: it is not to be reached on the network"
                reasons.append(Reason(f"Service {service.key}", sentence))
            elif entry.ip:
                texts.append(entry.ip)
    return texts, reasons


def _no_address(service: Service, policy: CompiledPolicy) -> str:
    external, given_out = policy.policy.external_ips, policy.policy.load_balancer_ips
    if external and given_out:
        has = "has neither spec.externalIPs nor an IP in its status"
    elif external:
        has = "has no spec.externalIPs"
    elif given_out:
        has = "has no IP in its status"
    else:
        return "neither externalIPs nor loadBalancerIPs is true, so it announces nothing"
    return f"Service {service.key} {has}"


def _no_interface(policy: CompiledPolicy, matching: list[Link], links: tuple[Link, ...]) -> str:
    if not matching:
        names = ", ".join(sorted(link.name for link in links if link.ethernet)) or "none"
        patterns = ", ".join(policy.policy.interfaces) or "(every interface but those of pods)"
        return f"no interface matches {patterns} (there are: {names})"
    return "; ".join(f"interface {link.name} {why}" for link in matching for why in unusable(link))


def unusable(link: Link) -> Iterator[str]:
    """Why no frames of ours leave or arrive there; nothing where they do."""
    if link.loopback or not link.ethernet:
        yield "is no Ethernet interface"
    elif link.master:
        yield "is a port of another interface"
    elif not link.up:
        yield "is down"
    elif not link.carrier:
        yield "has no carrier"


def _reason(policy: CompiledPolicy, sentence: str) -> Reason:
    return Reason(f"CiliumL2AnnouncementPolicy {policy.name}", sentence)
