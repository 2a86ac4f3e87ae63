"""The nouns: what the API server and the kernel know, reduced to the fields that we read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

IPAddress = IPv4Address | IPv6Address
Labels = Mapping[str, str]

PREFERRED_NODE = "l2announcer.io/preferred-node"  # a Service's annotation
L2_CLASS = "io.cilium/l2-announcer"  # the loadBalancerClass that is ours


class Key(NamedTuple):
    """Names one object of a kind; cluster-scoped kinds have an empty namespace."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def newer(version: str, known: str) -> bool:
    """Is resourceVersion `version` past `known`? What can't be compared counts as newer.

    Versions of one kind are comparable as integers (Kubernetes API concepts, resource versions).
    """
    try:
        return int(version) > int(known)
    except ValueError:
        return version != known


class Kind(Enum):
    """The kinds that we watch; the value is the word for it in logs and in /status."""

    SERVICE = "services"
    POLICY = "policies"
    POOL = "pools"
    LEASE = "leases"
    NODE = "nodes"
    ENDPOINT_SLICE = "endpointslices"


ALWAYS_WATCHED = frozenset(Kind) - {Kind.ENDPOINT_SLICE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One entry of a LabelSelector's matchExpressions."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """metav1.LabelSelector; all parts are ANDed, an empty one matches everything."""

    match_labels: tuple[tuple[str, str], ...] = ()
    match_expressions: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """metav1.Condition."""

    type: str
    status: str
    reason: str
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """One entry of a Service's status.loadBalancer.ingress."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str = ""
    ports: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A Service's port, as far as sharing an address depends on it."""

    port: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """core/v1 Service."""

    key: Key
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    created: str = ""
    deleting: bool = False
    labels: Labels = field(default_factory=dict)
    annotations: Labels = field(default_factory=dict)
    type: str = "ClusterIP"
    load_balancer_class: str | None = None
    load_balancer_ip: str = ""
    external_ips: tuple[str, ...] = ()
    external_traffic_policy: str = ""
    ip_families: tuple[str, ...] = ()
    ip_family_policy: str = ""
    ports: tuple[Port, ...] = ()
    selector: Labels = field(default_factory=dict)
    ingress: tuple[Ingress, ...] = ()
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """cilium.io/v2alpha1 CiliumL2AnnouncementPolicy; an absent selector selects everything."""

    key: Key
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    service_selector: LabelSelector | None = None
    node_selector: LabelSelector | None = None
    interfaces: tuple[str, ...] = ()
    external_ips: bool = False
    load_balancer_ips: bool = False
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of a pool: a cidr (which wins), or start to stop, both included."""

    cidr: str = ""
    start: str = ""
    stop: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """cilium.io CiliumLoadBalancerIPPool (v2 and v2alpha1 are alike)."""

    key: Key
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    created: str = ""
    deleting: bool = False
    annotations: Labels = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    service_selector: LabelSelector | None = None
    disabled: bool = False
    allow_first_last_ips: bool = True
    conditions: tuple[Condition, ...] = ()


class Taint(NamedTuple):
    """One entry of a Node's spec.taints."""

    key: str
    effect: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """core/v1 Node. Two are equal when they say the same, whatever their versions: heartbeats.

    Of its annotations we keep our own, of its conditions the status by the type.
    """

    key: Key
    resource_version: str = field(default="", compare=False)
    deleting: bool = False
    labels: Labels = field(default_factory=dict)
    annotations: Labels = field(default_factory=dict)
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[IPAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """Whose EndpointSlices: those of all Services of these names, in any namespace; or all."""

    names: frozenset[str] = frozenset()
    everything: bool = False

    @property
    def any(self) -> bool:
        return self.everything or bool(self.names)

    def covers(self, name: str) -> bool:
        return self.everything or name in self.names


ALL = Span(everything=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSlice:
    """discovery.k8s.io/v1 EndpointSlice, as far as it says which nodes have endpoints of a Service.

    Nodes by the best that their endpoints here are: ready; serving while they terminate; or
    neither. An endpoint that names no node is on node "". Versions don't count, as with Nodes.
    """

    key: Key
    resource_version: str = field(default="", compare=False)
    service: Key
    ready: frozenset[str] = frozenset()
    draining: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()


class Ear(NamedTuple):
    """Where questions are listened for: an interface, by its index, and a family: 4 or 6."""

    interface: int
    family: int


class Unheard(NamedTuple):
    """An address family whose questions can't be heard on an interface; `rests`: for some time."""

    family: int
    why: str
    rests: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A network interface of this node as the kernel reports it.

    `up` is the administrative state, `carrier` whether the other end is there (IFF_LOWER_UP),
    `active_port` the index of a bond's, `ipv6` whether the kernel takes part in it. `segment` is
    the same word for interfaces of which one heard the other's frames; it is found out, and empty
    as long as nothing was heard. So is `unheard`.
    """

    index: int
    name: str
    mac: bytes = b""
    up: bool = False
    carrier: bool = False
    ethernet: bool = True
    loopback: bool = False
    master: int = 0
    active_port: int = 0
    ipv6: bool = True
    segment: str = ""
    unheard: tuple[Unheard, ...] = ()

    @property
    def end(self) -> tuple[int, bytes, int]:
        """What neighbours reach us by; when it changes they must be told (a bond's port too)."""
        return self.index, self.mac, self.active_port

    @property
    def usable(self) -> bool:
        """Can frames of ours leave here, and answers arrive? A bridge's or bond's port cannot."""
        whole = self.ethernet and not self.loopback and not self.master
        return whole and self.up and self.carrier


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Who wrote a Lease of ours: the annotation `l2announcer.io/holder`.

    `boot` and `netns` tell one incarnation of a node from the next and from a clone with the same
    name; `macs` are the addresses that its answers carry. `degraded` is said in heartbeats: others
    are to be preferred to it. `leaving` asks for another holder. `heartbeat` is the number of the
    holder's heartbeat under which alone the Lease counts (core.node_leases); None: it counts by
    itself.
    """

    boot: str
    netns: int
    macs: tuple[str, ...] = ()
    mode: str = "service"
    degraded: bool = False
    leaving: bool = False
    heartbeat: int | None = None


class Under(NamedTuple):
    """Whose heartbeat keeps a Lease, and the heartbeat's count of transitions that it names."""

    node: str
    number: int


class Wanted(NamedTuple):
    """A node asks a Lease's holder for it: the annotation `l2announcer.io/wanted`.

    It names the count of transitions at which it was written, and counts at no other.
    """

    node: str
    transitions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """coordination.k8s.io/v1 Lease as read; `raw` is the whole object, which a write sends back."""

    name: str
    resource_version: str
    holder: str = ""
    duration_seconds: int = 0
    acquire_time: str = ""
    renew_time: str = ""
    transitions: int = 0
    holding: Holding | None = None
    wanted: Wanted | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def under(self) -> Under | None:
        """What keeps it, if its holder's heartbeat does."""
        if not self.holder or self.holding is None or self.holding.heartbeat is None:
            return None
        return Under(self.holder, self.holding.heartbeat)

    @property
    def spec(self) -> tuple[str, int, str, str, int]:
        """What every client of a Lease compares to see whether anything changed."""
        return (
            self.holder,
            self.duration_seconds,
            self.acquire_time,
            self.renew_time,
            self.transitions,
        )


class Announcement(NamedTuple):
    """An address on an interface: what one node, and only one, answers for."""

    address: IPAddress
    interface: str
