"""Installs what config/ ships for a cluster, CRDs and RBAC, as a user's `kubectl apply` does."""

import time
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.api import APPLY, Answer, Api
from tests.cluster.controlplane import ADMIN, ControlPlane

CONFIG = Path(__file__).parents[2] / "config"
ESTABLISHED_WITHIN_SECONDS = 20.0
# the plural of a kind, and whether its objects live below a namespace
KINDS = {
    "Service": ("services", True),
    "ServiceAccount": ("serviceaccounts", True),
    "Deployment": ("deployments", True),
    "Role": ("roles", True),
    "RoleBinding": ("rolebindings", True),
    "ClusterRole": ("clusterroles", False),
    "ClusterRoleBinding": ("clusterrolebindings", False),
    "CustomResourceDefinition": ("customresourcedefinitions", False),
    "CiliumLoadBalancerIPPool": ("ciliumloadbalancerippools", False),
    "CiliumL2AnnouncementPolicy": ("ciliuml2announcementpolicies", False),
}


def manifests(path: Path) -> list[dict[str, Any]]:
    """The objects of a YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def place(manifest: dict[str, Any]) -> str:
    """The URL path of the object that `manifest` describes."""
    version = manifest["apiVersion"]
    plural, namespaced = KINDS[manifest["kind"]]
    namespace = manifest["metadata"].get("namespace", "default")
    above = f"/apis/{version}" if "/" in version else f"/api/{version}"
    within = f"/namespaces/{namespace}" if namespaced else ""
    return f"{above}{within}/{plural}/{manifest['metadata']['name']}"


def apply(api: Api, manifest: dict[str, Any]) -> Answer:
    """Apply `manifest`; strictly, so that a field which the schema does not know is an error."""
    path = f"{place(manifest)}?fieldManager=tests&force=true&fieldValidation=Strict"
    return api.call("PATCH", path, manifest, sends=APPLY)


def install(control_plane: ControlPlane) -> None:
    """Apply config/crds and config/rbac.yaml; return when all CRDs are served."""
    api = control_plane.api(ADMIN)
    definitions = [crd for file in sorted(CONFIG.glob("crds/*.yaml")) for crd in manifests(file)]
    for manifest in (*definitions, *manifests(CONFIG / "rbac.yaml")):
        answer = apply(api, manifest)
        if not answer.ok:
            raise RuntimeError(f"{place(manifest)} was refused: {answer.body}")
    give_up_at = time.monotonic() + ESTABLISHED_WITHIN_SECONDS
    while unserved := [crd for crd in definitions if not _is_served(api, crd)]:
        if time.monotonic() > give_up_at:
            names = ", ".join(crd["metadata"]["name"] for crd in unserved)
            raise RuntimeError(f"not served after {ESTABLISHED_WITHIN_SECONDS:.0f} s: {names}")
        time.sleep(0.05)


def _is_served(api: Api, crd: dict[str, Any]) -> bool:
    # Established comes a moment before the new paths answer: ask these
    spec = crd["spec"]
    return all(
        api.get(f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}").ok
        for version in spec["versions"]
        if version["served"]
    )
