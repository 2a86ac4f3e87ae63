"""The rights that config/rbac.yaml gives the daemon, as the real authoriser sees them."""

import itertools
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.cluster.api import JSON_PATCH, MERGE_PATCH, Api
from tests.cluster.controlplane import ADMIN, DAEMON, STRANGER, ControlPlane, User

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
POLICIES = "/apis/cilium.io/v2alpha1/ciliuml2announcementpolicies"
POOLS = "/apis/cilium.io/v2/ciliumloadbalancerippools"
SERVICES = "/api/v1/namespaces/default/services"


class Right(NamedTuple):
    """One thing that somebody may do."""

    verb: str
    group: str
    resource: str


EVERYWHERE = {
    Right("get", "", "services"),
    Right("list", "", "services"),
    Right("watch", "", "services"),
    Right("patch", "", "services/status"),
    Right("list", "", "nodes"),
    Right("watch", "", "nodes"),
    Right("list", "discovery.k8s.io", "endpointslices"),
    Right("watch", "discovery.k8s.io", "endpointslices"),
    Right("list", "cilium.io", "ciliuml2announcementpolicies"),
    Right("watch", "cilium.io", "ciliuml2announcementpolicies"),
    Right("patch", "cilium.io", "ciliuml2announcementpolicies/status"),
    Right("list", "cilium.io", "ciliumloadbalancerippools"),
    Right("watch", "cilium.io", "ciliumloadbalancerippools"),
    Right("patch", "cilium.io", "ciliumloadbalancerippools/status"),
    Right("create", "", "events"),
    Right("patch", "", "events"),
}
WITH_THE_LEASES = {
    Right(verb, "coordination.k8s.io", "leases")
    for verb in ("get", "list", "watch", "create", "update", "delete")
}


@pytest.fixture
def admin(control_plane: ControlPlane) -> Api:
    """The API with all rights."""
    return control_plane.api(ADMIN)


@pytest.fixture
def daemon(control_plane: ControlPlane) -> Api:
    """The API as the daemon sees it."""
    return control_plane.api(DAEMON)


@pytest.fixture
def name(admin: Api) -> Iterator[str]:
    """The name of a Service, a policy, a pool and a Lease that go with the test."""
    name = f"rbac-{uuid.uuid4().hex[:8]}"
    metadata = {"metadata": {"name": name}}
    cilium = metadata | {"apiVersion": "cilium.io/v2", "kind": "CiliumLoadBalancerIPPool"}
    policy = metadata | {
        "apiVersion": "cilium.io/v2alpha1",
        "kind": "CiliumL2AnnouncementPolicy",
    }
    service = metadata | {"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
    bodies = {SERVICES: service, POLICIES: policy, POOLS: cilium, LEASES: metadata}
    for collection, body in bodies.items():
        assert admin.post(collection, body).ok
    yield name
    for collection in bodies:
        admin.delete(f"{collection}/{name}")


def _rights(control_plane: ControlPlane, user: User, namespace: str) -> set[Right]:
    review = control_plane.api(user).post(
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"spec": {"namespace": namespace}}
    )
    rules: list[dict[str, Any]] = review.body["status"]["resourceRules"]
    return {
        Right(*right)
        for rule in rules
        for right in itertools.product(rule["verbs"], rule["apiGroups"], rule["resources"])
    }


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [("kube-system", EVERYWHERE | WITH_THE_LEASES), ("default", EVERYWHERE)],
)
def test_the_daemon_may_do_exactly_this(
    control_plane: ControlPlane, namespace: str, expected: set[Right]
) -> None:
    everybodys = _rights(control_plane, STRANGER, namespace)
    assert _rights(control_plane, DAEMON, namespace) - everybodys == expected


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/services?limit=1",
        "/api/v1/nodes?fieldSelector=metadata.name%3Dworker",
        f"{POLICIES}?limit=1",
        f"{POOLS}?limit=1",
        "/apis/cilium.io/v2alpha1/ciliumloadbalancerippools?limit=1",
        f"{LEASES}?limit=1",
        "/apis/cilium.io/v2",
    ],
)
def test_it_reads_what_it_needs(daemon: Api, path: str) -> None:
    assert daemon.get(path).status == 200


@pytest.mark.parametrize(
    "path",
    ["/api/v1/services", "/api/v1/nodes?fieldSelector=metadata.name%3Dworker", LEASES, POOLS],
)
def test_it_watches_what_it_needs(daemon: Api, path: str) -> None:
    version = daemon.get(path).body["metadata"]["resourceVersion"]
    sign = "&" if "?" in path else "?"
    watch = f"{path}{sign}watch=1&timeoutSeconds=1&resourceVersion={version}"
    assert daemon.get(watch).status == 200


def test_it_gives_a_service_its_address_and_reads_it_again(daemon: Api, name: str) -> None:
    ingress = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    path = f"{SERVICES}/{name}"
    assert daemon.call("PATCH", f"{path}/status", ingress, sends=MERGE_PATCH).ok
    assert daemon.get(path).body["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.1"


@pytest.mark.parametrize("collection", [POLICIES, POOLS])
def test_it_writes_findings(daemon: Api, name: str, collection: str) -> None:
    patch = [{"op": "add", "path": "/status", "value": {"conditions": []}}]
    path = f"{collection}/{name}/status"
    assert daemon.call("PATCH", path, patch, sends=JSON_PATCH).ok


def test_it_takes_renews_and_deletes_a_lease(daemon: Api, admin: Api) -> None:
    name = f"rbac-{uuid.uuid4().hex[:8]}"
    taken = daemon.post(LEASES, {"metadata": {"name": name}, "spec": {"holderIdentity": "worker"}})
    try:
        assert taken.ok
        assert daemon.get(f"{LEASES}/{name}").ok
        assert daemon.call("PUT", f"{LEASES}/{name}", taken.body).ok
        assert daemon.delete(f"{LEASES}/{name}").ok
    finally:
        admin.delete(f"{LEASES}/{name}")


def test_it_tells_events_and_counts_them(daemon: Api, admin: Api) -> None:
    name = f"rbac-{uuid.uuid4().hex[:8]}"
    path = "/api/v1/namespaces/default/events"
    event = {
        "metadata": {"name": name},
        "involvedObject": {"kind": "Service", "namespace": "default", "name": "any"},
        "reason": "Tried",
        "type": "Normal",
    }
    try:
        assert daemon.post(path, event).ok
        assert daemon.call("PATCH", f"{path}/{name}", {"count": 2}, sends=MERGE_PATCH).ok
    finally:
        admin.delete(f"{path}/{name}")


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("PATCH", SERVICES + "/{name}"),
        ("DELETE", SERVICES + "/{name}"),
        ("PATCH", POLICIES + "/{name}"),
        ("DELETE", POLICIES + "/{name}"),
        ("PATCH", POOLS + "/{name}"),
        ("DELETE", POOLS + "/{name}"),
        ("PATCH", LEASES + "/{name}"),
        ("GET", "/apis/coordination.k8s.io/v1/namespaces/default/leases"),
        ("GET", "/apis/coordination.k8s.io/v1/leases"),
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/namespaces/kube-system/configmaps"),
        ("GET", "/api/v1/pods"),
    ],
)
def test_it_is_denied_the_rest(daemon: Api, name: str, verb: str, path: str) -> None:
    body: object = {} if verb == "PATCH" else None
    answer = daemon.call(verb, path.format(name=name), body, sends=MERGE_PATCH)
    assert (answer.status, answer.body["reason"]) == (403, "Forbidden")
