"""Contract: lists, pages, selectors and watches."""

from tests.cluster.contract.api import Api, Object, changed


def names(obj: Object) -> list[str]:
    return [item["metadata"]["name"] for item in obj["items"]]


async def test_a_list_shows_what_was_just_written(api: Api) -> None:
    for name in ("b", "a", "c"):
        lease = await api.lease(name)
        answer = await api.get(api.leases)
        assert name in names(answer.ok())
        assert int(answer.version) >= int(lease["metadata"]["resourceVersion"])
    answer = await api.get(api.leases)
    assert names(answer.body) == ["a", "b", "c"]
    assert answer.body["kind"] == "LeaseList"
    assert answer.body["apiVersion"] == "coordination.k8s.io/v1"
    assert "kind" not in answer.body["items"][0]


async def test_an_empty_list_has_a_version_too(api: Api) -> None:
    answer = await api.get(api.leases)
    assert answer.ok()["items"] == []
    assert int(answer.version) > 0


async def test_a_list_over_all_namespaces_has_every_namespace(api: Api) -> None:
    await api.lease("mine")
    listed = (await api.get("/apis/coordination.k8s.io/v1/leases")).ok()
    mine = [item for item in listed["items"] if item["metadata"]["namespace"] == api.namespace]
    assert [item["metadata"]["name"] for item in mine] == ["mine"]


async def test_pages_show_one_version(api: Api) -> None:
    for name in ("a", "b", "c", "d", "e"):
        await api.config_map(name)
    first = await api.get(api.config_maps, limit=2)
    listed, version = names(first.ok()), first.version
    assert len(listed) == 2
    assert first.body["metadata"]["remainingItemCount"] >= 3
    (await api.delete(f"{api.config_maps}/d")).ok()
    await api.config_map("f")
    (await api.patch(f"{api.config_maps}/e", {"data": {"key": "later"}})).ok()
    for _ in range(5):
        if not (token := first.body["metadata"].get("continue")):
            break
        first = await api.get(api.config_maps, **{"limit": 2, "continue": token})
        listed += names(first.ok())
        assert first.version == version
    assert not first.body["metadata"].keys() & {"continue", "remainingItemCount"}
    assert [name for name in listed if len(name) == 1] == ["a", "b", "c", "d", "e"]
    fresh = [name for name in names((await api.get(api.config_maps)).ok()) if len(name) == 1]
    assert fresh == ["a", "b", "c", "e", "f"]


async def test_pages_through_a_selector_hide_how_much_is_left(api: Api) -> None:
    for name in ("a", "b", "c", "d"):
        await api.config_map(name, half="even" if name in "bd" else "odd")
    query: dict[str, str | int] = {"limit": 1, "labelSelector": "half=even"}
    first = (await api.get(api.config_maps, **query)).ok()
    assert names(first) == ["b"]
    assert "remainingItemCount" not in first["metadata"]
    token = first["metadata"]["continue"]
    second = (await api.get(api.config_maps, **(query | {"continue": token}))).ok()
    assert names(second) == ["d"]


async def test_a_bad_token_or_version_is_a_bad_request(api: Api) -> None:
    (await api.get(api.leases, **{"continue": "nonsense"})).refused(400, "BadRequest")
    await api.lease("a")
    await api.lease("b")
    token = (await api.get(api.leases, limit=1)).ok()["metadata"]["continue"]
    mixed = {"continue": token, "resourceVersion": "1"}
    (await api.get(api.leases, **mixed)).refused(400, "BadRequest")
    (await api.get(api.leases, limit="many")).refused(400, "BadRequest")


async def test_a_list_of_a_version_to_come_times_out(api: Api) -> None:
    answer = await api.get(api.leases, resourceVersion="999999999")
    status = answer.refused(504, "Timeout")
    assert status["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_label_selectors(api: Api) -> None:
    await api.config_map("plain")
    await api.config_map("red", colour="red", size="1")
    await api.config_map("blue", colour="blue")
    mine = f"metadata.name!=kube-root-ca.crt,metadata.namespace={api.namespace}"
    for selector, expected in {
        "colour": ["blue", "red"],
        "!colour": ["plain"],
        "colour=red": ["red"],
        "colour==red,size": ["red"],
        "colour!=red": ["blue", "plain"],
        "colour in (red, blue)": ["blue", "red"],
        "colour notin (red)": ["blue", "plain"],
        "colour in (red),size in (1,2)": ["red"],
        "": ["blue", "plain", "red"],
    }.items():
        query = {"labelSelector": selector, "fieldSelector": mine}
        assert names((await api.get(api.config_maps, **query)).ok()) == expected, selector


async def test_a_bad_selector_is_a_bad_request(api: Api) -> None:
    for selector in ("a in", "=", "a=b c", "a in (b"):
        (await api.get(api.leases, labelSelector=selector)).refused(400, "BadRequest")
    (await api.get(api.leases, fieldSelector="spec.nothing=1")).refused(400, "BadRequest")


async def test_field_selectors(api: Api) -> None:
    await api.lease("a")
    await api.lease("b")
    query = {"fieldSelector": "metadata.name=a"}
    assert names((await api.get(api.leases, **query)).ok()) == ["a"]
    query = {"fieldSelector": f"metadata.namespace={api.namespace},metadata.name!=a"}
    everywhere = "/apis/coordination.k8s.io/v1/leases"
    assert names((await api.get(everywhere, **query)).ok()) == ["b"]


async def test_a_watch_from_a_listed_version_sees_exactly_what_came_after(api: Api) -> None:
    lease = await api.lease("a", holderIdentity="n1")
    version = (await api.get(api.leases)).version
    lease = (await api.put(f"{api.leases}/a", changed(lease, holderIdentity="n2"))).ok()
    (await api.put(f"{api.leases}/a", lease)).ok()
    await api.lease("b")
    (await api.delete(f"{api.leases}/a")).ok()
    async with api.watch(api.leases, resourceVersion=version, timeoutSeconds=20) as watch:
        assert watch.code == 200
        events = [await watch.next() for _ in range(3)]
        await api.lease("c")
        assert await watch.seen(1) == [("ADDED", "c")]
    seen = [(one["type"], one["object"]["metadata"]["name"]) for one in events if one]
    assert seen == [("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]
    first, _, last = [one["object"] for one in events if one]
    assert first == lease
    assert last["kind"] == "Lease"
    assert last["spec"] == lease["spec"]
    versions = [int(one["object"]["metadata"]["resourceVersion"]) for one in events if one]
    assert versions == sorted(set(versions))
    assert versions[0] > int(version)


async def test_a_watch_without_a_version_begins_with_the_present_state(api: Api) -> None:
    await api.lease("a")
    await api.lease("b")
    for query in ({}, {"resourceVersion": "0"}):
        async with api.watch(api.leases, timeoutSeconds=20, **query) as watch:
            assert sorted(await watch.seen(2)) == [("ADDED", "a"), ("ADDED", "b")]
            await api.lease(f"c{len(query)}")
            assert (await watch.seen(1))[0][0] == "ADDED"
        (await api.delete(f"{api.leases}/c{len(query)}")).ok()


async def test_a_watch_ends_in_order_after_its_time(api: Api) -> None:
    version = (await api.get(api.leases)).version
    async with api.watch(api.leases, resourceVersion=version, timeoutSeconds=1) as watch:
        assert await watch.line() is None


async def test_a_watch_that_asks_for_bookmarks_gets_one_before_it_ends(api: Api) -> None:
    version = (await api.get(api.leases)).version
    query: dict[str, str | int] = {"resourceVersion": version, "allowWatchBookmarks": "true"}
    query["timeoutSeconds"] = 4
    lines = []
    async with api.watch(api.leases, **query) as watch:
        lease = await api.lease("a")
        while (line := await watch.line()) is not None:
            lines.append(line)
    assert [line["type"] for line in lines][:2] == ["ADDED", "BOOKMARK"]
    bookmark = lines[1]["object"]
    assert bookmark["kind"] == "Lease"
    assert bookmark["apiVersion"] == "coordination.k8s.io/v1"
    marked = bookmark["metadata"]["resourceVersion"]
    assert int(marked) >= int(lease["metadata"]["resourceVersion"])
    async with api.watch(api.leases, resourceVersion=marked, timeoutSeconds=20) as watch:
        await api.lease("b")
        assert await watch.seen(1) == [("ADDED", "b")]


async def test_a_watch_through_labels_sees_objects_come_and_go(api: Api) -> None:
    version = (await api.get(api.config_maps)).version
    await api.config_map("a", colour="red")
    path = f"{api.config_maps}/a"
    (await api.patch(path, {"data": {"key": "2"}})).ok()
    (await api.patch(path, {"metadata": {"labels": {"colour": "blue"}}})).ok()
    (await api.patch(path, {"data": {"key": "3"}})).ok()
    back = (await api.patch(path, {"metadata": {"labels": {"colour": "red"}}})).ok()
    (await api.delete(path)).ok()
    query = {"labelSelector": "colour=red", "resourceVersion": version}
    async with api.watch(api.config_maps, **query) as watch:
        events = [await watch.next() for _ in range(5)]
    kinds = [event["type"] for event in events if event]
    assert kinds == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
    turned, returned = [event["object"] for event in events if event][2:4]
    assert turned["data"] == {"key": "2"}
    assert turned["metadata"]["labels"] == {"colour": "red"}
    assert int(turned["metadata"]["resourceVersion"]) < int(back["metadata"]["resourceVersion"])
    assert returned == back


async def test_a_watch_through_fields_sees_one_object(api: Api) -> None:
    version = (await api.get(api.leases)).version
    for name in ("a", "b", "a2"):
        await api.lease(name)
    (await api.delete(f"{api.leases}/b")).ok()
    query = {"fieldSelector": "metadata.name=b", "resourceVersion": version}
    async with api.watch(api.leases, **query) as watch:
        assert await watch.seen(2) == [("ADDED", "b"), ("DELETED", "b")]


async def test_a_namespaced_watch_does_not_see_other_namespaces(api: Api) -> None:
    version = (await api.get(api.leases)).version
    elsewhere = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    name = f"other-{api.namespace}"
    (await api.post(elsewhere, {"metadata": {"name": name}})).ok()
    (await api.delete(f"{elsewhere}/{name}")).ok()
    await api.lease("mine")
    async with api.watch(api.leases, resourceVersion=version, timeoutSeconds=20) as watch:
        assert await watch.seen(1) == [("ADDED", "mine")]
