"""Where the API server is and who we are to it: kubeconfig, in-cluster, or host and port.

Which source counts, first match:
1. a kubeconfig that is named (the setting, or $KUBECONFIG); a host and port that are named as well
   replace the server in it;
2. k8sServiceHost and k8sServicePort, with the service account's token and CA where they are
   mounted, else plain HTTP without credentials;
3. in-cluster: $KUBERNETES_SERVICE_HOST and the service account;
4. ~/.kube/config, where there is one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from l2announcer.kube.library import (
    ConfigException,
    Configuration,
    InClusterConfigLoader,
    load_kube_config,
)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

# What kubernetes_asyncio raises on a kubeconfig that has not the expected shape, or whose
# credential plug-in fails.
_MALFORMED = (
    ConfigException,
    yaml.YAMLError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


class ConfigurationError(Exception):
    """There is no usable way to the API server; the sentence says what was tried, and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What settings and environment say about the way to the API server.

    `kubeconfig` is a path, or several with ":" between; `host` a name, an address or a URL; empty
    and 0 are unset. `service_account` is the directory with `token` and `ca.crt`.
    """

    kubeconfig: str
    host: str
    port: int
    environ: Mapping[str, str]
    service_account: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A loaded configuration.

    `origin` says in words where it comes from, `authorization` is the header's value (or empty),
    and `files` are those whose change means that it must be loaded again.
    """

    configuration: Configuration
    origin: str
    authorization: str
    files: tuple[str, ...]

    @property
    def server(self) -> str:
        return self.configuration.host


async def load(source: Source) -> Access:
    """Read the configuration, credentials included. Raises ConfigurationError."""
    kubeconfig = source.kubeconfig or source.environ.get("KUBECONFIG", "")
    if kubeconfig:
        return await _from_kubeconfig(kubeconfig, source)
    if source.host:
        return _from_host(source)
    if source.environ.get("KUBERNETES_SERVICE_HOST"):
        return _from_service_account(source, source.environ, "the service account of this pod")
    default = Path(source.environ.get("HOME", "/root")) / ".kube" / "config"
    if default.exists():
        return await _from_kubeconfig(str(default), source)
    raise ConfigurationError(
        "no way to the Kubernetes API is configured: no kubeconfig is named, no k8sServiceHost,"
        f" $KUBERNETES_SERVICE_HOST is not set (not in a pod) and there is no {default};"
        " name a kubeconfig with --kubeconfig or $KUBECONFIG, or set k8sServiceHost and"
        " k8sServicePort"
    )


async def _from_kubeconfig(kubeconfig: str, source: Source) -> Access:
    present = _present(kubeconfig)
    if not present:
        raise ConfigurationError(
            f"the kubeconfig {kubeconfig} does not exist; name another with --kubeconfig or"
            " $KUBECONFIG"
        )
    configuration = _new()
    try:
        await load_kube_config(
            config_file=":".join(present),
            client_configuration=configuration,
            persist_config=False,
        )
    except OSError as error:
        raise ConfigurationError(
            f"the kubeconfig {kubeconfig} cannot be read: {error.strerror or error}"
            f" ({error.filename or kubeconfig}); check that this user (uid {os.getuid()}) may"
            " read the file, or name another with --kubeconfig"
        ) from error
    except _MALFORMED as error:
        raise ConfigurationError(
            f"the kubeconfig {kubeconfig} is not usable: {error}; check that"
            " `kubectl --kubeconfig` works with it, or name another with --kubeconfig"
        ) from error
    origin = f"the kubeconfig {kubeconfig}"
    if source.host:
        scheme = configuration.host.partition("://")[0]
        configuration.host = _url(scheme, source.host, source.port)
        origin += " with k8sServiceHost"
    return _access(configuration, origin, present)


def _present(kubeconfig: str) -> tuple[str, ...]:
    paths = [Path(part).expanduser() for part in kubeconfig.split(":") if part]
    return tuple(str(path) for path in paths if path.exists())


def _from_host(source: Source) -> Access:
    if (source.service_account / "token").is_file():
        environ = {
            "KUBERNETES_SERVICE_HOST": source.host,
            "KUBERNETES_SERVICE_PORT": str(source.port or 443),
        }
        return _from_service_account(source, environ, "k8sServiceHost and the service account")
    configuration = _new()
    configuration.host = _url("http", source.host, source.port)
    return _access(configuration, "k8sServiceHost", ())


def _from_service_account(source: Source, environ: Mapping[str, str], origin: str) -> Access:
    token, authority = source.service_account / "token", source.service_account / "ca.crt"
    configuration = _new()
    try:
        InClusterConfigLoader(
            str(token), str(authority), try_refresh_token=False, environ=environ
        ).load_and_set(configuration)
    except (ConfigException, OSError) as error:
        raise ConfigurationError(
            f"{origin} is not usable: {error} ({token}, {authority}); set"
            " automountServiceAccountToken: true, or name a kubeconfig with --kubeconfig"
        ) from error
    if "://" in source.host:
        configuration.host = _url("", source.host, source.port)
    return _access(configuration, origin, (str(token),))


def _new() -> Configuration:
    configuration = Configuration()
    # Cluster CAs often lack extensions that strict checking (the default from Python 3.13) asks
    # for; client-go does not ask for them, so a certificate that kubectl accepts works here too.
    configuration.disable_strict_ssl_verification = True
    return configuration


def _url(scheme: str, host: str, port: int) -> str:
    if "://" in host:
        return host.rstrip("/")
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{scheme}://{name}:{port}" if port else f"{scheme}://{name}"


def _access(configuration: Configuration, origin: str, files: tuple[str, ...]) -> Access:
    tls = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
    return Access(
        configuration=configuration,
        origin=origin,
        authorization=configuration.api_key.get("BearerToken", "").strip(),
        files=(*files, *(name for name in tls if name)),
    )


def fingerprint(files: tuple[str, ...]) -> tuple[tuple[int, int, int] | None, ...]:
    """Changes whenever one of the files was written or replaced, or the target of a symlink was."""
    return tuple(_stamp(name) for name in files)


def _stamp(name: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(name)  # noqa: PTH116  runs before every request; Path costs five times it
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
