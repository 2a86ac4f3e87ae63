"""A CustomResourceDefinition for one test, with everything in it that the contract is about."""

import asyncio

from tests.cluster.contract.api import Api, Object

_SCHEMA: Object = {
    "type": "object",
    "required": ["metadata"],
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "format": "int64", "minimum": 0, "maximum": 9},
                "enabled": {"type": "boolean", "default": False},
                "choice": {"type": "string", "enum": ["Yes", "No"]},
                "network": {"type": "string", "format": "cidr"},
                "word": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "list": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["key"],
                        "properties": {
                            "key": {"type": "string"},
                            "kept": {"type": "string", "default": "d"},
                        },
                    },
                },
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "conditions": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                    "items": {
                        "type": "object",
                        "required": ["type", "lastTransitionTime"],
                        "properties": {
                            "type": {"type": "string"},
                            "lastTransitionTime": {"type": "string", "format": "date-time"},
                            "message": {"type": "string"},
                        },
                    },
                }
            },
        },
    },
}


def definition(group: str) -> Object:
    """Cluster-scoped Things of that group, stored as v2, served as v2 and v2alpha1."""
    version = {
        "served": True,
        "schema": {"openAPIV3Schema": _SCHEMA},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"kind": "Thing", "plural": "things", "shortNames": ["th"]},
            "versions": [
                version | {"name": "v2", "storage": True},
                version | {"name": "v2alpha1", "storage": False},
            ],
        },
    }


async def served(api: Api, path: str) -> None:
    """Wait until a collection is served: a real server takes a moment to do so."""
    await _answers(api, path, 200)


async def unserved(api: Api, path: str) -> None:
    """Wait until a collection is gone again."""
    await _answers(api, path, 404)


async def _answers(api: Api, path: str, code: int) -> None:
    async with asyncio.timeout(15):
        while (await api.get(path)).code != code:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)
