"""What every cluster has from its first moment, and manifests as an administrator creates them."""

from tests.fakes.refusals import bad_request
from tests.fakes.resources import NAMESPACES, SERVICES, Object
from tests.fakes.store import Store


def bootstrap(store: Store, now: float) -> None:
    """What every cluster has from its first moment."""
    for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
        store.create(NAMESPACES, {"metadata": {"name": name}}, now=now)
    labels = {"component": "apiserver", "provider": "kubernetes"}
    port = {"name": "https", "port": 443, "targetPort": 6443}
    kubernetes = {
        "metadata": {"name": "kubernetes", "labels": labels},
        "spec": {"clusterIP": "10.96.0.1", "ports": [port]},
    }
    store.create(SERVICES, kubernetes, namespace="default", now=now)


def apply_object(store: Store, obj: Object, now: float) -> Object:
    """Create an object from a manifest, in its own namespace or `default`."""
    group, _, version = obj["apiVersion"].rpartition("/")
    resource = next(
        (
            resource
            for resource in store.resources()
            if (resource.group, resource.kind) == (group, obj["kind"])
            and version in resource.versions
        ),
        None,
    )
    if resource is None:
        raise bad_request(f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"')
    namespace = (obj["metadata"].get("namespace") or "default") if resource.namespaced else ""
    return store.create(resource, obj, namespace=namespace, now=now, version=version)
