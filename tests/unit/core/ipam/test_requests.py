"""Requests: families, addresses asked for by name, and whose Services are ours."""

from __future__ import annotations

from typing import Any

import pytest

from l2announcer.core.ipam.ranges import Family
from l2announcer.core.ipam.requests import Scope, request, serves
from l2announcer.core.model import Service
from tests.unit.core.ipam.store import svc

V4, V6 = Family.V4, Family.V6
NEW, OLD = "lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips"


def service(**fields: Any) -> Service:
    return Service(key=svc("web"), type="LoadBalancer", **fields)


@pytest.mark.parametrize(
    ("policy", "listed", "enabled", "expected"),
    [
        ("", (), {V4, V6}, (V4,)),
        ("", (), {V6}, (V6,)),
        ("", (), set(), ()),
        ("SingleStack", (), {V4, V6}, (V4,)),
        ("SingleStack", ("IPv6",), {V4, V6}, (V6,)),
        ("SingleStack", ("IPv6",), {V4}, (V6,)),
        ("", ("IPv6", "IPv4"), {V4, V6}, (V6,)),
        ("PreferDualStack", (), {V4, V6}, (V4, V6)),
        ("PreferDualStack", (), {V6}, (V6,)),
        ("PreferDualStack", ("IPv6", "IPv4"), {V4, V6}, (V4, V6)),
        ("PreferDualStack", ("IPv6",), {V4, V6}, (V6,)),
        ("PreferDualStack", ("IPv6", "IPv4"), {V4}, (V4,)),
        ("RequireDualStack", (), {V4, V6}, (V4, V6)),
        ("RequireDualStack", ("IPv4",), {V4, V6}, (V4, V6)),
        ("RequireDualStack", ("IPv4", "IPv6"), {V6}, (V6,)),
    ],
)
def test_families(
    policy: str, listed: tuple[str, ...], enabled: set[Family], expected: tuple[Family, ...]
) -> None:
    found = request(
        service(ip_family_policy=policy, ip_families=listed), Scope(families=frozenset(enabled))
    )
    assert found.families == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"load_balancer_ip": "10.0.0.9"}, ["10.0.0.9"]),
        (
            {"annotations": {NEW: "10.0.0.2, 10.0.0.1 ,fd00::1"}},
            ["10.0.0.2", "10.0.0.1", "fd00::1"],
        ),
        ({"annotations": {OLD: "10.0.0.3"}}, ["10.0.0.3"]),
        ({"annotations": {NEW: "10.0.0.4", OLD: "10.0.0.3"}}, ["10.0.0.4"]),
        ({"annotations": {NEW: "", OLD: "10.0.0.3"}}, []),
        ({"annotations": {NEW: "10.0.0.4,"}}, ["10.0.0.4"]),
        (
            {"load_balancer_ip": "10.0.0.1", "annotations": {NEW: "10.0.0.2,10.0.0.1,10.0.0.2"}},
            ["10.0.0.1", "10.0.0.2"],
        ),
    ],
)
def test_addresses_by_name(fields: dict[str, Any], expected: list[str]) -> None:
    found = request(service(**fields), Scope())
    assert [str(address) for address in found.addresses] == expected
    assert found.problem == ""


def test_what_cannot_be_read_is_named_with_its_place() -> None:
    found = request(
        service(load_balancer_ip="10.0.0", annotations={OLD: "10.0.0.1, nonsense"}), Scope()
    )
    assert [str(address) for address in found.addresses] == ["10.0.0.1"]
    assert "'10.0.0' in spec.loadBalancerIP is not an IP address" in found.problem
    assert f"'nonsense' in annotation {OLD} is not an IP address" in found.problem


@pytest.mark.parametrize(
    ("type_", "class_", "unclassed", "expected"),
    [
        ("LoadBalancer", None, True, True),
        ("LoadBalancer", None, False, False),
        ("LoadBalancer", "io.cilium/l2-announcer", False, True),
        ("LoadBalancer", "io.cilium/node", True, False),
        ("LoadBalancer", "", True, False),
        ("NodePort", None, True, False),
        ("ClusterIP", "io.cilium/l2-announcer", True, False),
    ],
)
def test_whose_service_it_is(
    type_: str, class_: str | None, unclassed: bool, expected: bool
) -> None:
    found = Service(key=svc("web"), type=type_, load_balancer_class=class_)
    assert serves(found, Scope(unclassed=unclassed)) is expected
