"""Sharing: each of the five rules lets pass and refuses, both ways round."""

from __future__ import annotations

from typing import Any

import pytest

from l2announcer.core.ipam.sharing import obstacle, sharing
from l2announcer.core.model import Port, Service
from tests.unit.core.ipam.store import svc

KEY = "lbipam.cilium.io/sharing-key"
CROSS = "lbipam.cilium.io/sharing-cross-namespace"


def service(name: str, annotations: dict[str, str], **fields: Any) -> Service:
    return Service(key=svc(name), annotations={KEY: "k"} | annotations, **fields)


def why(one: Service, other: Service) -> str:
    there, back = obstacle(sharing(one), sharing(other)), obstacle(sharing(other), sharing(one))
    assert (there is None) is (back is None)
    return there or ""


def ports(*texts: str) -> tuple[Port, ...]:
    pairs = [text.split("/") for text in texts]
    return tuple(Port(port=int(port), protocol=protocol) for port, protocol in pairs)


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({}, {}, ""),
        ({}, {KEY: "other"}, "different sharing keys"),
        ({KEY: ""}, {KEY: ""}, "different sharing keys"),
        ({KEY: "", "io.cilium/lb-ipam-sharing-key": "k"}, {}, "different sharing keys"),
    ],
)
def test_keys(one: dict[str, str], other: dict[str, str], words: str) -> None:
    found = why(service("a", one), service("b", other))
    assert words in found
    assert bool(words) is bool(found)


def test_the_older_name_of_the_annotation_counts() -> None:
    old = Service(key=svc("a"), annotations={"io.cilium/lb-ipam-sharing-key": "k"})
    assert why(old, service("b", {})) == ""


@pytest.mark.parametrize(
    ("one", "other", "allowed"),
    [
        ("y", "x", True),
        ("z, y", "x", True),
        ("y", "*", True),
        ("*", "*", True),
        ("y", "", False),
        ("", "*", False),
        ("", "", False),
        ("z", "*", False),
    ],
)
def test_namespaces(one: str, other: str, allowed: bool) -> None:
    found = why(service("x/a", {CROSS: one}), service("y/b", {CROSS: other}))
    assert (found == "") is allowed
    if not allowed:
        assert "different namespaces" in found


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (["80/TCP"], ["81/TCP"], ""),
        (["53/TCP"], ["53/UDP"], ""),
        ([], ["80/TCP"], ""),
        (["80/TCP", "53/UDP"], ["53/UDP"], "both use port 53/UDP"),
    ],
)
def test_ports(one: list[str], other: list[str], words: str) -> None:
    found = why(service("a", {}, ports=ports(*one)), service("b", {}, ports=ports(*other)))
    assert found == words


def test_traffic_policies() -> None:
    local = {"external_traffic_policy": "Local", "selector": {"app": "x"}}
    assert why(service("a", {}), service("b", {}, external_traffic_policy="Cluster")) == ""
    assert "externalTrafficPolicy differs" in why(service("a", {}), service("b", {}, **local))
    assert why(service("a", {}, **local), service("b", {}, **local)) == ""


@pytest.mark.parametrize(("one", "other"), [({"app": "x"}, {"app": "y"}), ({}, {})])
def test_local_needs_the_same_pods(one: dict[str, str], other: dict[str, str]) -> None:
    found = why(
        service("a", {}, external_traffic_policy="Local", selector=one),
        service("b", {}, external_traffic_policy="Local", selector=other),
    )
    assert "must select the same Pods" in found
