"""The object store: a random history leaves lists, pages and watches that tell one story."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.bootstrap import bootstrap
from tests.fakes.patching import MERGE_PATCH
from tests.fakes.refusals import Refusal
from tests.fakes.resources import CONFIG_MAPS, LEASES, NAMESPACES, SERVICES, Object
from tests.fakes.selector import label_selector
from tests.fakes.store import Store

NOW = 1_767_225_600.0
SPACE = "kube-system"


@pytest.fixture
def store() -> Store:
    return cluster()


def cluster(kept: int = 10_000) -> Store:
    store = Store(kept=kept)
    bootstrap(store, NOW)
    return store


def lease(store: Store, name: str, **labels: str) -> Object:
    body = {"metadata": {"name": name, "labels": labels}, "spec": {"leaseTransitions": 0}}
    return store.create(LEASES, body, namespace=SPACE, now=NOW)


def state(objects: list[Object]) -> dict[str, Object]:
    return {obj["metadata"]["name"]: obj for obj in objects}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "relabel", "count", "nothing", "delete"]),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=30,
)


def play(store: Store, action: str, name: str) -> None:
    """One step of a history; what it refuses changes nothing."""
    if not store.exists(LEASES, SPACE, name):
        if action == "create":
            lease(store, name, colour="red")
        return
    old = store.get(LEASES, SPACE, name)
    match action:
        case "relabel":
            colour = "red" if old["metadata"]["labels"]["colour"] == "blue" else "blue"
            patch: Object = {"metadata": {"labels": {"colour": colour}}}
        case "count":
            patch = {"spec": {"leaseTransitions": old["spec"]["leaseTransitions"] + 1}}
        case "delete":
            store.delete(LEASES, namespace=SPACE, name=name, now=NOW)
            return
        case _:
            patch = {}
    store.patch(LEASES, patch, MERGE_PATCH, namespace=SPACE, name=name)


@given(steps=STEPS, cut=st.integers(0, 30), selector=st.sampled_from(["", "colour=red"]))
def test_a_list_and_the_watch_after_it_give_the_present(
    steps: list[tuple[str, str]], cut: int, selector: str
) -> None:
    store = cluster()
    selects = label_selector(selector)
    for step in steps[:cut]:
        play(store, *step)
    page = store.list(LEASES, SPACE, selects=selects)
    seen = state(page.items)
    for step in steps[cut:]:
        play(store, *step)
    last = page.version
    for event in store.events(LEASES, page.version, SPACE, selects=selects):
        name = event.object["metadata"]["name"]
        assert event.version > last
        assert event.object["metadata"]["resourceVersion"] == str(event.version)
        assert (name in seen) == (event.kind != "ADDED")
        last = event.version
        if event.kind == "DELETED":
            del seen[name]
        else:
            seen[name] = event.object
    assert seen == state(store.list(LEASES, SPACE, selects=selects).items)


@given(steps=STEPS, limit=st.integers(1, 3))
@settings(max_examples=50)
def test_pages_are_one_snapshot_whatever_happens_between(
    steps: list[tuple[str, str]], limit: int
) -> None:
    store = cluster()
    for name in ("a", "b", "c", "d"):
        lease(store, name, colour="red")
    before = store.list(LEASES, SPACE)
    page = store.list(LEASES, SPACE, limit=limit)
    items = list(page.items)
    remaining = iter(steps)
    for _ in before.items:
        if not page.proceed:
            break
        if step := next(remaining, None):
            play(store, *step)
        page = store.list(LEASES, SPACE, limit=limit, proceed=page.proceed)
        items += page.items
    assert items == before.items
    assert page.version == before.version


@given(steps=STEPS)
@settings(max_examples=30)
def test_the_same_history_gives_the_same_store(steps: list[tuple[str, str]]) -> None:
    stores = cluster(), cluster()
    for store in stores:
        for step in steps:
            play(store, *step)
    one, other = (store.list(LEASES, SPACE) for store in stores)
    assert one == other


def test_versions_grow_over_all_kinds_and_a_write_of_nothing_keeps_them(store: Store) -> None:
    first = lease(store, "a")
    service = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    second = store.create(SERVICES, service, namespace="default", now=NOW)
    versions = [int(obj["metadata"]["resourceVersion"]) for obj in (first, second)]
    assert versions == [store.version - 1, store.version]
    same = store.update(LEASES, first, namespace=SPACE, name="a", now=NOW)
    assert same is first
    assert store.version == versions[1]


def test_what_was_given_and_what_was_returned_stays_as_it_was(store: Store) -> None:
    given_body: dict[str, Any] = {"metadata": {"name": "a"}, "spec": {"holderIdentity": "n1"}}
    returned = store.create(LEASES, given_body, namespace=SPACE, now=NOW)
    given_body["spec"]["holderIdentity"] = "changed"
    patch = {"spec": {"holderIdentity": "n2"}}
    store.patch(LEASES, patch, MERGE_PATCH, namespace=SPACE, name="a")
    assert returned["spec"] == {"holderIdentity": "n1"}
    assert store.get(LEASES, SPACE, "a")["spec"] == {"holderIdentity": "n2"}


def test_listeners_hear_every_change_until_they_leave(store: Store) -> None:
    heard = []
    leave = store.subscribe(lambda resource, change: heard.append((resource.kind, change.key)))
    lease(store, "a")
    store.delete(LEASES, namespace=SPACE, name="a", now=NOW)
    leave()
    lease(store, "b")
    assert heard == [("Lease", (SPACE, "a"))] * 2


def test_compaction_ends_old_watches_and_old_pages_only(store: Store) -> None:
    lease(store, "a")
    lease(store, "b")
    page = store.list(LEASES, limit=1)
    store.compact()
    with pytest.raises(Refusal) as watch:
        store.events(LEASES, page.version)
    with pytest.raises(Refusal) as pages:
        store.list(LEASES, limit=1, proceed=page.proceed)
    assert watch.value.code == pages.value.code == 410
    assert watch.value.reason == pages.value.reason == "Expired"
    fresh = store.list(LEASES)
    lease(store, "c")
    assert [event.kind for event in store.events(LEASES, fresh.version)] == ["ADDED"]


def test_history_is_kept_in_bounds() -> None:
    store = cluster(kept=10)
    start = store.version
    for number in range(100):
        lease(store, f"l{number}")
    with pytest.raises(Refusal):
        store.events(LEASES, start)
    assert len(list(store.events(LEASES, store.version - 10))) == 10


def test_a_namespace_takes_its_objects_along(store: Store) -> None:
    store.create(NAMESPACES, {"metadata": {"name": "n"}}, now=NOW)
    for name in ("a", "b"):
        store.create(CONFIG_MAPS, {"metadata": {"name": name}}, namespace="n", now=NOW)
    version = store.version
    store.delete(NAMESPACES, name="n", now=NOW)
    assert [event.kind for event in store.events(CONFIG_MAPS, version)] == ["DELETED"] * 2
    assert not store.list(CONFIG_MAPS, "n").items
