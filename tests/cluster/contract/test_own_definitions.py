"""Contract: the project's own definitions and example manifests, as a user applies them."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import yaml

from tests.cluster.contract.api import Api, Object, changed
from tests.cluster.contract.definitions import served

CONFIG = Path(__file__).parents[3] / "config"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POLICIES = "/apis/cilium.io/v2alpha1/ciliuml2announcementpolicies"
POOLS = "/apis/cilium.io/v2/ciliumloadbalancerippools"
OLD_POOLS = "/apis/cilium.io/v2alpha1/ciliumloadbalancerippools"

Named = Callable[[Object], Object]


@pytest.fixture
async def named(api: Api) -> AsyncIterator[Named]:
    """Gives an object a name of this test's own; whatever has it is removed afterwards."""
    for file in sorted((CONFIG / "crds").glob("*.yaml")):
        answer = await api.post(DEFINITIONS, yaml.safe_load(file.read_text()))
        assert answer.code in {201, 409}, answer.body
    for path in (POLICIES, POOLS, OLD_POOLS):
        await served(api, path)
    yield lambda obj: obj | {"metadata": {"name": api.namespace}}
    for path in (POLICIES, POOLS):
        await api.delete(f"{path}/{api.namespace}")


def example(name: str) -> Object:
    obj: Object = yaml.safe_load((CONFIG / "examples" / name).read_text())
    return obj


async def test_the_example_pool_is_one_object_in_both_versions(api: Api, named: Named) -> None:
    pool = named(example("ipam.yaml"))
    created = (await api.post(OLD_POOLS, pool, fieldValidation="Strict")).ok()
    assert created["spec"] == pool["spec"] | {"disabled": False}
    read = (await api.get(f"{POOLS}/{api.namespace}")).ok()
    assert read == created | {"apiVersion": "cilium.io/v2"}
    condition = {
        "type": "cilium.io/IPsAvailable",
        "status": "Unknown",
        "reason": "noreason",
        "message": "9",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "observedGeneration": 1,
    }
    status = {"status": {"conditions": [condition]}}
    written = (await api.patch(f"{POOLS}/{api.namespace}/status", status)).ok()
    assert written["status"] == status["status"]
    assert written["metadata"]["generation"] == 1


async def test_the_example_policy_is_accepted_as_it_stands(api: Api, named: Named) -> None:
    policy = named(example("l2announce.yaml"))
    created = (await api.post(POLICIES, policy, fieldValidation="Strict")).ok()
    assert created["spec"] == policy["spec"]
    bare = {"kind": policy["kind"], "apiVersion": policy["apiVersion"]}
    put = created | {"spec": {}}
    assert (await api.put(f"{POLICIES}/{api.namespace}", put)).ok()["spec"] == {}
    (await api.delete(f"{POLICIES}/{api.namespace}")).ok()
    assert "spec" not in (await api.post(POLICIES, named(bare))).ok()


async def test_policies_that_are_not_valid(api: Api, named: Named) -> None:
    policy = named(example("l2announce.yaml"))
    expression = {"key": "a", "operator": "Like"}
    for spec, field in (
        ({"interfaces": "eth0"}, "spec.interfaces"),
        ({"externalIPs": "yes"}, "spec.externalIPs"),
        (
            {"nodeSelector": {"matchExpressions": [expression]}},
            "spec.nodeSelector.matchExpressions[0].operator",
        ),
        ({"serviceSelector": {"matchLabels": {"a": "b c"}}}, "spec.serviceSelector.matchLabels.a"),
        (
            {"serviceSelector": {"matchLabels": {"a": "b" * 64}}},
            "spec.serviceSelector.matchLabels.a",
        ),
    ):
        status = (await api.post(POLICIES, changed(policy, **spec))).refused(422, "Invalid")
        assert field in [cause["field"] for cause in status["details"]["causes"]]


async def test_pools_that_are_not_valid(api: Api, named: Named) -> None:
    pool = named(example("ipam.yaml"))
    for spec, field in (
        ({"blocks": [{"cidr": "10.0.0.0"}]}, "spec.blocks[0].cidr"),
        ({"allowFirstLastIPs": "no"}, "spec.allowFirstLastIPs"),
        ({"disabled": 1}, "spec.disabled"),
    ):
        status = (await api.post(OLD_POOLS, changed(pool, **spec))).refused(422, "Invalid")
        assert field in [cause["field"] for cause in status["details"]["causes"]]
    unknown = changed(pool, cidrs=[])
    (await api.post(OLD_POOLS, unknown, fieldValidation="Strict")).refused(400, "BadRequest")
