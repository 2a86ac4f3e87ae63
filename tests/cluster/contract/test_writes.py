"""Contract: what a write changes, and which writes are refused."""

from tests.cluster.contract.api import JSON_PATCH, STRATEGIC, Api, Object, changed, config_map

RENEWED = "2026-01-02T03:04:05.000006Z"


async def test_a_new_object_gets_its_metadata_from_the_server(api: Api) -> None:
    lease = await api.lease("new", holderIdentity="n1")
    meta = lease["metadata"]
    assert lease["kind"] == "Lease"
    assert lease["apiVersion"] == "coordination.k8s.io/v1"
    assert meta["namespace"] == api.namespace
    assert len(meta["uid"]) == 36
    assert meta["creationTimestamp"].endswith("Z")
    assert len(meta["creationTimestamp"]) == 20
    assert int(meta["resourceVersion"]) > 0
    assert "generation" not in meta


async def test_generate_name_appends_five_characters(api: Api) -> None:
    body = {"metadata": {"generateName": "made-"}}
    first, second = [(await api.post(api.leases, body)).ok() for _ in range(2)]
    names = {obj["metadata"]["name"] for obj in (first, second)}
    assert len(names) == 2
    assert all(name.startswith("made-") and len(name) == 10 for name in names)


async def test_posting_what_exists_is_a_conflict(api: Api) -> None:
    await api.lease("twice")
    again = await api.post(api.leases, {"metadata": {"name": "twice"}})
    status = again.refused(409, "AlreadyExists")
    assert status["details"] == {"name": "twice", "group": "coordination.k8s.io", "kind": "leases"}
    assert status["message"] == 'leases.coordination.k8s.io "twice" already exists'


async def test_posting_with_a_version_is_refused(api: Api) -> None:
    body = {"metadata": {"name": "early", "resourceVersion": "7"}}
    answer = await api.post(api.leases, body)
    assert answer.code == 500
    assert "resourceVersion should not be set" in answer.body["message"]


async def test_posting_into_a_namespace_that_is_missing_is_not_found(api: Api) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/nowhere/leases"
    status = (await api.post(path, {"metadata": {"name": "x"}})).refused(404, "NotFound")
    assert status["message"] == 'namespaces "nowhere" not found'


async def test_the_namespace_of_the_body_must_be_that_of_the_path(api: Api) -> None:
    body = {"metadata": {"name": "x", "namespace": "other"}}
    (await api.post(api.leases, body)).refused(400, "BadRequest")


async def test_kind_and_version_of_the_body_must_be_those_of_the_path(api: Api) -> None:
    wrong = {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "x"}}
    (await api.post(api.leases, wrong)).refused(400, "BadRequest")


async def test_a_name_that_is_no_subdomain_is_invalid(api: Api) -> None:
    status = (await api.post(api.leases, {"metadata": {"name": "No_Good"}})).refused(422, "Invalid")
    assert [cause["field"] for cause in status["details"]["causes"]] == ["metadata.name"]
    assert status["details"]["kind"] == "Lease"


async def test_a_put_with_the_current_version_is_accepted_and_moves_it(api: Api) -> None:
    lease = await api.lease("moved", holderIdentity="n1")
    answer = await api.put(f"{api.leases}/moved", changed(lease, holderIdentity="n2"))
    assert answer.code == 200
    assert int(answer.version) > int(lease["metadata"]["resourceVersion"])
    assert answer.body["metadata"]["uid"] == lease["metadata"]["uid"]
    read = (await api.get(f"{api.leases}/moved")).ok()
    assert read["spec"] == {"holderIdentity": "n2"}


async def test_a_put_with_a_stale_version_is_a_conflict_and_changes_nothing(api: Api) -> None:
    lease = await api.lease("stale", holderIdentity="n1")
    won = (await api.put(f"{api.leases}/stale", changed(lease, holderIdentity="n2"))).ok()
    lost = await api.put(f"{api.leases}/stale", changed(lease, holderIdentity="n3"))
    status = lost.refused(409, "Conflict")
    assert status["details"] == {"name": "stale", "group": "coordination.k8s.io", "kind": "leases"}
    assert "the object has been modified" in status["message"]
    assert (await api.get(f"{api.leases}/stale")).body == won


async def test_a_put_that_changes_nothing_keeps_the_version(api: Api) -> None:
    lease = await api.lease("same", holderIdentity="n1", renewTime=RENEWED)
    again = await api.put(f"{api.leases}/same", lease)
    assert again.ok()["metadata"]["resourceVersion"] == lease["metadata"]["resourceVersion"]


async def test_a_put_without_a_version_is_refused_where_the_kind_asks_for_one(api: Api) -> None:
    lease = await api.lease("blind", holderIdentity="n1")
    del lease["metadata"]["resourceVersion"]
    status = (await api.put(f"{api.leases}/blind", lease)).refused(422, "Invalid")
    assert status["details"]["causes"][0]["field"] == "metadata.resourceVersion"
    assert status["details"]["kind"] == "leases"


async def test_a_put_without_a_version_overwrites_where_the_kind_allows_it(api: Api) -> None:
    await api.config_map("open")
    body = config_map("open") | {"data": {"key": "other"}}
    assert (await api.put(f"{api.config_maps}/open", body)).ok()["data"] == {"key": "other"}


async def test_a_put_under_another_name_is_refused(api: Api) -> None:
    lease = await api.lease("one")
    (await api.put(f"{api.leases}/other", lease)).refused(400, "BadRequest")


async def test_a_put_of_another_incarnation_is_a_conflict(api: Api) -> None:
    first = await api.lease("reborn", holderIdentity="n1")
    (await api.delete(f"{api.leases}/reborn")).ok()
    second = await api.lease("reborn", holderIdentity="n2")
    version = second["metadata"]["resourceVersion"]
    mixed = first | {"metadata": first["metadata"] | {"resourceVersion": version}}
    status = (await api.put(f"{api.leases}/reborn", mixed)).refused(409, "Conflict")
    assert "UID in precondition" in status["message"]


async def test_a_put_of_a_lease_that_was_deleted_is_a_conflict(api: Api) -> None:
    lease = await api.lease("gone", holderIdentity="n1")
    (await api.delete(f"{api.leases}/gone")).ok()
    put = await api.put(f"{api.leases}/gone", changed(lease, holderIdentity="n2"))
    put.refused(409, "Conflict")
    (await api.get(f"{api.leases}/gone")).refused(404, "NotFound")


async def test_a_put_of_a_lease_that_never_was_creates_it(api: Api) -> None:
    body = {"metadata": {"name": "put"}, "spec": {"holderIdentity": "n1"}}
    answer = await api.put(f"{api.leases}/put", body)
    assert answer.code == 201
    assert answer.body["spec"] == {"holderIdentity": "n1"}


async def test_a_put_of_what_never_was_is_not_found_elsewhere(api: Api) -> None:
    put = await api.put(f"{api.config_maps}/put", config_map("put"))
    put.refused(404, "NotFound")


async def test_what_is_deleted_is_gone(api: Api) -> None:
    lease = await api.lease("brief")
    status = (await api.delete(f"{api.leases}/brief")).ok()
    assert status["kind"] == "Status"
    assert status["status"] == "Success"
    assert status["details"]["uid"] == lease["metadata"]["uid"]
    gone = (await api.get(f"{api.leases}/brief")).refused(404, "NotFound")
    assert gone["message"] == 'leases.coordination.k8s.io "brief" not found'
    assert gone["details"] == {"name": "brief", "group": "coordination.k8s.io", "kind": "leases"}
    (await api.delete(f"{api.leases}/brief")).refused(404, "NotFound")
    (await api.patch(f"{api.leases}/brief", {"spec": {}})).refused(404, "NotFound")


async def test_a_delete_can_ask_for_one_incarnation_and_one_version(api: Api) -> None:
    lease = await api.lease("guarded")
    path = f"{api.leases}/guarded"
    wrong_uid = {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}
    assert "UID" in (await api.delete(path, wrong_uid)).refused(409, "Conflict")["message"]
    wrong_version = {"preconditions": {"resourceVersion": "1"}}
    status = (await api.delete(path, wrong_version)).refused(409, "Conflict")
    assert "ResourceVersion" in status["message"]
    meta = lease["metadata"]
    right = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
    (await api.delete(path, {"preconditions": right})).ok()


async def test_finalizers_hold_an_object_until_the_last_is_gone(api: Api) -> None:
    body = config_map("held")
    body["metadata"]["finalizers"] = ["example.com/hold"]
    (await api.post(api.config_maps, body)).ok()
    (await api.delete(f"{api.config_maps}/held")).ok()
    marked = (await api.get(f"{api.config_maps}/held")).ok()
    assert marked["metadata"]["deletionTimestamp"]
    (await api.patch(f"{api.config_maps}/held", {"metadata": {"finalizers": None}})).ok()
    (await api.get(f"{api.config_maps}/held")).refused(404, "NotFound")


async def test_a_merge_patch_merges_and_deletes(api: Api) -> None:
    lease = await api.lease("merged", holderIdentity="n1", leaseTransitions=3)
    patch = {"metadata": {"labels": {"a": "b"}}, "spec": {"holderIdentity": None}}
    answer = (await api.patch(f"{api.leases}/merged", patch)).ok()
    assert answer["spec"] == {"leaseTransitions": 3}
    assert answer["metadata"]["labels"] == {"a": "b"}
    assert int(answer["metadata"]["resourceVersion"]) > int(lease["metadata"]["resourceVersion"])
    again = (await api.patch(f"{api.leases}/merged", patch)).ok()
    assert again["metadata"]["resourceVersion"] == answer["metadata"]["resourceVersion"]


async def test_a_merge_patch_can_ask_for_one_version(api: Api) -> None:
    lease = await api.lease("locked", holderIdentity="n1")
    path = f"{api.leases}/locked"
    version = lease["metadata"]["resourceVersion"]
    guarded = {"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": "n2"}}
    (await api.patch(path, guarded)).ok()
    (await api.patch(path, guarded | {"spec": {"holderIdentity": "n3"}})).refused(409, "Conflict")


async def test_a_json_patch_does_all_operations_or_none(api: Api) -> None:
    await api.lease("stepped", holderIdentity="n1", leaseTransitions=1)
    path = f"{api.leases}/stepped"
    steps = [
        {"op": "test", "path": "/spec/holderIdentity", "value": "n1"},
        {"op": "replace", "path": "/spec/holderIdentity", "value": "n2"},
        {"op": "add", "path": "/metadata/labels", "value": {"a/b": "c"}},
        {"op": "remove", "path": "/spec/leaseTransitions"},
    ]
    answer = (await api.patch(path, steps, JSON_PATCH)).ok()
    assert answer["spec"] == {"holderIdentity": "n2"}
    escaped = [{"op": "replace", "path": "/metadata/labels/a~1b", "value": "d"}]
    assert (await api.patch(path, escaped, JSON_PATCH)).ok()["metadata"]["labels"] == {"a/b": "d"}
    failing = [{"op": "remove", "path": "/metadata/labels"}, steps[0]]
    (await api.patch(path, failing, JSON_PATCH)).refused(422, "Invalid")
    assert (await api.get(path)).ok()["metadata"]["labels"] == {"a/b": "d"}


async def test_a_json_patch_may_replace_what_is_not_there_yet(api: Api) -> None:
    await api.lease("fresh")
    steps = [
        {"op": "test", "path": "/spec/holderIdentity", "value": None},
        {"op": "replace", "path": "/spec/holderIdentity", "value": "n1"},
    ]
    answer = (await api.patch(f"{api.leases}/fresh", steps, JSON_PATCH)).ok()
    assert answer["spec"] == {"holderIdentity": "n1"}


async def test_a_patch_into_values_of_wrong_types_is_invalid(api: Api) -> None:
    await api.lease("typed")
    for value in ("soon", 7):
        patch = {"spec": {"renewTime": value}}
        status = (await api.patch(f"{api.leases}/typed", patch)).refused(422, "Invalid")
        assert [cause["field"] for cause in status["details"]["causes"]] == ["patch"]


async def test_an_undecodable_put_is_a_bad_request_whatever_its_version(api: Api) -> None:
    lease = await api.lease("old", holderIdentity="n1")
    await api.patch(f"{api.leases}/old", {"spec": {"holderIdentity": "n2"}})
    (await api.put(f"{api.leases}/old", changed(lease, renewTime="soon"))).refused(
        400, "BadRequest"
    )


async def test_empty_labels_and_annotations_are_none(api: Api) -> None:
    body = {"metadata": {"name": "bare", "labels": {}, "annotations": {}, "finalizers": []}}
    created = (await api.post(api.leases, body)).ok()
    assert not created["metadata"].keys() & {"labels", "annotations", "finalizers"}


async def test_a_json_patch_can_ask_for_one_version(api: Api) -> None:
    lease = await api.lease("tested", holderIdentity="n1")
    version = lease["metadata"]["resourceVersion"]
    steps = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/spec/holderIdentity", "value": "n2"},
    ]
    path = f"{api.leases}/tested"
    (await api.patch(path, steps, JSON_PATCH)).ok()
    (await api.patch(path, steps, JSON_PATCH)).refused(422, "Invalid")


async def test_a_strategic_patch_merges_lists_by_their_key(api: Api) -> None:
    port = {"name": "a", "port": 80, "protocol": "TCP", "targetPort": 80}
    service = {"metadata": {"name": "ports"}, "spec": {"ports": [port]}}
    (await api.post(api.services, service)).ok()
    patch = {"spec": {"ports": [{"name": "b", "port": 81}, {"port": 80, "targetPort": 8080}]}}
    answer = (await api.patch(f"{api.services}/ports", patch, STRATEGIC)).ok()
    ports = {one["name"]: one["targetPort"] for one in answer["spec"]["ports"]}
    assert ports == {"a": 8080, "b": 81}


async def test_a_patch_of_an_unknown_kind_is_an_unsupported_media_type(api: Api) -> None:
    await api.lease("odd")
    answer = await api.patch(f"{api.leases}/odd", {}, "application/json")
    answer.refused(415, "UnsupportedMediaType")


async def test_a_body_whose_parts_have_wrong_types_is_a_bad_request(api: Api) -> None:
    parts: tuple[Object, ...] = ({"spec": "text"}, {"metadata": []}, {"spec": {"ports": {}}})
    for part in parts:
        whole = {"metadata": {"name": "x"}} | part
        (await api.post(api.services, whole)).refused(400, "BadRequest")


async def test_a_body_that_is_no_json_is_a_bad_request(api: Api) -> None:
    (await api.call("POST", api.leases, "not an object")).refused(400, "BadRequest")


async def test_unknown_paths_and_methods_are_refused(api: Api) -> None:
    unserved = await api.get("/apis/example.invalid/v1/things")
    assert (unserved.code, unserved.body) == (404, {"text": "404 page not found\n"})
    missing = await api.get(f"/api/v1/namespaces/{api.namespace}/things")
    assert missing.refused(404, "NotFound")["details"] == {}
    (await api.call("PUT", api.leases, {})).refused(405, "MethodNotAllowed")


async def test_a_put_of_a_deleted_lease_without_its_uid_creates_it(api: Api) -> None:
    lease = await api.lease("back", holderIdentity="n1")
    (await api.delete(f"{api.leases}/back")).ok()
    del lease["metadata"]["uid"]
    answer = await api.put(f"{api.leases}/back", lease)
    assert answer.code == 201
    assert answer.body["metadata"]["uid"]
