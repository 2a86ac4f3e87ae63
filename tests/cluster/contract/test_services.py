"""Contract: Services, from their defaults to the status of a load balancer."""

from typing import Any

from tests.cluster.contract.api import Api, Object


def service(name: str, **spec: Any) -> Object:
    port = {"port": 80, "targetPort": 8080}
    return {"metadata": {"name": name}, "spec": {"ports": [port]} | spec}


async def test_a_load_balancer_gets_its_defaults(api: Api) -> None:
    created = (await api.post(api.services, service("lb", type="LoadBalancer"))).ok()
    spec = created["spec"]
    assert spec["clusterIP"].startswith("10.96.")
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    (port,) = spec["ports"]
    assert 30000 <= port.pop("nodePort") <= 32767
    assert port == {"port": 80, "protocol": "TCP", "targetPort": 8080}
    rest = {key: spec[key] for key in spec.keys() - {"clusterIP", "clusterIPs", "ports"}}
    assert rest == {
        "allocateLoadBalancerNodePorts": True,
        "externalTrafficPolicy": "Cluster",
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "sessionAffinity": "None",
        "type": "LoadBalancer",
    }
    assert created["status"] == {"loadBalancer": {}}
    assert "generation" not in created["metadata"]


async def test_other_services_get_theirs(api: Api) -> None:
    plain = (await api.post(api.services, service("plain"))).ok()["spec"]
    assert plain["type"] == "ClusterIP"
    assert "nodePort" not in plain["ports"][0]
    assert "externalTrafficPolicy" not in plain
    assert "allocateLoadBalancerNodePorts" not in plain
    external = (await api.post(api.services, service("ext", externalIPs=["192.0.2.1"]))).ok()
    assert external["spec"]["externalTrafficPolicy"] == "Cluster"
    none = (await api.post(api.services, service("none", externalIPs=[]))).ok()
    assert "externalIPs" not in none["spec"]
    headless = (await api.post(api.services, service("headless", clusterIP="None"))).ok()["spec"]
    assert headless["clusterIPs"] == ["None"]
    assert headless["ipFamilyPolicy"] == "RequireDualStack"
    portless = service("portless", type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    assert "nodePort" not in (await api.post(api.services, portless)).ok()["spec"]["ports"][0]
    local = service("local", type="LoadBalancer", externalTrafficPolicy="Local")
    assert (await api.post(api.services, local)).ok()["spec"]["healthCheckNodePort"] >= 30000
    named = {"metadata": {"name": "name"}, "spec": {"type": "ExternalName", "externalName": "a.b"}}
    assert "clusterIP" not in (await api.post(api.services, named)).ok()["spec"]


async def test_services_that_are_not_valid(api: Api) -> None:
    two_ports = [{"port": 80}, {"port": 81}]
    for body, field in (
        ({"metadata": {"name": "none"}, "spec": {}}, "spec.ports"),
        (service("port", ports=[{"port": 0}]), "spec.ports[0].port"),
        (service("names", ports=two_ports), "spec.ports[0].name"),
        (service("1digit"), "metadata.name"),
        (service("class", loadBalancerClass="a/b"), "spec.loadBalancerClass"),
        (service("out", clusterIP="192.0.2.1"), "spec.clusterIPs"),
        (service("policy", externalTrafficPolicy="Local"), "spec.externalTrafficPolicy"),
        (service("bare", type="LoadBalancer", clusterIP="None"), "spec.clusterIPs[0]"),
    ):
        status = (await api.post(api.services, body)).refused(422, "Invalid")
        assert field in [cause["field"] for cause in status["details"]["causes"]]


async def test_what_a_service_was_given_stays_and_is_its_own(api: Api) -> None:
    created = (await api.post(api.services, service("first", type="LoadBalancer"))).ok()
    spec = created["spec"]
    same = service("second", type="LoadBalancer", ports=spec["ports"])
    status = (await api.post(api.services, same)).refused(422, "Invalid")
    assert status["details"]["causes"][0]["field"] == "spec.ports[0].nodePort"
    taken = service("third", clusterIP=spec["clusterIP"])
    (await api.post(api.services, taken)).refused(422, "Invalid")
    bare = service("first", type="LoadBalancer")
    replaced = (await api.put(f"{api.services}/first", bare)).ok()
    assert replaced["spec"] == spec
    assert replaced["metadata"]["resourceVersion"] == created["metadata"]["resourceVersion"]
    moved = {"spec": {"clusterIP": "10.96.200.200", "clusterIPs": ["10.96.200.200"]}}
    (await api.patch(f"{api.services}/first", moved)).refused(422, "Invalid")
    classed = {"spec": {"loadBalancerClass": "example.com/other"}}
    (await api.patch(f"{api.services}/first", classed)).refused(422, "Invalid")


async def test_a_service_of_another_type_loses_its_node_ports(api: Api) -> None:
    body = service("turned", type="LoadBalancer", loadBalancerClass="example.com/one")
    (await api.post(api.services, body)).ok()
    path = f"{api.services}/turned"
    ingress = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    (await api.patch(f"{path}/status", ingress)).ok()
    turned = (await api.patch(path, {"spec": {"type": "ClusterIP"}})).ok()
    spec = turned["spec"]
    assert "nodePort" not in spec["ports"][0]
    assert "allocateLoadBalancerNodePorts" not in spec
    assert "externalTrafficPolicy" not in spec
    assert "loadBalancerClass" not in spec
    assert turned["status"] == {"loadBalancer": {}}


async def test_the_status_of_a_load_balancer(api: Api) -> None:
    created = (await api.post(api.services, service("lb", type="LoadBalancer"))).ok()
    path = f"{api.services}/lb"
    ingress = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    patch = ingress | {"spec": {"sessionAffinity": "ClientIP"}}
    written = (await api.patch(f"{path}/status", patch)).ok()
    assert written["status"]["loadBalancer"] == {"ingress": [{"ip": "192.0.2.1", "ipMode": "VIP"}]}
    assert written["spec"] == created["spec"]
    labelled = (await api.put(path, written | {"status": {}})).ok()
    assert labelled == written
    condition = {
        "type": "example.com/Given",
        "status": "True",
        "reason": "Given",
        "message": "",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }
    noted = (await api.patch(f"{path}/status", {"status": {"conditions": [condition]}})).ok()
    assert noted["status"]["conditions"] == [condition]
    assert noted["status"]["loadBalancer"] == written["status"]["loadBalancer"]
    proxied = {"ingress": [{"ip": "192.0.2.2", "ipMode": "Proxy"}, {"hostname": "a.example"}]}
    answer = (await api.patch(f"{path}/status", {"status": {"loadBalancer": proxied}})).ok()
    assert answer["status"]["loadBalancer"] == proxied


async def test_a_status_that_is_not_valid(api: Api) -> None:
    (await api.post(api.services, service("lb", type="LoadBalancer"))).ok()
    (await api.post(api.services, service("plain"))).ok()
    for name, entry, field in (
        ("lb", {"ip": "192.0.2"}, "status.loadBalancer.ingress[0].ip"),
        ("lb", {"ip": "192.0.2.1", "ipMode": "Odd"}, "status.loadBalancer.ingress[0].ipMode"),
        ("plain", {"ip": "192.0.2.1"}, "status.loadBalancer.ingress"),
    ):
        patch = {"status": {"loadBalancer": {"ingress": [entry]}}}
        answer = await api.patch(f"{api.services}/{name}/status", patch)
        status = answer.refused(422, "Invalid")
        assert [cause["field"] for cause in status["details"]["causes"]] == [field]


async def test_deleting_a_service_answers_with_it(api: Api) -> None:
    created = (await api.post(api.services, service("brief"))).ok()
    deleted = (await api.delete(f"{api.services}/brief")).ok()
    assert deleted["kind"] == "Service"
    assert deleted["metadata"]["uid"] == created["metadata"]["uid"]
