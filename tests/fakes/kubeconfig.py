"""Kubeconfig files for a server of the tests."""

from pathlib import Path

import yaml


def write_kubeconfig(path: Path, url: str, token: str = "") -> Path:
    """Write a kubeconfig of one context, which is the current one; returns `path`."""
    user = {"token": token} if token else {}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path
