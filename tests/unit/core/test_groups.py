"""Groups: who is elected together, kept true step by step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from l2announcer.core.groups import Group, Groups
from l2announcer.core.model import Key, Service

A, B, C, D = (Key("default", name) for name in "abcd")
X, Y, Z = "172.19.0.240", "172.19.0.241", "172.19.0.242"
TWIN_ONE, TWIN_TWO = Key("a-b", "c"), Key("a", "b-c")  # one Lease name for both


PERMITTED = {
    "lbipam.cilium.io/sharing-key": "k",
    "lbipam.cilium.io/sharing-cross-namespace": "*",
}


def service(key: Key, *addresses: str, permits: bool = False) -> Service:
    annotations = PERMITTED if permits else {}
    return Service(key=key, uid=str(key), external_ips=addresses, annotations=annotations)


def lease(key: Key) -> str:
    return f"cilium-l2announce-{key.namespace}-{key.name}"


def groups(*services: Service) -> Groups:
    found = Groups()
    found.take({one.key: one for one in services})
    return found


def group(*keys: Key) -> Group:
    return Group(keys, tuple(dict.fromkeys(lease(key) for key in keys)))


def joined(found: Groups, key: Key) -> Group | None:
    """The group that a Service is a member of."""
    together = found.of(lease(key))
    return together if together is not None and key in together.services else None


def test_who_is_alone_is_no_group() -> None:
    found = groups(service(A, X), service(B, Y), service(C))
    assert found.of(lease(A)) is None
    assert found.members(lease(A)) == (lease(A),)


def test_a_shared_address_makes_a_group_also_over_a_third() -> None:
    found = groups(service(A, X), service(C, Y, Z), service(B, X, Y), service(D))
    assert {found.of(lease(key)) for key in (A, B, C)} == {group(A, B, C)}
    assert found.members(lease(C)) == (lease(A), lease(B), lease(C))


def test_it_falls_apart_when_what_joined_it_goes() -> None:
    found = groups(service(A, X), service(B, X, Y), service(C, Y))
    assert found.take({B: None}) == {A, B, C}
    assert found.of(lease(A)) is None
    assert found.of(lease(C)) is None
    assert found.take({B: service(B, Y)}) == {B, C}
    assert found.of(lease(B)) == group(B, C)
    assert found.take({B: service(B, Y)}) == {B, C}
    assert found.take({A: service(A, Z)}) == {A}


def test_two_services_of_one_lease_are_a_group_where_both_permit_it() -> None:
    neighbour = Key("a", "z")
    one, two = service(TWIN_ONE, X, permits=True), service(TWIN_TWO, Y, permits=True)
    found = groups(one, two, service(neighbour, Y))
    (name,) = {lease(TWIN_ONE), lease(TWIN_TWO)}
    together = found.of(name)
    assert together is not None
    assert together.services == tuple(sorted((TWIN_ONE, TWIN_TWO, neighbour)))
    assert together.leases == tuple(sorted((name, lease(neighbour))))
    found.take({TWIN_ONE: None})
    assert found.known(name)
    found.take({TWIN_TWO: None, neighbour: None})
    assert not found.known(name)
    assert found.of(name) is None


def test_else_the_younger_has_no_part_in_any_election() -> None:
    neighbour = Key("a", "z")
    found = groups(service(TWIN_ONE, X), service(TWIN_TWO, Y), service(neighbour, Y))
    assert found.of(lease(TWIN_ONE)) is None
    assert found.of(lease(neighbour)) is None
    assert found.take({TWIN_ONE: None}) == {TWIN_ONE, TWIN_TWO, neighbour}
    assert found.of(lease(TWIN_TWO)) == group(TWIN_TWO, neighbour)


def test_who_names_an_address_in_vain_is_no_member() -> None:
    thief = Key("other", "thief")
    found = groups(service(A, X), service(thief, X))
    assert found.of(lease(A)) is None
    assert found.take({A: None}) == {A, thief}


KEYS = [A, B, C, D, TWIN_ONE, TWIN_TWO]
STEPS = st.lists(
    st.dictionaries(
        st.sampled_from(KEYS),
        st.none()
        | st.tuples(st.lists(st.sampled_from([X, Y, Z]), max_size=2, unique=True), st.booleans()),
        min_size=1,
        max_size=3,
    ),
    max_size=12,
)


@given(STEPS)
def test_step_by_step_comes_to_the_same_as_at_once(
    steps: list[dict[Key, tuple[list[str], bool] | None]],
) -> None:
    found, known = Groups(), dict[Key, Service]()
    for step in steps:
        changed = {
            key: None if each is None else service(key, *each[0], permits=each[1])
            for key, each in step.items()
        }
        before = {key: joined(found, key) for key in KEYS}
        concerned = found.take(changed)
        for key, each in changed.items():
            known.pop(key, None)
            if each is not None:
                known[key] = each
        fresh = groups(*known.values())
        for key in KEYS:
            assert found.of(lease(key)) == fresh.of(lease(key))
            assert found.known(lease(key)) == fresh.known(lease(key))
            if joined(found, key) != before[key] and key in known:
                assert key in concerned
