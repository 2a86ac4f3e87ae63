"""The credentials of a pod, as a kubelet lays them for it: the token of its service account.

A token is bound to a Secret, and the API server refuses it once that is gone, as it refuses one
that has expired: with 401 to whatever is asked from then on (what it found good it remembers for
10 seconds).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.cluster.api import Api
from tests.cluster.controlplane import ControlPlane
from tests.cluster.daemon.site import Site

SECRETS = "/api/v1/namespaces/kube-system/secrets"
TOKENS = "/api/v1/namespaces/kube-system/serviceaccounts/l2announcer/token"
EXPIRATION_SECONDS = 600  # the least that an API server grants
# In a mount namespace of its own the process finds the directory where a pod has it; /run may lack
# the way there, and is not ours to change.
ENTER = """\
mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io
ln -s "$1" /run/secrets/kubernetes.io/serviceaccount && shift && exec "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What proves to the API server that one is the daemon's service account."""

    text: str
    secret: str  # the name of what it's bound to


class ServiceAccount:
    """A directory that pods have mounted, and the tokens that lay in it."""

    def __init__(self, site: Site, directory: Path) -> None:
        self.site = site
        self._directory = directory
        self.token = self._issue()
        self._lay()
        for name in ("token", "ca.crt"):
            (directory / name).symlink_to(f"..data/{name}")

    def rotate(self) -> None:
        """Put a new token in the place of the old one, in one instant."""
        self.token = self._issue()
        self._lay()

    def revoke(self, token: Token) -> None:
        """Have the API server refuse a token; returns once it does."""
        self.site.api.delete(f"{SECRETS}/{token.secret}")
        plane = self.site.control_plane
        self.site.until("it is refused", lambda: self._refuses(plane, token))

    def pod(self) -> tuple[list[str], dict[str, str]]:
        """What to put in front of the command of a pod, and its environment."""
        host, _, port = self.site.control_plane.url.removeprefix("https://").rpartition(":")
        command = ["unshare", "-m", "sh", "-ec", ENTER, "pod", str(self._directory)]
        return command, {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}

    def _issue(self) -> Token:
        api, name = self.site.api, f"pod-{self.site.next_number()}"
        made = api.post(SECRETS, {"metadata": {"name": name}})
        assert made.ok, made
        bound = {
            "apiVersion": "v1",
            "kind": "Secret",
            "name": name,
            "uid": made.body["metadata"]["uid"],
        }
        spec = {"expirationSeconds": EXPIRATION_SECONDS, "boundObjectRef": bound}
        issued = api.post(TOKENS, {"spec": spec})
        assert issued.ok, issued
        return Token(text=issued.body["status"]["token"], secret=name)

    def _lay(self) -> None:
        version = self._directory / f"..{self.token.secret}"
        version.mkdir()
        (version / "token").write_text(self.token.text)
        (version / "ca.crt").write_bytes(self.site.control_plane.ca_file.read_bytes())
        (self._directory / "..data_tmp").symlink_to(version.name)
        (self._directory / "..data_tmp").rename(self._directory / "..data")

    def _refuses(self, plane: ControlPlane, token: Token) -> bool:
        api = Api(url=plane.url, ca_file=plane.ca_file, token=token.text, place=plane.place)
        return api.get("/api").status == 401
