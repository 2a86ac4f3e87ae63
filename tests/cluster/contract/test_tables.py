"""Contract: objects as the rows that `kubectl get` prints."""

from typing import Any

from tests.cluster.contract.api import Api, Object
from tests.cluster.contract.definitions import definition, served

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
WORKER = "node-role.kubernetes.io/worker"


async def table(api: Api, path: str, *, wide: bool = False) -> list[dict[str, Any]]:
    """The rows of a collection by the names of their columns, without those of time."""
    body = (await api.call("GET", path, accepts=TABLE)).ok()
    assert (body["kind"], body["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    columns = body["columnDefinitions"]
    rows = []
    for row in body["rows"]:
        assert row["object"]["kind"] == "PartialObjectMetadata"
        assert row["object"]["metadata"]["name"]
        cells = zip(columns, row["cells"], strict=True)
        rows.append(
            {
                column["name"]: cell
                for column, cell in cells
                if column["name"] != "Age" and (wide or not column["priority"])
            }
        )
    return rows


def service(name: str, **spec: Any) -> Object:
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 53, "protocol": "UDP"}]
    return {"metadata": {"name": name}, "spec": {"ports": ports} | spec}


async def test_rows_of_services(api: Api) -> None:
    closed: Object = {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False}
    specs: dict[str, Object] = {
        "a": {"selector": {"b": "2", "a": "1"}},
        "b": {"externalIPs": ["192.0.2.1", "192.0.2.2"]},
        "c": closed,
        "d": closed,
        "e": closed | {"externalIPs": ["192.0.2.1"]},
        "f": closed,
        "g": {"clusterIP": "None"},
    }
    for name, spec in specs.items():
        (await api.post(api.services, service(name, **spec))).ok()
    for name, addresses in {
        "d": ["192.0.2.9"],
        "e": ["192.0.2.9"],
        "f": ["192.0.2.9", "2001:db8::9"],
    }.items():
        ingress = {"loadBalancer": {"ingress": [{"ip": address} for address in addresses]}}
        (await api.patch(f"{api.services}/{name}/status", {"status": ingress})).ok()
    rows = {row["Name"]: row for row in await table(api, api.services, wide=True)}
    assert {name: row["External-IP"] for name, row in rows.items()} == {
        "a": "<none>",
        "b": "192.0.2.1,192.0.2.2",
        "c": "<pending>",
        "d": "192.0.2.9",
        "e": "192.0.2.9,192.0.2.1",
        "f": "192.0.2.9,2001:db8::9",
        "g": "<none>",
    }
    assert rows["a"]["Selector"] == "a=1,b=2"
    assert rows["a"]["Type"] == "ClusterIP"
    assert rows["a"]["Port(s)"] == "80/TCP,53/UDP"
    assert rows["a"]["Cluster-IP"].startswith("10.96.")
    assert rows["g"]["Cluster-IP"] == "None"
    assert list(rows["a"]) == ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Selector"]
    (await api.post(api.services, service("h", type="NodePort"))).ok()
    (row,) = await table(api, f"{api.services}/h")
    assert row["Port(s)"].startswith("80:3")


async def test_rows_of_leases_and_of_other_kinds(api: Api) -> None:
    await api.lease("held", holderIdentity="n1")
    await api.lease("unheld")
    assert await table(api, api.leases) == [
        {"Name": "held", "Holder": "n1"},
        {"Name": "unheld", "Holder": ""},
    ]
    await api.config_map("c")
    assert {"Name": "c", "Data": 1} in await table(api, api.config_maps)
    (row,) = await table(api, f"/api/v1/namespaces/{api.namespace}")
    assert row == {"Name": api.namespace, "Status": "Active"}


async def test_rows_of_nodes(api: Api) -> None:
    name = f"n-{api.namespace}"
    path = f"/api/v1/nodes/{name}"
    (await api.post("/api/v1/nodes", {"metadata": {"name": name, "labels": {WORKER: ""}}})).ok()
    ready = {"type": "Ready", "status": "True"}
    addresses = [{"type": "InternalIP", "address": "192.0.2.7"}]
    status = {"conditions": [ready], "addresses": addresses}
    (await api.patch(f"{path}/status", {"status": status})).ok()
    (row,) = await table(api, path, wide=True)
    assert (row["Status"], row["Roles"], row["Internal-IP"]) == ("Ready", "worker", "192.0.2.7")
    (await api.patch(path, {"spec": {"unschedulable": True}})).ok()
    (row,) = await table(api, path)
    assert row["Status"] == "Ready,SchedulingDisabled"
    unready = {"status": {"conditions": [ready | {"status": "False"}]}}
    (await api.patch(f"{path}/status", unready)).ok()
    (row,) = await table(api, path)
    assert row["Status"] == "NotReady,SchedulingDisabled"
    (await api.delete(path)).ok()


async def test_rows_of_custom_resources(api: Api) -> None:
    group = f"{api.namespace}.example.com"
    path = f"/apis/{group}/v2/things"
    described = definition(group)
    described["spec"]["versions"][0]["additionalPrinterColumns"] = [
        {"name": "Enabled", "type": "boolean", "jsonPath": ".spec.enabled"},
        {
            "name": "Message",
            "type": "string",
            "jsonPath": '.status.conditions[?(@.type=="example.com/Ready")].message',
        },
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    (await api.post(definitions, described)).ok()
    await served(api, path)
    thing = {"apiVersion": f"{group}/v2", "kind": "Thing", "metadata": {"name": "a"}, "spec": {}}
    (await api.post(path, thing)).ok()
    assert await table(api, path) == [{"Name": "a", "Enabled": False, "Message": None}]
    conditions = [
        {"type": kind, "message": kind, "lastTransitionTime": "2026-01-02T03:04:05Z"}
        for kind in ("other", "example.com/Ready")
    ]
    (await api.patch(f"{path}/a/status", {"status": {"conditions": conditions}})).ok()
    (row,) = await table(api, path)
    assert row["Message"] == "example.com/Ready"
    (await api.delete(f"{definitions}/things.{group}")).ok()
