"""The parts of kubernetes_asyncio that we use, imported without its 767 models.

Importing the package, or any module of it, runs `kubernetes_asyncio/__init__.py` and
`kubernetes_asyncio/client/__init__.py`, which load every model of the Kubernetes API: 38 MB of
memory and most of the start-up time, for classes that we never touch (bytes are decoded straight
into our own structs). So empty packages are registered under these names first: the modules below
are then found on the same paths as ever, and nothing else is loaded. What the pinned version needs
of the emptied packages is the class `Configuration`, and the name `ApiClient` to be importable.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


def _register(name: str, *path: Path) -> ModuleType:
    package = ModuleType(name)
    package.__path__ = [str(part) for part in path]
    sys.modules[name] = package
    return package


def _empty_packages() -> None:
    spec = find_spec("kubernetes_asyncio")  # finds it, does not import it
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("kubernetes_asyncio is not installed", name="kubernetes_asyncio")
    root = Path(spec.submodule_search_locations[0])
    package = _register("kubernetes_asyncio", root)
    client = _register("kubernetes_asyncio.client", root / "client")
    models = _register("kubernetes_asyncio.client.models")
    configuration = importlib.import_module("kubernetes_asyncio.client.configuration")
    vars(package).update(client=client)
    vars(client).update(
        models=models,
        Configuration=configuration.Configuration,
        ApiClient=type("ApiClient", (), {}),
    )


if "kubernetes_asyncio" not in sys.modules:
    # The library asks for the home directory while it is loaded, and fails for a user without one.
    os.environ.setdefault("HOME", "/")
    _empty_packages()

from kubernetes_asyncio.client.configuration import Configuration  # noqa: E402  see above
from kubernetes_asyncio.client.rest import RESTClientObject  # noqa: E402  see above
from kubernetes_asyncio.config.config_exception import ConfigException  # noqa: E402  see above
from kubernetes_asyncio.config.incluster_config import (  # noqa: E402  see above
    InClusterConfigLoader,
)
from kubernetes_asyncio.config.kube_config import load_kube_config  # noqa: E402  see above

__all__ = [
    "ConfigException",
    "Configuration",
    "InClusterConfigLoader",
    "RESTClientObject",
    "load_kube_config",
]
