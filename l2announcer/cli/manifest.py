"""Pools as somebody wrote them down: from a file, or from standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
import yaml

from l2announcer.core.model import Key, Kind, Pool
from l2announcer.kube import decode, schema
from l2announcer.kube.resources import API_KINDS

POOL = API_KINDS[Kind.POOL]
STANDARD_INPUT = "-"
YOUNGEST = "9999-12-31T23:59:59Z"  # what is not created yet is younger than all that is


class BadManifestError(Exception):
    """What is given as a pool's manifest is none; the sentence says where, and the cure."""


def pools(name: str) -> list[Pool]:
    """Read the pools of a YAML file, or of standard input ("-"). Raises BadManifestError."""
    text = _text(name)
    try:
        documents = [each for each in yaml.safe_load_all(text) if each is not None]
    except yaml.YAMLError as error:
        raise BadManifestError(f"{name} is not YAML: {' '.join(str(error).split())}") from error
    found = [
        _pool(name, each)
        for each in _flat(documents)
        if isinstance(each, dict) and each.get("kind") == POOL
    ]
    if not found:
        raise BadManifestError(f"{name} has no {POOL}; name the file of an edited or new pool")
    return found


def _flat(documents: list[Any]) -> Iterator[Any]:
    """Take lists apart, as `kubectl get -o yaml` prints them."""
    for each in documents:
        if isinstance(each, dict) and isinstance(each.get("items"), list):
            yield from each["items"]
        else:
            yield each


def _pool(name: str, document: dict[str, Any]) -> Pool:
    read = decode.decode(Kind.POOL, msgspec.json.encode(document, enc_hook=str))
    if not isinstance(read, Pool):
        raise BadManifestError(f"{name}: {getattr(read, 'sentence', f'this is no {POOL}')}")
    known = [field.encode_name for field in msgspec.structs.fields(schema.PoolSpec)]
    for field in document.get("spec") or {}:
        if field not in known:
            close = get_close_matches(str(field), known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise BadManifestError(f"{name}: {POOL} {read.key} has no field spec.{field}{hint}")
    return replace(read, key=Key("", read.key.name), uid="", created=YOUNGEST, deleting=False)


def _text(name: str) -> str:
    try:
        if name == STANDARD_INPUT:
            return sys.stdin.read()
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise BadManifestError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadManifestError(f"{name} is not text in UTF-8") from error
