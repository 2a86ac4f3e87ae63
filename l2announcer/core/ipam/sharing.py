"""When two Services may have one address: five rules, and the words for why not.

1. Both have the same sharing key, and it is not empty.
2. They are in one namespace, or each permits the other's.
3. They have no port in common, the protocol counting as part of it.
4. Their externalTrafficPolicy is the same.
5. Where that is Local, both select the same Pods, and select at all: a node that has a local
   endpoint of one then has one of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from l2announcer.core.model import Labels, Service

ANY_NAMESPACE = "*"
KEY = ("lbipam.cilium.io/sharing-key", "io.cilium/lb-ipam-sharing-key")
NAMESPACES = (
    "lbipam.cilium.io/sharing-cross-namespace",
    "io.cilium/lb-ipam-sharing-cross-namespace",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What one Service says that bears on sharing its address."""

    namespace: str
    key: str = ""
    namespaces: frozenset[str] = frozenset()
    ports: frozenset[tuple[int, str]] = frozenset()
    policy: str = "Cluster"
    selector: tuple[tuple[str, str], ...] = ()

    def permits(self, namespace: str) -> bool:
        return namespace == self.namespace or not self.namespaces.isdisjoint(
            {namespace, ANY_NAMESPACE}
        )


def annotation(annotations: Labels, names: tuple[str, ...]) -> str:
    """Return the value under the first of the names that is present, even if that is empty."""
    return next((annotations[name] for name in names if name in annotations), "")


def sharing(service: Service) -> Sharing:
    """What a Service says about sharing."""
    namespaces = annotation(service.annotations, NAMESPACES).split(",")
    return Sharing(
        namespace=service.key.namespace,
        key=annotation(service.annotations, KEY),
        namespaces=frozenset(name.strip() for name in namespaces if name.strip()),
        ports=frozenset((port.port, port.protocol) for port in service.ports),
        policy=service.external_traffic_policy or "Cluster",
        selector=tuple(sorted(service.selector.items())),
    )


def obstacle(one: Sharing, other: Sharing) -> str | None:
    """Say why the two may not have one address; None if they may."""
    if not one.key or one.key != other.key:
        return f"they have different sharing keys ({KEY[0]})"
    if not (one.permits(other.namespace) and other.permits(one.namespace)):
        return (
            f"they are in different namespaces and do not both permit it; name each other's in"
            f" the annotation {NAMESPACES[0]}"
        )
    common = sorted(one.ports & other.ports)
    if common:
        port, protocol = common[0]
        return f"both use port {port}/{protocol}"
    if one.policy != other.policy:
        return f"their externalTrafficPolicy differs ({one.policy} and {other.policy})"
    if one.policy == "Local" and (not one.selector or one.selector != other.selector):
        return (
            "with externalTrafficPolicy Local both must select the same Pods; give them equal"
            " selectors, or use Cluster"
        )
    return None
