"""Contract: what is peculiar to the built-in kinds that the project reads or writes."""

import re

from tests.cluster.contract.api import Api, Object, changed

MICRO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
RENEWED = "2026-01-02T03:04:05.000006Z"


def node(name: str) -> Object:
    return {"metadata": {"name": name, "labels": {"role": "worker"}}}


async def test_a_lease_round_trip_keeps_what_others_wrote(api: Api) -> None:
    body: Object = {
        "metadata": {
            "name": "shared",
            "labels": {"theirs": "label"},
            "annotations": {"theirs.example.com/note": "kept"},
            "finalizers": ["example.com/theirs"],
        },
        "spec": {"holderIdentity": "n1", "leaseDurationSeconds": 15, "renewTime": RENEWED},
    }
    lease = (await api.post(api.leases, body)).ok()
    renewed = changed(lease, renewTime="2026-01-02T03:04:06.000000Z", leaseTransitions=1)
    written = (await api.put(f"{api.leases}/shared", renewed)).ok()
    read = (await api.get(f"{api.leases}/shared")).ok()
    assert read == written
    assert {key: read["metadata"][key] for key in body["metadata"]} == body["metadata"]
    assert read["spec"] == renewed["spec"]
    (await api.patch(f"{api.leases}/shared", {"metadata": {"finalizers": None}})).ok()


async def test_an_empty_holder_is_kept_as_such(api: Api) -> None:
    lease = await api.lease("free", holderIdentity="", leaseDurationSeconds=1)
    assert lease["spec"] == {"holderIdentity": "", "leaseDurationSeconds": 1}


async def test_micro_times_have_exactly_six_digits(api: Api) -> None:
    for number, text in enumerate(("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z", "soon")):
        body = {"metadata": {"name": f"t{number}"}, "spec": {"renewTime": text}}
        answer = (await api.post(api.leases, body)).refused(400, "BadRequest")
        assert "parsing time" in answer["message"]
    lease = await api.lease("zone", renewTime="2026-01-02T05:04:05.000006+02:00")
    assert lease["spec"]["renewTime"] == RENEWED
    assert MICRO.fullmatch(lease["spec"]["renewTime"])


async def test_numbers_of_a_lease_have_bounds(api: Api) -> None:
    for field, value in {"leaseDurationSeconds": 0, "leaseTransitions": -1}.items():
        body = {"metadata": {"name": "bounds"}, "spec": {field: value}}
        status = (await api.post(api.leases, body)).refused(422, "Invalid")
        assert [cause["field"] for cause in status["details"]["causes"]] == [f"spec.{field}"]
    text = {"metadata": {"name": "text"}, "spec": {"leaseDurationSeconds": "15"}}
    (await api.post(api.leases, text)).refused(400, "BadRequest")


async def test_a_lease_has_no_status_of_its_own(api: Api) -> None:
    await api.lease("plain")
    (await api.get(f"{api.leases}/plain/status")).refused(404, "NotFound")


async def test_events_are_created_and_counted_up(api: Api) -> None:
    path = f"/api/v1/namespaces/{api.namespace}/events"
    about = {"kind": "Service", "name": "s", "namespace": api.namespace, "apiVersion": "v1"}
    body = {
        "metadata": {"generateName": "s."},
        "involvedObject": about,
        "reason": "Announced",
        "message": "192.0.2.1 is announced on eth0",
        "type": "Normal",
        "count": 1,
        "source": {"component": "l2announcer", "host": "n1"},
        "firstTimestamp": "2026-01-02T03:04:05Z",
        "lastTimestamp": "2026-01-02T03:04:05Z",
    }
    created = (await api.post(path, body)).ok()
    assert {key: created[key] for key in body.keys() - {"metadata"}} == {
        key: body[key] for key in body.keys() - {"metadata"}
    }
    name = created["metadata"]["name"]
    counted = (await api.patch(f"{path}/{name}", {"count": 2})).ok()
    assert counted["count"] == 2
    query = {"fieldSelector": "involvedObject.name=s,involvedObject.kind=Service,type=Normal"}
    listed = (await api.get(path, **query)).ok()
    assert [item["metadata"]["name"] for item in listed["items"]] == [name]
    elsewhere = body | {"involvedObject": about | {"namespace": "default"}}
    status = (await api.post(path, elsewhere)).refused(422, "Invalid")
    assert status["details"]["causes"][0]["field"] == "involvedObject.namespace"


async def test_a_node_reports_its_status_apart(api: Api) -> None:
    name = f"n-{api.namespace}"
    (await api.post("/api/v1/nodes", node(name))).ok()
    path = f"/api/v1/nodes/{name}"
    addresses = [{"type": "InternalIP", "address": "192.0.2.9"}]
    patch = {"status": {"addresses": addresses}, "spec": {"unschedulable": True}}
    reported = (await api.patch(f"{path}/status", patch)).ok()
    assert reported["status"]["addresses"] == addresses
    assert "unschedulable" not in reported["spec"]
    cordoned = (await api.patch(path, {"spec": {"unschedulable": True}, "status": None})).ok()
    assert cordoned["spec"]["unschedulable"] is True
    assert cordoned["status"]["addresses"] == addresses
    query = {"fieldSelector": f"metadata.name={name},spec.unschedulable=true"}
    assert len((await api.get("/api/v1/nodes", **query)).ok()["items"]) == 1
    (await api.delete(path)).ok()


async def test_a_deployment_counts_generations_and_keeps_its_status(api: Api) -> None:
    path = f"/apis/apps/v1/namespaces/{api.namespace}/deployments"
    template = {
        "metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "a", "image": "a"}]},
    }
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": template}
    created = (await api.post(path, {"metadata": {"name": "d"}, "spec": spec})).ok()
    assert created["spec"]["replicas"] == 1
    assert created["metadata"]["generation"] == 1
    status = {"status": {"observedGeneration": 1, "replicas": 1}}
    reported = (await api.patch(f"{path}/d/status", status)).ok()
    assert reported["status"]["replicas"] == 1
    assert reported["metadata"]["generation"] == 1
    scaled = (await api.patch(f"{path}/d", {"spec": {"replicas": 2}})).ok()
    assert scaled["metadata"]["generation"] == 2
    assert scaled["status"]["replicas"] == 1
    mismatch = spec | {"selector": {"matchLabels": {"app": "b"}}}
    refused = await api.post(path, {"metadata": {"name": "e"}, "spec": mismatch})
    refused.refused(422, "Invalid")


async def test_a_pod_is_bound_and_reports(api: Api) -> None:
    path = f"/api/v1/namespaces/{api.namespace}/pods"
    body = {
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "a", "image": "a"}], "terminationGracePeriodSeconds": 0},
    }
    created = (await api.post(path, body)).ok()
    assert created["status"]["phase"] == "Pending"
    binding = {
        "kind": "Binding",
        "apiVersion": "v1",
        "metadata": {"name": "p"},
        "target": {"kind": "Node", "name": "n1"},
    }
    assert (await api.post(f"{path}/p/binding", binding)).code == 201
    (await api.post(f"{path}/p/binding", binding)).refused(409, "Conflict")
    status = {"status": {"phase": "Running", "podIP": "192.0.2.7"}}
    (await api.patch(f"{path}/p/status", status)).ok()
    query = {"fieldSelector": "spec.nodeName=n1,status.phase=Running"}
    (found,) = (await api.get(path, **query)).ok()["items"]
    assert found["status"]["podIP"] == "192.0.2.7"
    (await api.delete(f"{path}/p")).ok()
    (await api.get(f"{path}/p")).refused(404, "NotFound")


async def test_endpoint_slices_are_found_by_their_service(api: Api) -> None:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{api.namespace}/endpointslices"
    body = {
        "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
    }
    created = (await api.post(path, body)).ok()
    assert created["ports"] == [{"name": "", "port": 80, "protocol": "TCP"}]
    assert created["endpoints"] == body["endpoints"]
    query = {"labelSelector": "kubernetes.io/service-name=s"}
    assert len((await api.get(path, **query)).ok()["items"]) == 1
    moved = {"endpoints": [{"addresses": ["10.0.0.2"], "conditions": {"ready": True}}]}
    assert (await api.patch(f"{path}/s-1", moved)).ok()["metadata"]["generation"] == 2
    (await api.patch(f"{path}/s-1", {"addressType": "IPv6"})).refused(422, "Invalid")


async def test_a_namespace_is_named_by_a_label(api: Api) -> None:
    read = (await api.get(f"/api/v1/namespaces/{api.namespace}")).ok()
    assert read["metadata"]["labels"] == {"kubernetes.io/metadata.name": api.namespace}
    assert read["status"] == {"phase": "Active"}
    for name in ("default", "kube-system"):
        (await api.get(f"/api/v1/namespaces/{name}")).ok()


async def test_everything_is_allowed_to_an_administrator(api: Api) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    attributes = {"verb": "list", "resource": "services"}
    review = {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await api.post(path, review)
    assert answer.code == 201
    assert answer.body["status"]["allowed"] is True


async def test_the_server_says_that_it_lives_and_what_it_is(api: Api) -> None:
    for path in ("/livez", "/readyz", "/healthz"):
        answer = await api.get(path)
        assert (answer.code, answer.body) == (200, {"text": "ok"})
    version = (await api.get("/version")).ok()
    assert version["major"] == "1"
    assert version["gitVersion"].startswith("v1.")
    assert (await api.get("/api")).ok()["versions"] == ["v1"]
    listed = (await api.get("/apis/coordination.k8s.io/v1")).ok()
    lease = next(one for one in listed["resources"] if one["name"] == "leases")
    assert (lease["kind"], lease["namespaced"]) == ("Lease", True)
