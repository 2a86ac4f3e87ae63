"""How the real etcd and kube-apiserver of the tests are started."""

import json
from pathlib import Path

LOOPBACK = "127.0.0.1"
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
# An API server so started can be replaced while it serves.
SHARED = ("--permit-port-sharing", "--shutdown-watch-termination-grace-period=5s")


def etcd_arguments(directory: Path, url: str) -> list[str]:
    return [
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=http://{LOOPBACK}:0",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server_arguments(directory: Path, etcd_url: str, address: str, port: int) -> list[str]:
    certificates = directory / "certificates"
    # it makes its serving certificate itself; that key signs the service accounts' tokens too
    key = certificates / "apiserver.key"
    return [
        f"--etcd-servers={etcd_url}",
        f"--bind-address={address}",
        f"--advertise-address={address}",
        f"--secure-port={port}",
        f"--cert-dir={certificates}",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--token-auth-file={directory / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        # it wants a token in every Pod, and no controller is there to make the accounts
        "--disable-admission-plugins=ServiceAccount",
        "--service-cluster-ip-range=10.96.0.0/16",
        # the Endpoints of the Service `kubernetes` may not be a loopback address
        "--endpoint-reconciler-type=none",
    ]


def audit_arguments(directory: Path, log: Path | None) -> list[str]:
    if log is None:
        return []
    policy = directory / "audit-policy.json"
    policy.write_text(json.dumps(AUDIT_POLICY))
    return [f"--audit-policy-file={policy}", f"--audit-log-path={log}"]
