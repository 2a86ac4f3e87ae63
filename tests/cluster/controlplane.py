"""A real etcd and kube-apiserver, RBAC on, that leave nothing behind.

    with ControlPlane() as control_plane:
        answer = control_plane.api(ADMIN).get("/api/v1/services")

They are on loopback, or on a host of a lab, where its neighbours reach the API server. The programs
come from tests/cluster/build.py. There is no scheduler, no controller and no kubelet: nothing acts
on what is stored (tests/cluster/whole.py adds them).
"""

import base64
import contextlib
import csv
import json
import random
import shutil
import signal
import socket
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cluster.api import Api
from tests.cluster.arguments import (
    LOOPBACK,
    api_server_arguments,
    audit_arguments,
    etcd_arguments,
)
from tests.cluster.build import locate
from tests.cluster.directory import OwnedDirectory
from tests.cluster.etcd_relay import EtcdRelay
from tests.cluster.place import HERE, Place
from tests.cluster.server import Server

# below the range from which the kernel takes ports for outgoing connections, so that nobody gets
# the port while the API server is being restarted
PORTS = (20_000, 32_000)
LISTENING = "0A"  # in the kernel's table
ENOUGH = 12  # answers, of two servers that are picked by chance
NAMESPACES = ("default", "kube-system")


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
    on the address of `place` alone, and its certificate is for that. Where it's `relayed`, the API
    server can be kept from hearing of changes: `relay`.
    """

    def __init__(
        self,
        *,
        audit_log: Path | None = None,
        arguments: Sequence[str] = (),
        place: Place = HERE,
        relayed: bool = False,
    ) -> None:
        programs = locate("etcd", "kube-apiserver")
        self.place = place
        self._owned = OwnedDirectory()
        self.directory = self._owned.path
        self.relay: EtcdRelay | None = None
        try:
            with place.inside():
                etcd_port, port = _free_port(LOOPBACK), _free_port(place.address)
            self._etcd_url = etcd_url = f"http://{LOOPBACK}:{etcd_port}"
            if relayed:
                self.relay = EtcdRelay(place, LOOPBACK, etcd_port)
                etcd_url = f"http://{self.relay.at}"
            self.url = f"https://{place.address}:{port}"
            self.ca_file = self.directory / "certificates" / "apiserver.crt"
            self.etcd = Server(
                "etcd",
                [
                    *place.entrance(),
                    programs["etcd"],
                    *etcd_arguments(self.directory, self._etcd_url),
                ],
                self.directory / "etcd.log",
            )
            self._port = f":{port:04X}"  # as in the kernel's table
            self._api_server_command: list[str | Path] = [
                *place.entrance(),
                programs["kube-apiserver"],
                *api_server_arguments(self.directory, etcd_url, place.address, port),
                *audit_arguments(self.directory, audit_log),
                *arguments,
            ]
            self.api_server = self._another_api_server()
            _write_tokens(self.directory / "tokens.csv")
        except BaseException:
            self._owned.close()
            raise

    def __enter__(self) -> Self:
        try:
            if self.relay is not None:
                self.relay.start()
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

    def replace_api_server(self) -> None:
        """Start another API server on the same port, then stop the first in order.

        Its `arguments` must have had SHARED (tests.cluster.arguments). The new one knows nothing of
        what was before it was started.
        """
        first, another = self.api_server, self._another_api_server()
        try:
            another.start(partial(self._both_are_ready, another))
        except BaseException:
            another.close()
            raise
        self.api_server = another
        first.stop()
        first.close()

    def compact(self) -> None:
        """Have etcd forget what was before, as an API server tells it to every five minutes."""
        key = base64.b64encode(b"/compacted").decode()
        # whoever knows all that was before this is to know too little
        for _ in range(2):
            revision = self._etcd("put", {"key": key, "value": key})["header"]["revision"]
        self._etcd("compaction", {"revision": revision, "physical": True})

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
        if self.relay is not None:
            self.relay.close()
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

    def _another_api_server(self) -> Server:
        log = self.directory / "kube-apiserver.log"
        return Server("kube-apiserver", self._api_server_command, log)

    def _both_are_ready(self, another: Server) -> bool:
        """Do two servers listen, and has whichever of them was asked a few times been ready?"""
        table = Path(f"/proc/{another.pid}/net/tcp").read_text().splitlines()[1:]
        sockets = [tuple(line.split()[1:4:2]) for line in table]
        listening = [
            own for own, state in sockets if state == LISTENING and own.endswith(self._port)
        ]
        return len(listening) > 1 and all(self._api_server_is_ready() for _ in range(ENOUGH))

    def _etcd(self, call: str, asked: dict[str, Any]) -> Any:
        """A call about etcd's keys, by its gateway from HTTP."""
        request = urllib.request.Request(
            f"{self._etcd_url}/v3/kv/{call}", data=json.dumps(asked).encode()
        )
        with self.place.inside(), urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)

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
