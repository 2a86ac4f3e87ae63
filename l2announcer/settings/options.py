"""Every option once: flag, variable, key of the file and documentation follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, TypeVar

from l2announcer.settings.values import (
    COUNT,
    DURATION,
    DURATIONS,
    FILE,
    LISTEN,
    NAME,
    PORT,
    RATE,
    SWITCH,
    TEXT,
    Kind,
    ListenAddress,
    choice,
)

T = TypeVar("T")


class Topic(Enum):
    """Under which heading an option is shown."""

    LEASES = "Leases"
    ADDRESSES = "Services and addresses"
    KUBERNETES = "Kubernetes API"
    WEB = "Health, metrics and status"
    LOG = "Log"


class IpamStandby(Enum):
    """Whether LB IPAM stands by while Cilium's operator is at work."""

    AUTO = "auto"
    NEVER = "never"


class DefaultLbServiceIpam(Enum):
    """Whose Services without a loadBalancerClass are."""

    LBIPAM = "lbipam"
    NONE = "none"


class LeaseMode(Enum):
    """What keeps the Leases of Services: each its own renewals, or their holder's heartbeat."""

    SERVICE = "service"
    NODE = "node"


class HoldOver(Enum):
    """What a holder does that gets no answer from the API server."""

    SEGMENT = "segment"
    STRICT = "strict"


class LogLevel(Enum):
    """The least severe message that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(Enum):
    """JSON lines, or lines for people; AUTO is for people on a terminal only."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


def _option(
    default: T,
    kind: Kind[T],
    topic: Topic,
    explanation: str,
    *,
    within: str = "",
    also: tuple[str, ...] = (),
    unset: str = "",
) -> T:
    """One field of Settings.

    `within` names the mapping that the key stands in (snake case, the field's prefix), `also`
    further environment variables that others define, `unset` what an empty default stands for.
    """
    return field(
        default=default,
        metadata={
            "kind": kind,
            "topic": topic,
            "explanation": explanation,
            "within": within,
            "also": also,
            "unset": unset,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The daemon's settings. Durations are in seconds."""

    lease_duration: float = _option(
        15.0,
        DURATION,
        Topic.LEASES,
        "How long a Lease lasts after its last renewal: about the longest time that an address"
        " has no answer after its node crashed. Whole seconds.",
    )
    lease_renew_deadline: float = _option(
        5.0,
        DURATION,
        Topic.LEASES,
        "How long one renewal request may take before it counts as failed. Shorter than"
        " leaseDuration.",
    )
    lease_retry_period: float = _option(
        2.0,
        DURATION,
        Topic.LEASES,
        "Time between two renewals of a Lease. At least 1s, shorter than leaseRenewDeadline, and"
        " at least two of them must fit into nine tenths of leaseDuration.",
    )
    lease_mode: LeaseMode = _option(  # noqa: RUF009  # a field, not a default
        LeaseMode.SERVICE,
        choice(LeaseMode),
        Topic.LEASES,
        "What keeps the Leases of this node. service: each is renewed by itself, as by Cilium."
        " node: only the node's heartbeat is renewed, and keeps all of them; the API server then"
        " sees one write per node and leaseRetryPeriod, however many Services there are. Only where"
        " no other client, such as Cilium, takes part: it would wait for them without end. Nodes of"
        " both modes work together.",
    )
    spread: bool = _option(
        True,
        SWITCH,
        Topic.LEASES,
        "Let Services move by themselves to the node that is the favourite for them: a few at once,"
        " each with a planned hand-over. Otherwise they move when a node leaves, and by"
        " `l2announcer move`. The same on all nodes.",
    )
    spread_quiet_period: float = _option(
        30.0,
        DURATION,
        Topic.LEASES,
        "How long a node must have been able to announce a Service, and the Service must have"
        " stayed where it is, before it moves by itself.",
    )
    lease_clean_up: float = _option(
        600.0,
        DURATION,
        Topic.LEASES,
        "After which time a Lease that l2announcer wrote is deleted, if its Service (for a"
        " heartbeat: its Node) does not exist and nobody has held it meanwhile. 0s is never.",
    )
    hold_over: HoldOver = _option(  # noqa: RUF009  # a field, not a default
        HoldOver.SEGMENT,
        choice(HoldOver),
        Topic.LEASES,
        "What a node does with the Leases that it holds while the API server gives no answer."
        " segment: it answers on past their end, until there are answers again or another node is"
        " heard that claims the address. strict: it falls silent nine tenths of leaseDuration after"
        " the last renewal.",
    )
    hold_over_limit: float = _option(
        0.0,
        DURATION,
        Topic.LEASES,
        "How long it answers on so at most; 0 for as long as that lasts. Only with holdOver:"
        " segment.",
    )
    lease_namespace: str = _option(
        "kube-system",
        NAME,
        Topic.LEASES,
        "The namespace of the Leases; the same on all nodes.",
    )
    node_name: str = _option(
        "",
        NAME,
        Topic.LEASES,
        "The name of this node's Node object, which holds its Leases.",
        also=("NODE_NAME",),
        unset="the host's name, in lower case",
    )
    lb_ipam: bool = _option(
        True,
        SWITCH,
        Topic.ADDRESSES,
        "Give addresses from CiliumLoadBalancerIPPools to Services. Switch it off where another"
        " controller does so, Cilium's operator for instance.",
    )
    ipam_standby: IpamStandby = _option(  # noqa: RUF009  # a field, not a default
        IpamStandby.AUTO,
        choice(IpamStandby),
        Topic.ADDRESSES,
        "auto: give no address while Cilium's operator is at work in this cluster (it renews the"
        " Lease cilium-operator-resource-lock in leaseNamespace), and take over when it stops."
        " never: give addresses all the same, where its own LB IPAM is switched off.",
    )
    default_lb_service_ipam: DefaultLbServiceIpam = _option(  # noqa: RUF009  # a field
        DefaultLbServiceIpam.LBIPAM,
        choice(DefaultLbServiceIpam),
        Topic.ADDRESSES,
        "Who gives an address to Services without a loadBalancerClass. lbipam: we do. none: nobody"
        " here; only Services of class io.cilium/l2-announcer get one.",
    )
    address_rest: float = _option(
        120.0,
        DURATION,
        Topic.ADDRESSES,
        "How long an address that was taken back from a Service rests before another Service may"
        " get it. leaseDuration, where that is longer. For 100 s at most a node may answer on whose"
        " watch has died.",
    )
    service_proxy_name: str = _option(
        "",
        TEXT,
        Topic.ADDRESSES,
        "Care for Services only whose label service.kubernetes.io/service-proxy-name has this"
        " value.",
        unset="Services without the label",
    )
    announce_schedule: tuple[float, ...] = _option(
        (0.0, 1.0, 2.0, 4.0),
        DURATIONS,
        Topic.ADDRESSES,
        "When an address is announced unasked (gratuitous ARP, unsolicited advertisement) after"
        " this node took it over, counted from then.",
    )
    announce_refresh: float = _option(
        0.0,
        DURATION,
        Topic.ADDRESSES,
        "Time between two further announcements of an address that this node answers for; 0 for"
        " none. For switches and hosts that forget.",
    )
    announce_in_use: bool = _option(
        False,
        SWITCH,
        Topic.ADDRESSES,
        "Announce an address although another host on the network answers for it already."
        " Otherwise the Service waits until that host is gone. It is reported in both cases.",
    )
    kubeconfig: str = _option(
        "",
        FILE,
        Topic.KUBERNETES,
        "The kubeconfig file that says where the API server is and who we are.",
        also=("KUBECONFIG",),
        unset="in a Pod its service account, elsewhere ~/.kube/config",
    )
    k8s_service_host: str = _option(
        "",
        TEXT,
        Topic.KUBERNETES,
        "The API server's host name, address or URL, instead of the one that the kubeconfig or the"
        " Pod's environment gives: for nodes that must not rely on the service proxy to reach it.",
        unset="as they say",
    )
    k8s_service_port: int = _option(
        0,
        PORT,
        Topic.KUBERNETES,
        "The API server's port; only with k8sServiceHost.",
        unset="443",
    )
    k8s_client_rate_limit_qps: float = _option(
        10.0,
        RATE,
        Topic.KUBERNETES,
        "Requests to the API server per second, in the long run. Lease renewals don't wait for it,"
        " but a node takes no more Leases than it could renew at this rate: with the default times"
        " 4.5 for each request per second. With leaseMode: node it is how fast a node takes over"
        " what a silent one had.",
        within="k8s_client_rate_limit",
    )
    k8s_client_rate_limit_burst: int = _option(
        20,
        COUNT,
        Topic.KUBERNETES,
        "Requests to the API server that may be made at once after a quiet time.",
        within="k8s_client_rate_limit",
    )
    listen: ListenAddress = _option(  # noqa: RUF009  # a field, not a default
        ListenAddress(None, 9480),
        LISTEN,
        Topic.WEB,
        "Where /livez, /readyz, /metrics and /status are served.",
    )
    status_public: bool = _option(
        False,
        SWITCH,
        Topic.WEB,
        "Serve /status, which names Services, nodes and addresses, to anybody who can reach"
        " `listen`. Otherwise it answers to this machine's loopback addresses only.",
    )
    log_level: LogLevel = _option(  # noqa: RUF009  # a field, not a default
        LogLevel.INFO,
        choice(LogLevel),
        Topic.LOG,
        "The least severe message that is logged.",
    )
    log_format: LogFormat = _option(  # noqa: RUF009  # a field, not a default
        LogFormat.AUTO,
        choice(LogFormat),
        Topic.LOG,
        "JSON lines, or lines for people (console). auto: console on a terminal, else JSON.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What is known of one option; its names derive from that of its field of Settings."""

    name: str
    default: Any
    kind: Kind[Any]
    topic: Topic
    explanation: str
    within: str
    also: tuple[str, ...]
    unset: str

    @property
    def key(self) -> str:
        """In the file, as in Helm values; a dot for a key inside of a mapping."""
        if self.within:
            return f"{_camel(self.within)}.{_camel(self.name.removeprefix(self.within + '_'))}"
        return _camel(self.name)

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        return f"L2ANNOUNCER_{self.name.upper()}"

    @property
    def variables(self) -> tuple[str, ...]:
        """Ours, then those that others define; the first that is set counts."""
        return (self.variable, *self.also)

    def show(self, value: object) -> str:
        return self.kind.show(value)

    @property
    def default_text(self) -> str:
        """The default in words for people."""
        return self.unset or self.show(self.default)


def _camel(snake: str) -> str:
    first, *rest = snake.split("_")
    return first + "".join(word.capitalize() for word in rest)


OPTIONS: tuple[Option, ...] = tuple(
    Option(name=each.name, default=each.default, **each.metadata) for each in fields(Settings)
)
