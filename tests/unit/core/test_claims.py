"""Claims: who has an address, and what is said to who names it in vain."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from itertools import permutations
from typing import Any

import pytest

from l2announcer.core.candidacy import lease_name
from l2announcer.core.claims import Claims, claimed
from l2announcer.core.model import Ingress, Key, Port, Service

X, Y = "172.19.0.240", "172.19.0.241"
MINE, OTHER, THIRD = Key("one", "web"), Key("two", "web"), Key("three", "web")
TWIN_ONE, TWIN_TWO, TWINS = Key("a-b", "c"), Key("a", "b-c"), "cilium-l2announce-a-b-c"
SHARED = {
    "lbipam.cilium.io/sharing-key": "k",
    "lbipam.cilium.io/sharing-cross-namespace": "*",
}


def named(key: Key, *addresses: str, created: str = "2026-01-01", **fields: Any) -> Service:
    return Service(key=key, uid=str(key), created=created, external_ips=addresses, **fields)


def given(key: Key, *addresses: str, **fields: Any) -> Service:
    ingress = tuple(Ingress(ip=address) for address in addresses)
    return named(key, ingress=ingress, **fields)


def claims(*services: Service) -> Claims:
    found = Claims()
    found.take({service.key: service for service in services})
    return found


def owners(found: Claims, address: str = X) -> list[Key]:
    return sorted(found.owners(ip_address(address)))


def test_what_a_service_claims() -> None:
    service = named(
        MINE,
        X,
        "no address",
        "0.0.0.0",
        "127.0.0.1",
        "224.0.0.9",
        "fe80::1%eth0",
        ingress=(Ingress(ip=Y), Ingress(ip="172.19.0.9", ip_mode="Proxy"), Ingress(hostname="h")),
    )
    assert claimed(service) == {ip_address(X): False, ip_address(Y): True}


def test_an_address_that_is_both_named_and_given_was_given() -> None:
    assert claimed(given(MINE, X)) == {ip_address(X): True}
    both = Service(key=MINE, external_ips=(X,), ingress=(Ingress(ip=X),))
    assert claimed(both) == {ip_address(X): True}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_older_one_has_it_whatever_was_seen_first(order: tuple[int, ...]) -> None:
    services = [
        named(MINE, X, created="2026-01-02"),
        named(OTHER, X, created="2026-01-01"),
        named(THIRD, X, created="2026-01-03"),
    ]
    found = Claims()
    for index in order:
        found.take({services[index].key: services[index]})
    assert owners(found) == [OTHER]
    assert found.denied[MINE][ip_address(X)].owner == OTHER
    assert found.denied[THIRD][ip_address(X)].owner == OTHER
    assert found.had(MINE) == [lease_name(MINE)]


def test_of_two_that_were_created_at_once_the_uid_decides() -> None:
    found = claims(named(MINE, X), named(OTHER, X))
    assert owners(found) == [MINE]


def test_nobody_takes_by_naming_what_was_given() -> None:
    found = claims(named(MINE, X, created="2020-01-01"), given(OTHER, X))
    assert owners(found) == [OTHER]
    sentence = found.denied[MINE][ip_address(X)].sentence(ip_address(X))
    assert sentence.startswith(f"{X} in spec.externalIPs belongs to Service two/web")
    assert "sharing keys" in sentence


def test_who_was_given_it_has_it_always() -> None:
    assert owners(claims(given(MINE, X), given(OTHER, X))) == [MINE, OTHER]


def test_it_is_shared_where_both_permit_it() -> None:
    one = named(MINE, X, annotations=SHARED, ports=(Port(port=80),))
    two = named(OTHER, X, annotations=SHARED, ports=(Port(port=443),))
    assert owners(claims(one, two)) == [MINE, OTHER]
    clash = named(OTHER, X, annotations=SHARED, ports=(Port(port=80),))
    found = claims(one, clash)
    assert owners(found) == [MINE]
    assert "port 80" in found.denied[OTHER][ip_address(X)].why


def test_within_a_namespace_nothing_is_asked() -> None:
    neighbour = Key("one", "api")
    assert owners(claims(named(MINE, X), named(neighbour, X))) == [neighbour, MINE]


def test_who_was_denied_has_it_once_the_other_is_gone_or_permits_it() -> None:
    found = claims(named(MINE, X), named(OTHER, X, Y))
    assert found.had(OTHER) == [ip_address(Y), lease_name(OTHER)]
    assert found.take({MINE: None}) == {MINE, OTHER}
    assert owners(found) == [OTHER]
    assert not found.denied
    assert found.take({MINE: named(MINE, X)}) == {MINE, OTHER}
    assert owners(found) == [MINE]
    found.take({OTHER: named(OTHER, X, annotations=SHARED)})
    assert owners(found) == [MINE]
    found.take({MINE: named(MINE, X, annotations=SHARED)})
    assert owners(found) == [MINE, OTHER]
    assert not found.denied


def test_who_was_denied_two_has_both_once_their_owner_is_gone() -> None:
    for one, other in permutations((X, Y)):
        found = claims(
            named(MINE, X, Y),
            named(OTHER, X, Y, annotations=SHARED),
            named(THIRD, one, annotations=SHARED),
        )
        found.take({MINE: None})
        assert OTHER in found.owners(ip_address(other))
        assert owners(found, one) == [THIRD, OTHER]
        assert not found.denied


def test_of_two_with_one_lease_the_older_has_it() -> None:
    found = claims(given(TWIN_ONE, X, created="2026-01-02"), named(TWIN_TWO, Y))
    assert found.owners(TWINS) == [TWIN_TWO]
    assert found.had(TWIN_ONE) == []
    assert owners(found, X) == []
    sentence = found.denied[TWIN_ONE][TWINS].sentence(TWINS)
    assert sentence.startswith(f"Lease {TWINS}, which has the name of this Service's too,")
    assert "belongs to Service a/b-c" in sentence
    assert found.take({TWIN_TWO: named(TWIN_TWO)}) == {TWIN_ONE, TWIN_TWO}
    assert found.owners(TWINS) == [TWIN_ONE]
    assert owners(found, X) == [TWIN_ONE]
    assert not found.denied


def test_both_have_the_lease_where_both_permit_it() -> None:
    one, two = (named(key, annotations=SHARED) for key in (TWIN_ONE, TWIN_TWO))
    found = claims(replace(one, external_ips=(X,)), replace(two, external_ips=(Y,)))
    assert sorted(found.owners(TWINS)) == [TWIN_TWO, TWIN_ONE]
    assert not found.denied


def test_nobody_takes_the_address_of_a_service_whose_lease_is_another_s() -> None:
    found = claims(named(TWIN_ONE, X), given(TWIN_TWO, Y), named(THIRD, Y))
    assert found.denied[TWIN_TWO].keys() == {TWINS}
    assert found.denied[THIRD][ip_address(Y)].owner == TWIN_TWO
    assert owners(found, Y) == []


def test_who_has_no_address_claims_no_lease() -> None:
    found = claims(named(TWIN_ONE), named(TWIN_TWO, Y, created="2026-01-02"))
    assert found.owners(TWINS) == [TWIN_TWO]
    assert not found.denied


def test_a_change_concerns_no_others() -> None:
    found = claims(named(MINE, X), named(OTHER, Y))
    assert found.take({MINE: named(MINE, X, labels={"a": "b"})}) == {MINE}
    assert found.take({MINE: named(MINE)}) == {MINE}
    assert owners(found, X) == []
