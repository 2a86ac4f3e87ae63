"""Our CRDs and the guide's manifests on a real API server: taken, refused, shown as they should."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.api import MERGE_PATCH, TABLE, Answer, Api
from tests.cluster.controlplane import ADMIN, ControlPlane
from tests.cluster.installation import CONFIG, apply, manifests, place

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POLICIES = "/apis/cilium.io/v2alpha1/ciliuml2announcementpolicies"
POOLS = "/apis/cilium.io/v2/ciliumloadbalancerippools"
OLD_POOLS = "/apis/cilium.io/v2alpha1/ciliumloadbalancerippools"
KINDS = {
    POLICIES: ("cilium.io/v2alpha1", "CiliumL2AnnouncementPolicy"),
    POOLS: ("cilium.io/v2", "CiliumLoadBalancerIPPool"),
    OLD_POOLS: ("cilium.io/v2alpha1", "CiliumLoadBalancerIPPool"),
}
SELECTORS = [(POLICIES, "serviceSelector"), (POLICIES, "nodeSelector"), (POOLS, "serviceSelector")]


@pytest.fixture
def api(control_plane: ControlPlane) -> Api:
    """The API with all rights."""
    return control_plane.api(ADMIN)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"config-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def pool(api: Api, name: str) -> Iterator[str]:
    """The path of a pool that goes with the test."""
    assert api.post(POOLS, _object(POOLS, name, {"blocks": [{"cidr": "192.0.2.0/28"}]})).ok
    yield f"{POOLS}/{name}"
    api.delete(f"{POOLS}/{name}")


def _object(collection: str, name: str, spec: object) -> dict[str, Any]:
    version, kind = KINDS[collection]
    whole = {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
    return whole if spec is None else whole | {"spec": spec}


def _try(api: Api, collection: str, spec: object) -> Answer:
    """What the server would say to such an object, without keeping it."""
    return api.post(
        f"{collection}?dryRun=All&fieldValidation=Strict", _object(collection, "tried", spec)
    )


def _condition(kind: str, **fields: object) -> dict[str, object]:
    return {
        "type": kind,
        "status": "Unknown",
        "reason": "noreason",
        "message": "",
        "lastTransitionTime": "2025-01-01T00:00:00Z",
    } | fields


@pytest.mark.parametrize(
    "definition", ["ciliuml2announcementpolicies.cilium.io", "ciliumloadbalancerippools.cilium.io"]
)
def test_a_definition_is_established_and_its_schema_has_no_flaw(api: Api, definition: str) -> None:
    conditions = api.get(f"{DEFINITIONS}/{definition}").body["status"]["conditions"]
    assert {each["type"]: each["status"] for each in conditions} == {
        "Established": "True",
        "NamesAccepted": "True",
    }


def test_pools_are_stored_as_v2(api: Api) -> None:
    status = api.get(f"{DEFINITIONS}/ciliumloadbalancerippools.cilium.io").body["status"]
    assert status["storedVersions"] == ["v2"]


def test_the_names_are_those_that_people_type(api: Api) -> None:
    def names(version: str) -> dict[str, Any]:
        resources = api.get(f"/apis/cilium.io/{version}").body["resources"]
        return {
            each["name"]: (
                each["singularName"],
                each.get("shortNames"),
                each.get("categories"),
                each["namespaced"],
            )
            for each in resources
            if "/" not in each["name"]
        }

    pools = (
        "ciliumloadbalancerippool",
        ["ippools", "ippool", "lbippool", "lbippools"],
        ["cilium"],
        False,
    )
    policies = ("ciliuml2announcementpolicy", ["l2announcement"], ["cilium"], False)
    assert names("v2") == {"ciliumloadbalancerippools": pools}
    assert names("v2alpha1") == {
        "ciliumloadbalancerippools": pools,
        "ciliuml2announcementpolicies": policies,
    }


def test_the_manifests_of_the_guide_apply_and_read_back(api: Api) -> None:
    files = ["apps-and-svcs.yaml", "ipam.yaml", "l2announce.yaml"]
    objects = [each for file in files for each in manifests(CONFIG / "examples" / file)]
    try:
        for manifest in objects:
            answer = apply(api, manifest)
            assert answer.ok, answer.body
        policy = api.get(f"{POLICIES}/l2announce-policy").body
        assert policy["spec"] == objects[-1]["spec"]
        for collection in (POOLS, OLD_POOLS):
            pool = api.get(f"{collection}/default-pool").body
            assert pool["apiVersion"] == KINDS[collection][0]
            assert pool["spec"] == objects[-2]["spec"] | {"disabled": False}
        service = api.get("/api/v1/namespaces/default/services/app1-service").body
        assert service["spec"]["type"] == "LoadBalancer"
    finally:
        for manifest in objects:
            api.delete(place(manifest))


def test_a_pool_that_was_written_as_v2_is_seen_through_v2alpha1(api: Api, pool: str) -> None:
    answer = api.get(pool.replace(POOLS, OLD_POOLS))
    assert answer.body["spec"] == {"blocks": [{"cidr": "192.0.2.0/28"}], "disabled": False}


def test_a_policy_has_no_defaults(api: Api) -> None:
    assert _try(api, POLICIES, {}).body["spec"] == {}


@pytest.mark.parametrize("collection", [POOLS, OLD_POOLS])
def test_the_columns_of_a_pool(api: Api, pool: str, collection: str) -> None:
    path = pool.replace(POOLS, collection)
    counts = [
        _condition("cilium.io/PoolConflict", status="False", reason="resolved"),
        _condition("cilium.io/IPsAvailable", message="14"),
    ]
    status = {"status": {"conditions": counts}}
    assert api.call("PATCH", f"{path}/status", status, sends=MERGE_PATCH).ok
    table = api.get(path, accepts=TABLE).body
    columns = [each["name"] for each in table["columnDefinitions"]]
    assert columns == ["Name", "Disabled", "Conflicting", "IPs Available", "Age"]
    assert table["rows"][0]["cells"][1:4] == [False, "False", "14"]


def test_the_columns_of_a_policy(api: Api) -> None:
    table = api.get(POLICIES, accepts=TABLE).body
    assert [each["name"] for each in table["columnDefinitions"]] == ["Name", "Age"]


def test_status_is_written_only_through_its_sub_resource(api: Api, pool: str) -> None:
    status = {"status": {"conditions": [_condition("cilium.io/IPsUsed", message="0")]}}
    assert "status" not in api.call("PATCH", pool, status, sends=MERGE_PATCH).body
    written = api.call("PATCH", f"{pool}/status", status, sends=MERGE_PATCH).body
    assert written["status"] == status["status"]
    assert written["metadata"]["generation"] == 1


def test_a_status_cannot_hold_two_conditions_of_one_type(api: Api, pool: str) -> None:
    twice = {"status": {"conditions": [_condition("cilium.io/IPsUsed")] * 2}}
    answer = api.call("PATCH", f"{pool}/status", twice, sends=MERGE_PATCH)
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert "Duplicate value" in answer.body["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "Perhaps"},
        {"reason": ""},
        {"reason": "not one word"},
        {"reason": "x" * 1025},
        {"message": "x" * 32769},
        {"message": None},
        {"type": "/"},
        {"type": "x" * 317},
        {"observedGeneration": -1},
        {"lastTransitionTime": "yesterday"},
    ],
    ids=lambda fields: ",".join(f"{key}={str(value)[:12]}" for key, value in fields.items()),
)
def test_a_condition_that_is_none_is_refused(
    api: Api, pool: str, fields: dict[str, object]
) -> None:
    bad = {"status": {"conditions": [_condition("cilium.io/IPsUsed") | fields]}}
    answer = api.call("PATCH", f"{pool}/status", bad, sends=MERGE_PATCH)
    assert answer.status == 422
    (field,) = fields
    assert f"status.conditions[0].{field}" in answer.body["message"]


@pytest.mark.parametrize(
    ("collection", "spec", "field"),
    [
        *(
            (collection, {selector: bad}, f"spec.{selector}.{field}")
            for collection, selector in SELECTORS
            for bad, field in [
                ({"matchLabels": {"app": "not a value"}}, "matchLabels.app"),
                ({"matchLabels": {"app": "x" * 64}}, "matchLabels.app"),
                ({"matchLabels": {"app": 1}}, "matchLabels.app"),
                ({"matchExpressions": [{"operator": "Exists"}]}, "matchExpressions[0].key"),
                ({"matchExpressions": [{"key": "app"}]}, "matchExpressions[0].operator"),
                (
                    {"matchExpressions": [{"key": "app", "operator": "Is"}]},
                    "matchExpressions[0].operator",
                ),
            ]
        ),
        (POLICIES, {"interfaces": "eth0"}, "spec.interfaces"),
        (POLICIES, {"externalIPs": "yes"}, "spec.externalIPs"),
        (POLICIES, {"loadBalancerIPs": 1}, "spec.loadBalancerIPs"),
        (POLICIES, {"interface": ["eth0"]}, "spec.interface"),
        (POOLS, {"blocks": [{"cidr": "192.0.2.0"}]}, "spec.blocks[0].cidr"),
        (POOLS, {"blocks": [{"cidr": "192.0.2.0/33"}]}, "spec.blocks[0].cidr"),
        (POOLS, {"cidrs": [{"cidr": "192.0.2.0/28"}]}, "spec.cidrs"),
        (POOLS, {"allowFirstLastIPs": "no"}, "spec.allowFirstLastIPs"),
        (POOLS, {"disabled": "true"}, "spec.disabled"),
    ],
)
def test_what_the_schema_can_judge_is_refused_by_the_fields_name(
    api: Api, collection: str, spec: object, field: str
) -> None:
    answer = _try(api, collection, spec)
    assert answer.status in {400, 422}
    assert field in answer.body["message"]


BAD_REQUIREMENTS: tuple[tuple[str, dict[str, list[str]]], ...] = (
    ("In", {}),
    ("NotIn", {"values": []}),
    ("Exists", {"values": ["x"]}),
    ("DoesNotExist", {"values": ["x"]}),
)


@pytest.mark.parametrize(
    ("collection", "spec", "words"),
    [
        *(
            (
                collection,
                {selector: {"matchExpressions": [{"key": "app", "operator": operator, **rest}]}},
                "need values",
            )
            for collection, selector in SELECTORS
            for operator, rest in BAD_REQUIREMENTS
        ),
        (POOLS, {"blocks": [{}]}, "no block has a cidr or a start"),
        (OLD_POOLS, {"blocks": [{}, {"stop": "192.0.2.1"}]}, "no block has a cidr or a start"),
    ],
)
def test_what_can_never_work_is_refused_with_a_sentence(
    api: Api, collection: str, spec: object, words: str
) -> None:
    answer = _try(api, collection, spec)
    assert answer.status == 422
    assert words in answer.body["message"]


@pytest.mark.parametrize(
    ("collection", "spec"),
    [
        *((collection, None) for collection in KINDS),
        *((collection, {}) for collection in KINDS),
        *(
            (collection, {selector: odd})
            for collection, selector in SELECTORS
            for odd in [
                {},
                {"matchLabels": {"not/a/key": "value"}},
                {"matchLabels": {"app": ""}},
                {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["x"]}]},
                {"matchExpressions": [{"key": "app", "operator": "Exists", "values": []}]},
                {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]},
                {"matchExpressions": [{"key": "app", "operator": "In", "values": ["not a value"]}]},
            ]
        ),
        (POLICIES, {"interfaces": []}),
        (POLICIES, {"interfaces": ["^eth(0"]}),
        (POOLS, {"blocks": []}),
        (POOLS, {"blocks": [{}, {"start": "192.0.2.1"}]}),
        (POOLS, {"blocks": [{"stop": "192.0.2.1"}, {"cidr": "192.0.2.7/28"}]}),
        (POOLS, {"blocks": [{"cidr": "192.0.2.7/28", "start": "192.0.2.1", "stop": "192.0.2.2"}]}),
        (POOLS, {"blocks": [{"cidr": "192.0.2.7/28"}, {"cidr": "2001:db8::/64"}]}),
        (POOLS, {"blocks": [{"start": "192.0.2.1"}]}),
        (POOLS, {"blocks": [{"start": "192.0.2.9", "stop": "192.0.2.1"}]}),
        (POOLS, {"blocks": [{"start": "not an address", "stop": "2001:db8::1"}]}),
        (POOLS, {"allowFirstLastIPs": "Yes"}),
        (POOLS, {"allowFirstLastIPs": "No"}),
    ],
)
def test_what_cilium_takes_is_taken(api: Api, collection: str, spec: object) -> None:
    answer = _try(api, collection, spec)
    assert answer.ok, answer.body["message"]
