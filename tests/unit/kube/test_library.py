"""What importing kubernetes_asyncio costs: it must be its own few modules, not 767 models."""

import json
import subprocess
import sys

from l2announcer.kube.library import Configuration, InClusterConfigLoader, RESTClientObject

PROGRAM = """
import json, sys
import l2announcer.kube.client
names = [name for name in sys.modules if name.startswith("kubernetes_asyncio")]
print(json.dumps(names))
"""


def test_no_models_are_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=60
    )
    names = json.loads(done.stdout)
    assert "kubernetes_asyncio.config.kube_config" in names
    assert [name for name in names if ".models." in name or ".api." in name] == []
    assert len(names) < 20


def test_the_emptied_packages_give_what_the_library_needs() -> None:
    assert InClusterConfigLoader.__module__ == "kubernetes_asyncio.config.incluster_config"
    assert Configuration.__module__ == "kubernetes_asyncio.client.configuration"
    assert RESTClientObject.__module__ == "kubernetes_asyncio.client.rest"
