"""Bytes of the API server become the model's objects, and a bad one harms only itself."""

import json
from ipaddress import ip_address

import pytest

from l2announcer.core.model import (
    Block,
    Condition,
    EndpointSlice,
    Holding,
    Ingress,
    Key,
    Kind,
    LabelSelector,
    LeaseRecord,
    Node,
    Policy,
    Pool,
    Port,
    Requirement,
    Service,
    Taint,
)
from l2announcer.kube.decode import Problem, decode, identity

SERVICE = b"""{
  "apiVersion": "v1", "kind": "Service",
  "metadata": {
    "name": "app1-service", "namespace": "default", "uid": "u-1", "resourceVersion": "812",
    "generation": 3, "creationTimestamp": "2026-03-01T10:00:00Z",
    "labels": {"app": "app1"}, "annotations": {"lbipam.cilium.io/ips": "10.0.0.1"},
    "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]
  },
  "spec": {
    "type": "LoadBalancer", "loadBalancerClass": "io.cilium/l2-announcer",
    "loadBalancerIP": "10.0.0.9", "externalIPs": ["192.0.2.7"], "clusterIP": "10.96.4.5",
    "externalTrafficPolicy": "Local", "ipFamilies": ["IPv4", "IPv6"],
    "ipFamilyPolicy": "PreferDualStack", "selector": {"app": "app1"},
    "ports": [{"port": 80, "targetPort": "http", "nodePort": 31000},
              {"port": 53, "protocol": "UDP"}]
  },
  "status": {
    "loadBalancer": {"ingress": [{"ip": "172.19.0.240", "ipMode": "VIP"},
                                 {"hostname": "lb.example.org", "ports": [{"port": 80}]}]},
    "conditions": [{"type": "cilium.io/IPAMRequestSatisfied", "status": "True",
                    "reason": "satisfied", "message": "", "observedGeneration": 3,
                    "lastTransitionTime": "2026-03-01T10:00:01Z"}]
  }
}"""


def test_service_with_everything() -> None:
    assert decode(Kind.SERVICE, SERVICE) == Service(
        key=Key("default", "app1-service"),
        uid="u-1",
        resource_version="812",
        generation=3,
        created="2026-03-01T10:00:00Z",
        labels={"app": "app1"},
        annotations={"lbipam.cilium.io/ips": "10.0.0.1"},
        type="LoadBalancer",
        load_balancer_class="io.cilium/l2-announcer",
        load_balancer_ip="10.0.0.9",
        external_ips=("192.0.2.7",),
        external_traffic_policy="Local",
        ip_families=("IPv4", "IPv6"),
        ip_family_policy="PreferDualStack",
        ports=(Port(port=80), Port(port=53, protocol="UDP")),
        selector={"app": "app1"},
        ingress=(
            Ingress(ip="172.19.0.240", ip_mode="VIP"),
            Ingress(hostname="lb.example.org", ports=({"port": 80},)),
        ),
        conditions=(
            Condition(
                type="cilium.io/IPAMRequestSatisfied",
                status="True",
                reason="satisfied",
                observed_generation=3,
                last_transition_time="2026-03-01T10:00:01Z",
            ),
        ),
    )


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b', "spec": null, "status": null',
        (
            b', "spec": {"externalIPs": null, "ports": null, "selector": null, "type": null,'
            b' "loadBalancerClass": null}, "status": {"loadBalancer": null, "conditions": null}'
        ),
        b', "spec": {"externalIPs": [], "ports": []}, "status": {"loadBalancer": {}}',
    ],
)
def test_service_with_nothing(rest: bytes) -> None:
    raw = b'{"metadata": {"name": "a", "namespace": "b", "labels": null}' + rest + b"}"
    assert decode(Kind.SERVICE, raw) == Service(key=Key("b", "a"))


def test_service_being_deleted() -> None:
    raw = b'{"metadata": {"name": "a", "deletionTimestamp": "2026-03-01T10:00:00Z"}}'
    service = decode(Kind.SERVICE, raw)
    assert isinstance(service, Service)
    assert service.deleting


def test_policy() -> None:
    raw = b"""{"metadata": {"name": "policy1", "uid": "u", "resourceVersion": "5", "generation": 2},
      "spec": {"serviceSelector": {"matchLabels": {"color": "blue"}},
               "nodeSelector": {"matchExpressions": [
                   {"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"},
                   {"key": "zone", "operator": "In", "values": ["a", "b"]}]},
               "interfaces": ["^eth[0-9]+"], "externalIPs": true, "loadBalancerIPs": true},
      "status": {"conditions": [{"type": "io.cilium/bad-node-selector", "status": "False"}]}}"""
    assert decode(Kind.POLICY, raw) == Policy(
        key=Key("", "policy1"),
        uid="u",
        resource_version="5",
        generation=2,
        service_selector=LabelSelector(match_labels=(("color", "blue"),)),
        node_selector=LabelSelector(
            match_expressions=(
                Requirement(key="node-role.kubernetes.io/control-plane", operator="DoesNotExist"),
                Requirement(key="zone", operator="In", values=("a", "b")),
            )
        ),
        interfaces=("^eth[0-9]+",),
        external_ips=True,
        load_balancer_ips=True,
        conditions=(Condition(type="io.cilium/bad-node-selector", status="False", reason=""),),
    )


def test_absent_and_empty_selectors_differ() -> None:
    absent = decode(Kind.POLICY, b'{"metadata": {"name": "p"}}')
    empty = decode(Kind.POLICY, b'{"metadata": {"name": "p"}, "spec": {"serviceSelector": {}}}')
    assert isinstance(absent, Policy)
    assert isinstance(empty, Policy)
    assert absent.service_selector is None
    assert empty.service_selector == LabelSelector()


def test_pool() -> None:
    raw = b"""{"metadata": {"name": "default-pool", "creationTimestamp": "2026-03-01T10:00:00Z"},
      "spec": {"blocks": [{"start": "172.19.0.240", "stop": "172.19.0.250"},
                          {"cidr": "fd00::/120"}],
               "serviceSelector": {"matchLabels": {"a": "b"}}, "disabled": true,
               "allowFirstLastIPs": "No"}}"""
    assert decode(Kind.POOL, raw) == Pool(
        key=Key("", "default-pool"),
        created="2026-03-01T10:00:00Z",
        blocks=(Block(start="172.19.0.240", stop="172.19.0.250"), Block(cidr="fd00::/120")),
        service_selector=LabelSelector(match_labels=(("a", "b"),)),
        disabled=True,
        allow_first_last_ips=False,
    )


@pytest.mark.parametrize(("text", "allowed"), [('"Yes"', True), ("null", True), ('"No"', False)])
def test_only_no_reserves_first_and_last(text: str, allowed: bool) -> None:
    raw = f'{{"metadata": {{"name": "p"}}, "spec": {{"allowFirstLastIPs": {text}}}}}'
    pool = decode(Kind.POOL, raw.encode())
    assert isinstance(pool, Pool)
    assert pool.allow_first_last_ips is allowed


def test_node() -> None:
    raw = (
        b'{"metadata": {"name": "worker", "resourceVersion": "7", "labels": {"a": "b"}},'
        b' "spec": {"podCIDR": 1}}'
    )
    expected = Node(key=Key("", "worker"), resource_version="7", labels={"a": "b"})
    found = decode(Kind.NODE, raw)
    assert isinstance(found, Node)
    assert (found, found.resource_version) == (expected, "7")


def test_node_that_is_being_emptied() -> None:
    raw = {
        "metadata": {
            "name": "worker",
            "resourceVersion": "7",
            "deletionTimestamp": "2026-03-01T10:00:00Z",
            "annotations": {"l2announcer.io/weight": "2", "csi.example/nodeid": "x" * 1000},
        },
        "spec": {
            "unschedulable": True,
            "taints": [
                {"key": "a", "value": "b", "effect": "NoExecute", "timeAdded": "t"},
                {"key": "c", "effect": "NoSchedule"},
            ],
        },
        "status": {
            "conditions": [
                {"type": "Ready", "status": "Unknown", "lastHeartbeatTime": "t", "message": "m"}
            ],
            "addresses": [{"type": "Hostname", "address": "worker"}, {"address": "172.19.0.3"}],
        },
    }
    expected = Node(
        key=Key("", "worker"),
        deleting=True,
        annotations={"l2announcer.io/weight": "2"},
        unschedulable=True,
        taints=(Taint("a", "NoExecute", "b"), Taint("c", "NoSchedule")),
        conditions={"Ready": "Unknown"},
        addresses=(ip_address("172.19.0.3"),),
    )
    assert decode(Kind.NODE, json.dumps(raw).encode()) == expected


def endpoint(node: str | None, **conditions: bool | None) -> dict[str, object]:
    return {"addresses": ["10.0.0.1"], "nodeName": node, "conditions": conditions}


def test_endpoint_slice_as_kube_proxy_sorts_it() -> None:
    raw = {
        "metadata": {
            "name": "app1-x7",
            "namespace": "default",
            "resourceVersion": "9",
            "labels": {"kubernetes.io/service-name": "app1", "a": "b"},
        },
        "addressType": "IPv4",
        "endpoints": [
            endpoint("ready", ready=True, serving=True, terminating=False),
            endpoint("ready", ready=False),
            endpoint("unsaid", ready=None),
            {"addresses": ["10.0.0.2"], "nodeName": "bare"},
            endpoint("draining", ready=False, serving=True, terminating=True),
            endpoint("draining-of-old", ready=False, terminating=True),
            endpoint("unready", ready=False, serving=False, terminating=False),
            endpoint("serving-only", ready=False, serving=True),
            endpoint("ended", ready=False, serving=False, terminating=True),
            endpoint("ready", ready=False, serving=True, terminating=True),
            endpoint(None, ready=True),
        ],
        "ports": [{"port": 80}],
    }
    found = decode(Kind.ENDPOINT_SLICE, json.dumps(raw).encode())
    assert found == EndpointSlice(
        key=Key("default", "app1-x7"),
        service=Key("default", "app1"),
        ready=frozenset({"ready", "unsaid", "bare", ""}),
        draining=frozenset({"draining", "draining-of-old"}),
        idle=frozenset({"unready", "serving-only", "ended"}),
    )
    assert isinstance(found, EndpointSlice)
    assert found.resource_version == "9"


def test_endpoint_slice_of_nothing() -> None:
    raw = b'{"metadata": {"name": "s", "namespace": "d"}, "endpoints": null}'
    assert decode(Kind.ENDPOINT_SLICE, raw) == EndpointSlice(
        key=Key("d", "s"), service=Key("d", "")
    )


def test_a_heartbeat_of_a_node_says_the_same() -> None:
    def beat(time: str, version: str) -> object:
        condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": time}
        metadata = {"name": "worker", "resourceVersion": version}
        raw = {"metadata": metadata, "status": {"conditions": [condition]}}
        return decode(Kind.NODE, json.dumps(raw).encode())

    assert beat("t1", "7") == beat("t2", "8")


LEASE = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {
        "name": "cilium-l2announce-default-app1",
        "namespace": "kube-system",
        "resourceVersion": "99",
        "labels": {"someone": "else's"},
        "annotations": {
            "l2announcer.io/holder": '{"boot":"b-1","netns":4026531840,'
            '"macs":["02:42:ac:13:00:03"],"mode":"service",'
            '"renew":"2026-03-01T10:00:02.123456Z"}'
        },
    },
    "spec": {
        "holderIdentity": "worker",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-03-01T10:00:00.000001Z",
        "renewTime": "2026-03-01T10:00:02.123456Z",
        "leaseTransitions": 4,
        "strategy": "OldestEmulationVersion",
    },
}


def test_lease_keeps_the_whole_object() -> None:
    record = decode(Kind.LEASE, json.dumps(LEASE).encode())
    assert record == LeaseRecord(
        name="cilium-l2announce-default-app1",
        resource_version="99",
        holder="worker",
        duration_seconds=15,
        acquire_time="2026-03-01T10:00:00.000001Z",
        renew_time="2026-03-01T10:00:02.123456Z",
        transitions=4,
        holding=Holding(boot="b-1", netns=4026531840, macs=("02:42:ac:13:00:03",)),
    )
    assert record.raw == LEASE


def test_lease_that_was_never_held() -> None:
    record = decode(Kind.LEASE, b'{"metadata": {"name": "x", "resourceVersion": "1"}}')
    assert record == LeaseRecord(name="x", resource_version="1")


def test_malformed_holding_is_no_holding() -> None:
    lease = {"metadata": {"name": "x", "annotations": {"l2announcer.io/holder": "{"}}}
    record = decode(Kind.LEASE, json.dumps(lease).encode())
    assert isinstance(record, LeaseRecord)
    assert record.holding is None


def test_text_that_is_not_utf8_is_a_problem() -> None:
    found = decode(Kind.NODE, b'{"metadata": {"name": "\xff"}}')
    assert isinstance(found, Problem)


@pytest.mark.parametrize(
    ("kind", "raw", "key", "sentence"),
    [
        (
            Kind.POLICY,
            b'{"metadata": {"name": "p"}, "spec": {"interfaces": ["a", 7]}}',
            Key("", "p"),
            "CiliumL2AnnouncementPolicy p: spec.interfaces[1]: expected `str`, got `int`",
        ),
        (
            Kind.POLICY,
            b'{"metadata": {"name": "p"}, "spec": {"interfaces": "eth0"}}',
            Key("", "p"),
            "CiliumL2AnnouncementPolicy p: spec.interfaces: expected `array | null`, got `str`",
        ),
        (
            Kind.SERVICE,
            b'{"metadata": {"name": "s", "namespace": "n", "labels": {"a": 1}}}',
            Key("n", "s"),
            "Service n/s: metadata.labels[...]: expected `str`, got `int`",
        ),
        (
            Kind.POOL,
            b'{"spec": {}}',
            Key("", ""),
            "a nameless CiliumLoadBalancerIPPool: object missing required field `metadata`",
        ),
        (
            Kind.LEASE,
            b'{"metadata": {"name": "l", "namespace": "n"}, "spec": {"leaseTransitions": "x"}}',
            Key("n", "l"),
            "Lease n/l: spec.leaseTransitions: expected `int | null`, got `str`",
        ),
    ],
)
def test_bad_object_is_a_problem_with_a_sentence(
    kind: Kind, raw: bytes, key: Key, sentence: str
) -> None:
    found = decode(kind, raw)
    assert isinstance(found, Problem)
    assert (found.kind, found.key) == (kind, key)
    assert found.sentence.casefold() == sentence.casefold()


def test_identity_of_an_object_that_is_bad_elsewhere() -> None:
    raw = b'{"metadata": {"name": "p", "resourceVersion": "3", "labels": 5}, "spec": []}'
    assert identity(raw) == (Key("", "p"), "3")
    assert identity(b'{"metadata": []}') == (Key("", ""), "")
