"""Where the API server is: each way to say it, and a sentence for each way to get it wrong."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from l2announcer.kube.configuration import ConfigurationError, Source, fingerprint, load
from tests.fakes.kubeconfig import write_kubeconfig


def source(
    directory: Path,
    *,
    kubeconfig: str = "",
    host: str = "",
    port: int = 0,
    environ: Mapping[str, str] | None = None,
) -> Source:
    return Source(
        kubeconfig=kubeconfig,
        host=host,
        port=port,
        environ={"HOME": str(directory), **(environ or {})},
        service_account=directory / "serviceaccount",
    )


def mount(directory: Path, token: str = "secret\n") -> None:
    (directory / "serviceaccount").mkdir()
    (directory / "serviceaccount" / "token").write_text(token)
    (directory / "serviceaccount" / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\n")


async def test_named_kubeconfig(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "k", "http://192.0.2.1:6443", "abc")
    access = await load(source(tmp_path, kubeconfig=str(path)))
    assert access.server == "http://192.0.2.1:6443"
    assert access.authorization == "Bearer abc"
    assert access.files == (str(path),)
    assert str(path) in access.origin


async def test_kubeconfig_of_the_environment_may_be_several(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "k", "http://192.0.2.1:6443")
    environ = {"KUBECONFIG": f"{tmp_path}/missing:{path}"}
    access = await load(source(tmp_path, environ=environ))
    assert access.server == "http://192.0.2.1:6443"
    assert access.authorization == ""


async def test_host_replaces_the_server_of_a_kubeconfig(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "k", "http://192.0.2.1:6443", "abc")
    access = await load(source(tmp_path, kubeconfig=str(path), host="fd00::1", port=7443))
    assert access.server == "http://[fd00::1]:7443"
    assert access.authorization == "Bearer abc"


async def test_certificate_files_are_relative_to_the_kubeconfig(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "k", "https://192.0.2.1:6443")
    config = yaml.safe_load(path.read_text())
    config["clusters"][0]["cluster"]["certificate-authority"] = "ca.pem"
    config["users"][0]["user"] = {"client-certificate": "c.pem", "client-key": "c.key"}
    path.write_text(yaml.safe_dump(config))
    names = ("ca.pem", "c.pem", "c.key")
    for name in names:
        (tmp_path / name).write_text("x")
    access = await load(source(tmp_path, kubeconfig=str(path)))
    assert access.files == (str(path), *(str(tmp_path / name) for name in names))


async def test_host_and_port_with_a_service_account(tmp_path: Path) -> None:
    mount(tmp_path)
    access = await load(source(tmp_path, host="172.19.0.2", port=6443))
    assert access.server == "https://172.19.0.2:6443"
    assert access.authorization == "Bearer secret"
    assert access.files == tuple(
        str(tmp_path / "serviceaccount" / name) for name in ("token", "ca.crt")
    )


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [
        ("172.19.0.2", 8001, "http://172.19.0.2:8001"),
        ("fd00::2", 8001, "http://[fd00::2]:8001"),
        ("api.example.org", 0, "http://api.example.org"),
        ("https://api.example.org:6443/", 0, "https://api.example.org:6443"),
    ],
)
async def test_host_and_port_without_one(tmp_path: Path, host: str, port: int, server: str) -> None:
    access = await load(source(tmp_path, host=host, port=port))
    assert (access.server, access.authorization) == (server, "")


async def test_in_cluster(tmp_path: Path) -> None:
    mount(tmp_path)
    environ = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    access = await load(source(tmp_path, environ=environ))
    assert access.server == "https://10.96.0.1:443"
    assert access.authorization == "Bearer secret"


async def test_default_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    write_kubeconfig(tmp_path / ".kube" / "config", "http://192.0.2.1:6443")
    assert (await load(source(tmp_path))).server == "http://192.0.2.1:6443"


async def test_nothing_configured(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await load(source(tmp_path))
    for word in ("--kubeconfig", "$KUBECONFIG", "k8sServiceHost", str(tmp_path)):
        assert word in str(caught.value)


async def test_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere does not exist; name another with"):
        await load(source(tmp_path, kubeconfig=f"{tmp_path}/nowhere"))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "a: [", "clusters: 5", "current-context: x\ncontexts: []\nclusters: []\nusers: []"],
)
async def test_kubeconfig_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "k").write_text(text)
    with pytest.raises(ConfigurationError, match=r"the kubeconfig .*k is not usable: "):
        await load(source(tmp_path, kubeconfig=f"{tmp_path}/k"))


async def test_kubeconfig_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "k").mkdir()
    with pytest.raises(ConfigurationError, match=r"cannot be read: Is a directory .*uid"):
        await load(source(tmp_path, kubeconfig=f"{tmp_path}/k"))


async def test_in_cluster_without_a_token(tmp_path: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(ConfigurationError, match="automountServiceAccountToken"):
        await load(source(tmp_path, environ=environ))


def test_fingerprint_follows_symlinks(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    link = tmp_path / "token"
    link.symlink_to("one")
    before = fingerprint((str(link),))
    link.unlink()
    assert fingerprint((str(link),)) == (None,)
    link.symlink_to("two")
    assert fingerprint((str(link),)) not in {before, (None,)}
