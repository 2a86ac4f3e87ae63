"""Custom resources come, go, change their version and carry whatever users write into them."""

import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from l2announcer.core.facts import Listed
from l2announcer.core.model import Key, Kind, Policy
from l2announcer.kube.client import Client
from l2announcer.kube.reflector import State
from tests.fakes.apiserver import ApiServer
from tests.fakes.faults import Action, Fault
from tests.fakes.resources import DEFINITIONS
from tests.unit.kube.conftest import CRDS
from tests.unit.kube.watched import watching


def policy(name: str, interface: object) -> dict[str, Any]:
    return {
        "apiVersion": "cilium.io/v2alpha1",
        "kind": "CiliumL2AnnouncementPolicy",
        "metadata": {"name": name},
        "spec": {"interfaces": [interface], "externalIPs": True},
    }


def lax(server: ApiServer) -> Any:
    """Install the policies' CRD as one without a schema: users' bad types get through it."""
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "ciliuml2announcementpolicies.cilium.io"},
        "spec": {
            "group": "cilium.io",
            "scope": "Cluster",
            "names": {
                "plural": "ciliuml2announcementpolicies",
                "singular": "ciliuml2announcementpolicy",
                "kind": "CiliumL2AnnouncementPolicy",
                "listKind": "CiliumL2AnnouncementPolicyList",
            },
            "versions": [
                {
                    "name": "v2alpha1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "x-kubernetes-preserve-unknown-fields": True,
                        }
                    },
                }
            ],
        },
    }
    server.store.create(DEFINITIONS, definition, now=time.time())
    resource = server.store.resource("cilium.io", "ciliuml2announcementpolicies")
    assert resource is not None
    return resource


async def test_bad_object_harms_only_itself(server: ApiServer, client: Client) -> None:
    resource = lax(server)
    for name, interface in (("good", "eth0"), ("bad", 7)):
        server.store.create(resource, policy(name, interface), now=time.time())
    with capture_logs() as logs:
        async with watching(client, Kind.POLICY) as watched:
            await watched.until(lambda: watched.reflector.state is State.WATCHING)
            assert watched.lists == [("good",)]
            assert list(watched.reflector.problems) == [Key("", "bad")]
            body = {"spec": {"interfaces": ["eth1"]}}
            patch = "application/merge-patch+json"
            server.store.patch(resource, body, patch, name="bad")
            await watched.until(lambda: watched.names == {"good", "bad"})
            assert not watched.reflector.problems
    sentences = [entry["why"] for entry in logs if "why" in entry]
    assert sentences == [
        "CiliumL2AnnouncementPolicy bad: spec.interfaces[0]: expected `str`, got `int`"
    ]


async def test_object_that_turns_bad_keeps_its_last_good_version(
    server: ApiServer, client: Client
) -> None:
    resource = lax(server)
    server.store.create(resource, policy("p", "eth0"), now=time.time())
    async with watching(client, Kind.POLICY) as watched:
        await watched.until(lambda: watched.reflector.state is State.WATCHING)
        body = {"spec": {"interfaces": "eth1"}}
        server.store.patch(resource, body, "application/merge-patch+json", name="p")
        await watched.until(lambda: bool(watched.reflector.problems))
        server.store.compact()
        server.watches.close()
        await watched.until(lambda: len(watched.lists) == 2)
        last = watched.facts[-1]
        assert isinstance(last, Listed)
        (kept,) = last.objects
        assert isinstance(kept, Policy)
        assert kept.interfaces == ("eth0",)
        server.store.delete(resource, name="p", now=time.time())
        await watched.until(lambda: not watched.names)
        assert not watched.reflector.problems


@pytest.mark.parametrize("kind", [Kind.POLICY, Kind.POOL])
async def test_crd_that_comes_later_and_goes_again(
    server: ApiServer, client: Client, kind: Kind
) -> None:
    with capture_logs() as logs:
        async with watching(client, kind) as watched:
            await watched.until(lambda: watched.reflector.listed)
            assert watched.reflector.state in {State.ABSENT, State.LISTING}
            assert "kubectl apply -f config/crds" in watched.reflector.problem
            plural = watched.reflector.resource.plural
            asked = server.requests["list", plural]
            await watched.until(lambda: server.requests["list", plural] > asked)
            server.apply_files(*CRDS)
            await watched.until(lambda: watched.reflector.state is State.WATCHING)
            assert watched.reflector.problem == ""
            assert watched.facts[0] == Listed(kind, ())
            served = server.store.resource("cilium.io", plural)
            assert served is not None
            server.store.create(served, {"metadata": {"name": "one"}, "spec": {}}, now=time.time())
            await watched.until(lambda: watched.names == {"one"})
            server.store.delete(DEFINITIONS, name=f"{plural}.cilium.io", now=time.time())
            server.watches.close()
            await watched.until(lambda: not watched.names)
            await watched.until(lambda: watched.reflector.problem != "")
    missing = [entry for entry in logs if "is not installed" in entry["event"]]
    assert len(missing) == 2


async def test_one_answer_that_a_kind_is_missing_drops_nothing(
    server: ApiServer, client: Client
) -> None:
    server.apply_files(*CRDS)
    plural = "ciliuml2announcementpolicies"
    served = server.store.resource("cilium.io", plural)
    assert served is not None
    server.store.create(served, {"metadata": {"name": "one"}, "spec": {}}, now=time.time())
    async with watching(client, Kind.POLICY) as watched:
        await watched.until(lambda: watched.reflector.state is State.WATCHING)
        server.faults.plant(
            Fault(action=Action.ANSWER, code=404, resources={plural}, verbs={"list"}, times=1)
        )
        server.store.compact()
        server.watches.close()
        await watched.until(lambda: server.requests["list", plural] == 3)
        await watched.until(lambda: watched.reflector.state is State.WATCHING)
        assert all(names == ("one",) for names in watched.lists)


async def test_pools_are_read_at_the_best_version_served(server: ApiServer, client: Client) -> None:
    server.apply_files(*CRDS)
    async with watching(client, Kind.POOL) as watched:
        await watched.until(lambda: watched.reflector.listed)
        assert watched.reflector.group_version == "cilium.io/v2"


async def test_pools_of_a_cluster_that_knows_only_the_old_version(
    server: ApiServer, client: Client
) -> None:
    server.apply_files(*CRDS)
    name = "ciliumloadbalancerippools.cilium.io"
    definition = server.store.get(DEFINITIONS, "", name)
    server.store.delete(DEFINITIONS, name=name, now=time.time())
    spec = definition["spec"]
    old = [version for version in spec["versions"] if version["name"] == "v2alpha1"]
    old[0]["storage"] = True
    server.store.create(
        DEFINITIONS,
        {**definition, "metadata": {"name": name}, "spec": {**spec, "versions": old}},
        now=time.time(),
    )
    async with watching(client, Kind.POOL) as watched:
        await watched.until(lambda: watched.reflector.state is State.WATCHING)
        assert watched.reflector.group_version == "cilium.io/v2alpha1"
        assert watched.reflector.problem == ""
