"""Contract: custom resources, from the installation of their definition to their removal."""

from collections.abc import AsyncIterator

import pytest

from tests.cluster.contract.api import JSON_PATCH, STRATEGIC, Api, Object, changed
from tests.cluster.contract.definitions import definition, served, unserved

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TRANSITION = {"type": "Ready", "lastTransitionTime": "2026-01-02T03:04:05Z"}


@pytest.fixture
async def group(api: Api) -> AsyncIterator[str]:
    """An API group of this test's own in which Things are served."""
    group = f"{api.namespace}.example.com"
    (await api.post(DEFINITIONS, definition(group))).ok()
    await served(api, f"/apis/{group}/v2/things")
    await served(api, f"/apis/{group}/v2alpha1/things")
    yield group
    await api.delete(f"{DEFINITIONS}/things.{group}")


@pytest.fixture
def things(group: str) -> str:
    """The path of the collection in its stored version."""
    return f"/apis/{group}/v2/things"


def thing(name: str, **spec: object) -> Object:
    return {"kind": "Thing", "metadata": {"name": name}, "spec": spec}


def named(obj: Object, path: str) -> Object:
    """The object with the apiVersion that the path is of."""
    _, _, group, version, _ = path.split("/")
    return obj | {"apiVersion": f"{group}/{version}"}


async def test_a_kind_is_served_from_its_definition_to_its_end(api: Api) -> None:
    group = f"{api.namespace}.example.com"
    path = f"/apis/{group}/v2/things"
    assert (await api.get(path)).code == 404
    created = (await api.post(DEFINITIONS, definition(group))).ok()
    assert created["metadata"]["generation"] == 1
    await served(api, path)
    installed = (await api.get(f"{DEFINITIONS}/things.{group}")).ok()
    conditions = {one["type"]: one["status"] for one in installed["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert installed["status"]["storedVersions"] == ["v2"]
    assert installed["status"]["acceptedNames"]["singular"] == "thing"
    assert installed["spec"]["conversion"] == {"strategy": "None"}
    (await api.post(path, named(thing("a"), path))).ok()
    (await api.delete(f"{DEFINITIONS}/things.{group}")).ok()
    await unserved(api, path)


async def test_discovery_names_the_kind(api: Api, group: str) -> None:
    listed = (await api.get(f"/apis/{group}/v2")).ok()
    assert listed["kind"] == "APIResourceList"
    assert listed["groupVersion"] == f"{group}/v2"
    resources = {one["name"]: one for one in listed["resources"]}
    assert resources.keys() == {"things", "things/status"}
    assert resources["things"]["kind"] == "Thing"
    assert resources["things"]["namespaced"] is False
    assert resources["things"]["shortNames"] == ["th"]
    assert {"create", "get", "list", "patch", "update", "watch"} <= set(
        resources["things"]["verbs"]
    )
    found = (await api.get(f"/apis/{group}")).ok()
    assert [one["version"] for one in found["versions"]] == ["v2", "v2alpha1"]
    assert found["preferredVersion"]["version"] == "v2"
    groups = [one["name"] for one in (await api.get("/apis")).ok()["groups"]]
    assert group in groups


async def test_both_versions_show_the_same_object(api: Api, group: str) -> None:
    old, new = (f"/apis/{group}/{version}/things" for version in ("v2alpha1", "v2"))
    created = (await api.post(old, named(thing("a", size=1), old))).ok()
    assert created["apiVersion"] == f"{group}/v2alpha1"
    read = (await api.get(f"{new}/a")).ok()
    assert read == created | {"apiVersion": f"{group}/v2"}
    (await api.put(f"{new}/a", changed(read, size=2))).ok()
    listed = (await api.get(old)).ok()
    assert listed["kind"] == "ThingList"
    assert listed["metadata"]["continue"] == ""
    assert [one["apiVersion"] for one in listed["items"]] == [f"{group}/v2alpha1"]
    assert listed["items"][0]["kind"] == "Thing"
    assert listed["items"][0]["spec"]["size"] == 2
    version = listed["metadata"]["resourceVersion"]
    (await api.patch(f"{new}/a", {"spec": {"size": 3}})).ok()
    async with api.watch(old, resourceVersion=version) as watch:
        event = await watch.next()
    assert event is not None
    assert event["object"]["apiVersion"] == f"{group}/v2alpha1"
    (await api.put(f"{new}/a", changed(created, size=4))).refused(400, "BadRequest")


async def test_defaults_fill_what_is_missing(api: Api, things: str) -> None:
    body = named(thing("a", list=[{"key": "x"}, {"key": "y", "kept": "z"}]), things)
    created = (await api.post(things, body)).ok()
    assert created["spec"] == {
        "enabled": False,
        "list": [{"key": "x", "kept": "d"}, {"key": "y", "kept": "z"}],
    }
    bare = named({"kind": "Thing", "metadata": {"name": "b"}}, things)
    assert "spec" not in (await api.post(things, bare)).ok()


async def test_unknown_fields_are_dropped_or_refused(api: Api, things: str) -> None:
    body = named(thing("a", size=1, unknown=1, labels={"any": "value"}), things) | {"extra": 1}
    strict = await api.post(things, body, fieldValidation="Strict")
    message = strict.refused(400, "BadRequest")["message"]
    assert 'unknown field "extra"' in message
    assert 'unknown field "spec.unknown"' in message
    created = (await api.post(things, body, fieldValidation="Ignore")).ok()
    assert created["spec"] == {"size": 1, "enabled": False, "labels": {"any": "value"}}
    assert "extra" not in created


INVALID: dict[str, tuple[Object, str, str, str]] = {
    "type": (
        {"enabled": "yes"},
        "spec.enabled",
        "FieldValueTypeInvalid",
        'Invalid value: "string": spec.enabled in body must be of type boolean: "string"',
    ),
    "enum": (
        {"choice": "Maybe"},
        "spec.choice",
        "FieldValueNotSupported",
        'Unsupported value: "Maybe": supported values: "Yes", "No"',
    ),
    "format": (
        {"network": "10.0.0.0"},
        "spec.network",
        "FieldValueTypeInvalid",
        'Invalid value: "10.0.0.0": spec.network in body must be of type cidr: "10.0.0.0"',
    ),
    "pattern": (
        {"word": "A"},
        "spec.word",
        "FieldValueInvalid",
        "Invalid value: \"A\": spec.word in body should match '^[a-z]+$'",
    ),
    "length": (
        {"word": "abcdef"},
        "spec.word",
        "FieldValueTooLong",
        "Too long: may not be more than 5 bytes",
    ),
    "minimum": (
        {"size": -1},
        "spec.size",
        "FieldValueInvalid",
        "Invalid value: -1: spec.size in body should be greater than or equal to 0",
    ),
    "maximum": (
        {"size": 10},
        "spec.size",
        "FieldValueInvalid",
        "Invalid value: 10: spec.size in body should be less than or equal to 9",
    ),
    "required": ({"list": [{}]}, "spec.list[0].key", "FieldValueRequired", "Required value"),
    "values": (
        {"labels": {"a": 1}},
        "spec.labels.a",
        "FieldValueTypeInvalid",
        'Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
    ),
    "array": (
        {"list": {}},
        "spec.list",
        "FieldValueTypeInvalid",
        'Invalid value: "object": spec.list in body must be of type array: "object"',
    ),
}


async def test_values_that_the_schema_forbids_are_invalid(api: Api, things: str) -> None:
    for name, (spec, field, reason, text) in INVALID.items():
        status = (await api.post(things, named(thing(name, **spec), things))).refused(
            422, "Invalid"
        )
        assert {"field": field, "reason": reason, "message": text} in status["details"]["causes"]
        assert status["details"]["kind"] == "Thing"
        assert f'"{name}" is invalid: ' in status["message"]
        assert f"{field}: {text}" in status["message"]


async def test_valid_values_are_accepted(api: Api, things: str) -> None:
    for number, network in enumerate(("10.0.0.0/8", "10.0.0.1/8", "2001:db8::/32")):
        spec = {"network": network, "word": "abcde", "size": 9, "choice": "No", "enabled": True}
        (await api.post(things, named(thing(f"v{number}", **spec), things))).ok()


async def test_status_and_spec_are_written_apart(api: Api, things: str) -> None:
    status = {"conditions": [TRANSITION]}
    body = named(thing("a", size=1), things) | {"status": status}
    created = (await api.post(things, body)).ok()
    assert "status" not in created
    reported = created | {"status": status, "spec": {"size": 2}}
    reported["metadata"] = created["metadata"] | {"labels": {"a": "b"}}
    written = (await api.put(f"{things}/a/status", reported)).ok()
    assert written["status"] == status
    assert written["spec"] == {"size": 1, "enabled": False}
    assert "labels" not in written["metadata"]
    replaced = (await api.put(f"{things}/a", changed(written, size=3) | {"status": {}})).ok()
    assert replaced["status"] == status
    assert replaced["spec"]["size"] == 3
    (await api.put(f"{things}/a/status", written)).refused(409, "Conflict")
    patch = {"spec": {"size": 4}, "status": {"conditions": None}}
    patched = (await api.patch(f"{things}/a/status", patch)).ok()
    assert patched["spec"]["size"] == 3
    assert patched["status"] == {}
    assert (await api.get(f"{things}/a/status")).ok() == patched


async def test_the_status_is_validated_too(api: Api, things: str) -> None:
    (await api.post(things, named(thing("a"), things))).ok()
    twice = {"status": {"conditions": [TRANSITION, TRANSITION]}}
    status = (await api.patch(f"{things}/a/status", twice)).refused(422, "Invalid")
    causes = status["details"]["causes"]
    assert [(one["field"], one["reason"]) for one in causes] == [
        ("status.conditions[1]", "FieldValueDuplicate")
    ]
    bad_time = TRANSITION | {"lastTransitionTime": "yesterday"}
    answer = await api.patch(f"{things}/a/status", {"status": {"conditions": [bad_time]}})
    field = answer.refused(422, "Invalid")["details"]["causes"][0]["field"]
    assert field == "status.conditions[0].lastTransitionTime"


async def test_generation_counts_changes_of_the_spec_alone(api: Api, things: str) -> None:
    created = (await api.post(things, named(thing("a", size=1), things))).ok()
    path = f"{things}/a"
    assert created["metadata"]["generation"] == 1
    labelled = (await api.patch(path, {"metadata": {"labels": {"a": "b"}}})).ok()
    assert labelled["metadata"]["generation"] == 1
    status = {"status": {"conditions": [TRANSITION]}}
    assert (await api.patch(f"{path}/status", status)).ok()["metadata"]["generation"] == 1
    resized = (await api.patch(path, {"spec": {"size": 2}})).ok()
    assert resized["metadata"]["generation"] == 2
    forged = resized | {"metadata": resized["metadata"] | {"generation": 7}}
    assert (await api.put(path, forged)).ok()["metadata"]["generation"] == 2


async def test_a_put_needs_a_version(api: Api, things: str) -> None:
    created = (await api.post(things, named(thing("a"), things))).ok()
    del created["metadata"]["resourceVersion"]
    status = (await api.put(f"{things}/a", created)).refused(422, "Invalid")
    assert status["details"]["causes"][0]["field"] == "metadata.resourceVersion"
    (await api.put(f"{things}/b", named(thing("b"), things))).refused(404, "NotFound")


async def test_a_put_of_a_deleted_incarnation_is_a_conflict(api: Api, things: str) -> None:
    created = (await api.post(things, named(thing("a"), things))).ok()
    (await api.delete(f"{things}/a")).ok()
    (await api.put(f"{things}/a", created)).refused(409, "Conflict")
    (await api.put(f"{things}/a/status", created)).refused(409, "Conflict")
    del created["metadata"]["uid"]
    (await api.put(f"{things}/a", created)).refused(404, "NotFound")


async def test_a_custom_resource_says_what_it_is(api: Api, things: str) -> None:
    (await api.post(things, {"metadata": {"name": "a"}})).refused(400, "BadRequest")
    wrong = {"apiVersion": "other.example.com/v2", "kind": "Thing", "metadata": {"name": "a"}}
    (await api.post(things, wrong)).refused(400, "BadRequest")


async def test_validity_comes_before_existence(api: Api, things: str) -> None:
    (await api.post(things, named(thing("a"), things))).ok()
    (await api.post(things, named(thing("a", size=-1), things))).refused(422, "Invalid")
    (await api.post(things, named(thing("a"), things))).refused(409, "AlreadyExists")


async def test_patches_of_custom_resources(api: Api, things: str) -> None:
    (await api.post(things, named(thing("a", size=1), things))).ok()
    steps = [
        {"op": "test", "path": "/spec/size", "value": 1},
        {"op": "replace", "path": "/spec/size", "value": 2},
    ]
    assert (await api.patch(f"{things}/a", steps, JSON_PATCH)).ok()["spec"]["size"] == 2
    (await api.patch(f"{things}/a", steps, JSON_PATCH)).refused(422, "Invalid")
    (await api.patch(f"{things}/a", {"spec": {"size": 99}})).refused(422, "Invalid")
    strategic = await api.patch(f"{things}/a", {"spec": {"size": 3}}, STRATEGIC)
    strategic.refused(415, "UnsupportedMediaType")


async def test_a_watch_from_before_all_history_is_told_so(api: Api, things: str) -> None:
    (await api.post(things, named(thing("a"), things))).ok()
    async with api.watch(things, resourceVersion="1", timeoutSeconds=10) as watch:
        line = await watch.line()
    assert line is not None
    assert line["type"] == "ERROR"
    status = line["object"]
    assert status["kind"] == "Status"
    assert (status["code"], status["reason"], status["status"]) == (410, "Expired", "Failure")
