"""What the lab plays itself: Pods of Deployments, their endpoints, and the service proxy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.lab.cluster import WORKERS, Cluster
from tests.lab.demo.kubectl import UsageError, kubectl
from tests.lab.kubelet import SLICES
from tests.lab.pods import ROOT
from tests.lab.root import LabError

pytestmark = pytest.mark.lab

NAMESPACE = "/namespaces/default"
DEPLOYMENT = f"/apis/apps/v1{NAMESPACE}/deployments/app1-deployment"
SETTLE_SECONDS = 20


@pytest.fixture
def cluster(_namespaces: None, tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as built:
        kubectl(built.api, ["apply", "-f", str(ROOT / "config/examples/apps-and-svcs.yaml")])
        built.until("app1 is served", lambda: len(endpoints(built)) == 1, SETTLE_SECONDS)
        yield built


def endpoints(cluster: Cluster) -> list[str]:
    """The addresses behind app1-service."""
    slices = cluster.api.items(f"{SLICES}{NAMESPACE}/endpointslices")
    return [
        endpoint["addresses"][0]
        for piece in slices
        if piece["metadata"]["labels"]["kubernetes.io/service-name"] == "app1-service"
        for endpoint in piece["endpoints"]
    ]


def answer(cluster: Cluster, node: str) -> str:
    """What a node gets from the cluster address of app1-service."""
    service = cluster.api.get(f"/api/v1{NAMESPACE}/services/app1-service")
    script = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=1).read())"
    url = f"http://{service['spec']['clusterIP']}"
    return cluster.nodes[node].run([sys.executable, "-c", script, url], check=False).stdout.strip()


def test_every_node_reaches_a_pod_through_the_service(cluster: Cluster) -> None:
    for node in cluster.nodes:
        cluster.until(f"{node} gets an answer", partial(answer, cluster, node), 20)
        assert answer(cluster, node) == r"""b'"This is app1"\n'"""


def test_replicas_are_spread_and_a_deleted_deployment_is_gone(cluster: Cluster) -> None:
    cluster.api.merge(DEPLOYMENT, {"spec": {"replicas": 3}})
    cluster.until("three Pods are served", lambda: len(endpoints(cluster)) == 3, SETTLE_SECONDS)
    pods = cluster.api.items(f"/api/v1{NAMESPACE}/pods")
    assert {pod["spec"]["nodeName"] for pod in pods} == set(WORKERS)
    cluster.api.delete(DEPLOYMENT)
    cluster.until("nothing is served", lambda: not endpoints(cluster), SETTLE_SECONDS)
    assert len(cluster.api.items(f"/api/v1{NAMESPACE}/pods")) == 1
    assert not any(pod["metadata"]["name"] in cluster.lab.namespaces for pod in pods[:3])


def test_a_container_that_does_not_start_is_told(cluster: Cluster) -> None:
    container = {"name": "broken", "args": ["-listen=nonsense", "-text=x"]}
    template = {"metadata": {"labels": {"app": "broken"}}, "spec": {"containers": [container]}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "broken"},
        "spec": {"selector": {"matchLabels": {"app": "broken"}}, "template": template},
    }
    cluster.api.create(DEPLOYMENT.rpartition("/")[0], body)
    with pytest.raises(LabError, match="the lab's Kubelet failed") as caught:
        cluster.until("never", lambda: False, SETTLE_SECONDS)
    assert "the container broken of Pod broken-" in str(caught.value.__cause__)


def test_the_small_client_tells_created_from_changed_and_names_what_is_wrong(
    cluster: Cluster, tmp_path: Path
) -> None:
    manifest = tmp_path / "service.yaml"
    text = (ROOT / "config/examples/external-ip.yaml").read_text()
    manifest.write_text(text)
    apply = ["apply", "-f", str(manifest)]
    assert kubectl(cluster.api, apply) == "service/app2-external created\n"
    assert kubectl(cluster.api, apply) == "service/app2-external unchanged\n"
    manifest.write_text(text.replace("172.19.0.200", "172.19.0.201"))
    assert kubectl(cluster.api, apply) == "service/app2-external configured\n"
    (_, row) = kubectl(cluster.api, ["get", "svc", "app2-external"]).splitlines()
    assert row.split()[:2] == ["app2-external", "ClusterIP"]
    assert row.split()[3:5] == ["172.19.0.201", "80/TCP"]
    assert "External IPs:\n    172.19.0.201\n" in kubectl(
        cluster.api, ["describe", "service", "app2-external"]
    )
    manifest.write_text("apiVersion: v1\nkind: Nonsense\nmetadata: {name: x}\n")
    with pytest.raises(UsageError, match='no matches for kind "Nonsense" in version "v1"'):
        kubectl(cluster.api, apply)
    with pytest.raises(UsageError, match='doesn\'t have a resource type "nonsense"'):
        kubectl(cluster.api, ["get", "nonsense"])
