"""Which Services are given an address by the node that is the controller."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l2announcer.core.announcer import Announcer, Config
from l2announcer.core.facts import HostsRead, Listed, Seen
from l2announcer.core.model import Block, Key, Kind, Pool, Service
from tests.scenarios.driver import Driver

POOL = Pool(key=Key("", "p"), resource_version="1", blocks=(Block(cidr="192.0.2.0/28"),))
PLAIN = Service(key=Key("default", "plain"), type="LoadBalancer", ip_families=("IPv4",))
CLASSED = replace(
    PLAIN, key=Key("default", "classed"), load_balancer_class="io.cilium/l2-announcer"
)


@pytest.mark.parametrize(
    ("serves_unclassed", "given"), [(True, {PLAIN.key, CLASSED.key}), (False, {CLASSED.key})]
)
def test_services_without_a_class_are_ours_where_the_setting_says_so(
    *, serves_unclassed: bool, given: set[Key]
) -> None:
    node = Driver()
    config: Config = replace(node.announcer.config, lb_ipam=True, serves_unclassed=serves_unclassed)
    node.announcer = Announcer(config)
    node.warm()
    node.handle(Listed(Kind.POOL, (POOL,), "1"))
    for service in (PLAIN, CLASSED):
        node.handle(Seen(Kind.SERVICE, node.stamped(service)))
    node.settle()
    node.handle(HostsRead({}))
    node.settle()
    assert {write.key for write in node.statuses if write.kind is Kind.SERVICE} == given
