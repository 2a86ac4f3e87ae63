"""A real etcd and kube-apiserver, RBAC on, that leave nothing behind.

    with ControlPlane() as control_plane:
        answer = control_plane.api(ADMIN).get("/api/v1/services")

They are on loopback, or on a host of a lab, where its neighbours reach the API server. The programs
come from tests/cluster/build.py. There is no scheduler, no controller and no kubelet: nothing acts
on what is stored (tests/cluster/whole.py adds them).
"""

import contextlib
import csv
import json
import random
import shutil
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster.api import Api
from tests.cluster.build import locate
from tests.cluster.directory import OwnedDirectory
from tests.cluster.place import HERE, Place
from tests.cluster.server import Server

LOOPBACK = "127.0.0.1"
# below the range from which the kernel takes ports for outgoing connections, so that nobody gets
# the port while the API server is being restarted
PORTS = (20_000, 32_000)
NAMESPACES = ("default", "kube-system")
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody whom the API server knows by a fixed bearer token."""

    name: str
    groups: tuple[str, ...]
    token: str


ADMIN = User(name="admin", groups=("system:masters",), token="the-admins-token")
# the name under which the authoriser knows a service account: RBAC cannot tell the difference
DAEMON = User(
    name="system:serviceaccount:kube-system:l2announcer",
    groups=("system:serviceaccounts", "system:serviceaccounts:kube-system"),
    token="the-daemons-token",
)
STRANGER = User(name="stranger", groups=(), token="the-strangers-token")
# these have the rights that the API server itself gives to their names
CONTROLLERS = User(name="system:kube-controller-manager", groups=(), token="the-controllers-token")
PROXY = User(name="system:kube-proxy", groups=(), token="the-proxys-token")
USERS = (ADMIN, DAEMON, STRANGER, CONTROLLERS, PROXY)


class ControlPlane:
    """etcd and kube-apiserver with their files in a temporary directory.

    Raises ProgramsMissingError where they are not built yet, and StartError, with the end of the
    log, where one does not come up. `audit_log` is the file to which the API server writes one
    line of JSON per finished request; `arguments` go to it after our own. The API server listens
    on the address of `place` alone, and its certificate is for that.
    """

    def __init__(
        self,
        *,
        audit_log: Path | None = None,
        arguments: Sequence[str] = (),
        place: Place = HERE,
    ) -> None:
        programs = locate("etcd", "kube-apiserver")
        self.place = place
        self._owned = OwnedDirectory()
        self.directory = self._owned.path
        try:
            with place.inside():
                self._etcd_url = f"http://{LOOPBACK}:{_free_port(LOOPBACK)}"
                port = _free_port(place.address)
            self.url = f"https://{place.address}:{port}"
            self.ca_file = self.directory / "certificates" / "apiserver.crt"
            self.etcd = Server(
                "etcd",
                [
                    *place.entrance(),
                    programs["etcd"],
                    *_etcd_arguments(self.directory, self._etcd_url),
                ],
                self.directory / "etcd.log",
            )
            self.api_server = Server(
                "kube-apiserver",
                [
                    *place.entrance(),
                    programs["kube-apiserver"],
                    *_api_server_arguments(self.directory, self._etcd_url, place.address, port),
                    *_audit_arguments(self.directory, audit_log),
                    *arguments,
                ],
                self.directory / "kube-apiserver.log",
            )
            _write_tokens(self.directory / "tokens.csv")
        except BaseException:
            self._owned.close()
            raise

    def __enter__(self) -> Self:
        try:
            self.etcd.start(self._etcd_is_ready)
            self.start_api_server()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start_api_server(self) -> None:
        """Start the API server, on the port and with the certificates that it had before.

        Returns when it is ready and the namespaces that every cluster has are there.
        """
        self.api_server.start(self._api_server_is_ready)

    def stop_api_server(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop the API server; connections to its port are refused until it is started again."""
        self.api_server.stop(how)

    def back_up(self, backup: Path) -> None:
        """Copy what etcd has stored; it's held for that moment, and goes on."""
        self.etcd.signal(signal.SIGSTOP)
        try:
            shutil.copytree(self.directory / "etcd", backup)
        finally:
            self.etcd.signal(signal.SIGCONT)

    def restore(self, backup: Path) -> None:
        """Put back what was stored at the time of a backup, as Kubernetes' documents say to.

        The API server is stopped before and started after it.
        """
        self.api_server.stop(signal.SIGKILL)
        self.etcd.stop(signal.SIGKILL)
        shutil.rmtree(self.directory / "etcd")
        shutil.copytree(backup, self.directory / "etcd")
        self.etcd.start(self._etcd_is_ready)
        self.start_api_server()

    def close(self) -> None:
        """End both servers and remove their files."""
        self.api_server.close()
        self.etcd.close()
        self._owned.close()

    def api(self, user: User) -> Api:
        """The API as `user` sees it."""
        return Api(url=self.url, ca_file=self.ca_file, token=user.token, place=self.place)

    def kubeconfig(self, user: User) -> Path:
        """A kubeconfig file for `user`; it goes when the control plane does."""
        path = self.directory / f"{user.name.rpartition(':')[2]}.kubeconfig"
        path.write_text(kubeconfig_text(self.url, self.ca_file, user))
        path.chmod(0o600)
        return path

    def _etcd_is_ready(self) -> bool:
        host, _, port = self._etcd_url.removeprefix("http://").rpartition(":")
        with contextlib.suppress(OSError), self.place.inside():
            socket.create_connection((host, int(port)), timeout=1.0).close()
            return True
        return False

    def _api_server_is_ready(self) -> bool:
        if not self.ca_file.exists():
            return False
        api = self.api(ADMIN)
        with contextlib.suppress(OSError):
            return api.get("/readyz").ok and all(
                api.get(f"/api/v1/namespaces/{name}").ok for name in NAMESPACES
            )
        return False


def _etcd_arguments(directory: Path, url: str) -> list[str]:
    return [
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=http://{LOOPBACK}:0",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _api_server_arguments(directory: Path, etcd_url: str, address: str, port: int) -> list[str]:
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


def _audit_arguments(directory: Path, log: Path | None) -> list[str]:
    if log is None:
        return []
    policy = directory / "audit-policy.json"
    policy.write_text(json.dumps(AUDIT_POLICY))
    return [f"--audit-policy-file={policy}", f"--audit-log-path={log}"]


def _write_tokens(path: Path) -> None:
    with path.open("w", newline="") as file:
        for user in USERS:
            csv.writer(file).writerow([user.token, user.name, user.name, ",".join(user.groups)])


def kubeconfig_text(url: str, ca_file: Path, user: User, server_name: str = "") -> str:
    """A kubeconfig; `server_name` is what the certificate is for, where it's not in `url`."""
    name = "l2announcer-tests"
    cluster = {"server": url, "certificate-authority": str(ca_file)}
    if server_name:
        cluster["tls-server-name"] = server_name
    # JSON is YAML, and needs no library to write
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": user.name, "user": {"token": user.token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": user.name}}],
            "current-context": name,
        }
    )


def _free_port(address: str) -> int:
    for _ in range(100):
        port = random.randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port
    raise OSError(f"no free port between {PORTS[0]} and {PORTS[1]} on {address}")
