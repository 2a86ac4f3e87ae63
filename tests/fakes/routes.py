"""What a request asks for: the verb and the target in the URL paths of the Kubernetes API."""

from dataclasses import dataclass
from typing import Final

_SUBRESOURCES: Final = frozenset({"status", "finalize"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One collection, object or sub-resource; `namespace` and the following may be empty."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def resource(self) -> str:
        """As RBAC writes it: `services/status`."""
        return f"{self.plural}/{self.subresource}" if self.subresource else self.plural


def target(path: str) -> Target | None:
    """The target of a path below /api/v1/ or /apis/GROUP/VERSION/; None where there is none."""
    match path.strip("/").split("/"):
        case ["api", version, *rest] if rest:
            group = ""
        case ["apis", group, version, *rest] if rest:
            pass
        case _:
            return None
    namespace = ""
    match rest:
        case ["namespaces", namespace, first, *more] if first not in _SUBRESOURCES or more:
            rest = [first, *more]
        case _:
            namespace = ""
    if len(rest) > 3 or not all(rest):
        return None
    plural, name, subresource = [*rest, "", ""][:3]
    return Target(
        group=group,
        version=version,
        plural=plural,
        namespace=namespace,
        name=name,
        subresource=subresource,
    )


def verb(method: str, where: Target, *, watch: bool) -> str:
    """The verb as RBAC and audit logs name it; empty for a method that nothing answers."""
    match method:
        case "GET" | "HEAD" if where.name and not watch:
            return "get"
        case "GET" | "HEAD":
            return "watch" if watch else "list"
        case "POST":
            return "create"
        case "PUT":
            return "update"
        case "PATCH":
            return "patch"
        case "DELETE":
            return "delete" if where.name else "deletecollection"
        case _:
            return ""
